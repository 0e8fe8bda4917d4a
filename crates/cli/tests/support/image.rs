//! Container images of our own making.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test file uses part of it; tests may panic"
)]

use super::support::{Site, workspace};

fn tar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, path, *content).unwrap();
    }
    builder.into_inner().unwrap()
}

/// Writes an archive as `docker save` does, with one layer.
pub fn image(site: &Site, path: &str, files: &[(&str, &[u8])]) {
    let layer = tar(files);
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &layer);
    let config = format!(
        r#"{{"rootfs": {{"diff_ids": ["sha256:{}"]}}}}"#,
        hex::encode(digest)
    );
    let manifest = r#"[{"Config": "config.json", "RepoTags": ["shop:1"], "Layers": ["layer.tar"]}]"#;
    let files: [(&str, &[u8]); 3] = [
        ("manifest.json", manifest.as_bytes()),
        ("config.json", config.as_bytes()),
        ("layer.tar", &layer),
    ];
    site.write(path, tar(&files));
}

/// A database of RPM with sixty packages `packageN` 1.0-N.el9, of which the first has epoch 2, each built from `sourceN`.
pub fn rpm_database() -> Vec<u8> {
    std::fs::read(workspace().join("crates/sbom/tests/data/rpmdb.sqlite")).unwrap()
}
