//! A gzipped tar whose bytes depend on its entries alone.
//!
//! The digest of a bundle is a policy's version, so the bytes must come out the same on any machine, today and in ten years. A compressor's output changes with its
//! version and build; therefore the deflate stream uses stored blocks only (RFC 1951, 3.2.4), which leave nothing to choose. What
//! carries bundles (HTTP, OCI) compresses them well enough.

use tar::{EntryType, Header};

use super::BundleError;

/// The longest stored block that RFC 1951 allows.
const BLOCK: usize = 65_535;

/// RFC 1952 header: deflate, no flags, no time, no extra flags, unknown operating system.
const GZIP_HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

/// A tar of `entries` (path and contents, in the order given) in ustar format: mode 0644, owner 0:0 without names, time 0.
pub(super) fn tar<'a>(
    entries: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> Result<Vec<u8>, BundleError> {
    let mut builder = tar::Builder::new(Vec::new());
    for (path, contents) in entries {
        let failed = |error: std::io::Error| BundleError::Path {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        let mut header = Header::new_ustar();
        // OPA writes a leading slash; without one the archive is friendlier to tar and OPA reads both.
        header.set_path(path).map_err(failed)?;
        header.set_entry_type(EntryType::Regular);
        header.set_size(u64::try_from(contents.len()).unwrap_or(u64::MAX));
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_cksum();
        builder.append(&header, contents).map_err(failed)?;
    }
    builder.into_inner().map_err(|error| BundleError::Path {
        path: String::new(),
        reason: error.to_string(),
    })
}

/// Wraps `bytes` in gzip without compressing them.
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = GZIP_HEADER.to_vec();
    let mut rest = bytes;
    loop {
        let (block, after) = rest.split_at_checked(BLOCK).unwrap_or((rest, &[]));
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(u8::from(after.is_empty()));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
        if after.is_empty() {
            break;
        }
        rest = after;
    }
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    out.extend_from_slice(&crc.sum().to_le_bytes());
    let size = u32::try_from(bytes.len() & 0xffff_ffff).unwrap_or_default();
    out.extend_from_slice(&size.to_le_bytes());
    out
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn any_length_unpacks_to_itself() {
        for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 17] {
            let bytes: Vec<u8> = (0..length).map(|i| u8::try_from(i % 251).unwrap()).collect();
            let mut out = Vec::new();
            flate2::read::GzDecoder::new(gzip(&bytes).as_slice())
                .read_to_end(&mut out)
                .unwrap();
            assert_eq!(out, bytes);
        }
    }

    #[test]
    fn long_paths_are_refused() {
        let path = "a".repeat(300);
        assert!(matches!(
            tar([(path.as_str(), b"x".as_slice())]),
            Err(BundleError::Path { .. })
        ));
    }
}
