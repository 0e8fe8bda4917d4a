//! What people who come from other tools type, answered by how it is said here.

use std::path::{Path, PathBuf};

/// What other tools take as `--output`, and this one as `--format`.
const FORMATS: [&str; 16] = [
    "cyclonedx",
    "cyclonedx-json",
    "cyclonedx-xml",
    "github",
    "gitlab",
    "html",
    "json",
    "junit",
    "markdown",
    "sarif",
    "spdx",
    "spdx-json",
    "syft-json",
    "table",
    "tap",
    "text",
];

/// The file of `--output`; a format that is asked for there would become a file of that name.
pub(crate) fn output_file(text: &str) -> Result<PathBuf, String> {
    if FORMATS.contains(&text) {
        return Err(format!(
            "it names a file, and formats are named by --format; ./{text} is a file"
        ));
    }
    Ok(PathBuf::from(text))
}

/// That a path is not there, and what else it may have meant: where Syft and Grype look (`dir:.`), or an image's name.
pub(crate) fn gone(path: &Path) -> String {
    let text = path.display().to_string();
    let schemes = [
        "dir:",
        "docker-archive:",
        "file:",
        "oci-archive:",
        "oci-dir:",
        "sbom:",
    ];
    if let Some(scheme) = schemes.iter().find(|scheme| text.starts_with(**scheme)) {
        return format!("there is no {text}: leave out `{scheme}`");
    }
    if text.contains(':') {
        return format!(
            "there is no {text}: images are not pulled, only read from files (`docker save {text} -o image.tar`)"
        );
    }
    format!("there is no {text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_no_files() {
        assert!(output_file("sarif").unwrap_err().contains("--format"));
        for file in ["./sarif", "sarif.json", "out"] {
            assert_eq!(output_file(file).unwrap(), Path::new(file));
        }
    }

    #[test]
    fn what_is_gone_may_be_called_otherwise() {
        let gone = |path: &str| gone(Path::new(path));
        assert_eq!(gone("a/b"), "there is no a/b");
        assert!(gone("dir:.").ends_with("leave out `dir:`"));
        assert!(gone("alpine:3.19").contains("docker save alpine:3.19"));
    }
}
