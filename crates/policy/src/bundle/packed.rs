//! A bundle kept at hand for what is seldom asked.

use std::io::{self, Read as _, Write as _};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

/// The bytes of a bundle, compressed in memory: bundles themselves are stored without compression, so that their digest does not depend on
/// how well somebody compresses.
#[derive(Clone)]
pub struct Packed {
    deflated: Box<[u8]>,
    length: usize,
}

impl Packed {
    /// Compresses a bundle.
    ///
    /// # Errors
    /// When the compressor fails; writing to memory does not.
    pub fn new(bundle: &[u8]) -> io::Result<Self> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bundle)?;
        Ok(Self {
            deflated: encoder.finish()?.into_boxed_slice(),
            length: bundle.len(),
        })
    }

    /// The bundle's bytes.
    ///
    /// # Errors
    /// When the compressed bytes are damaged.
    pub fn unpack(&self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(self.length);
        DeflateDecoder::new(&*self.deflated).read_to_end(&mut bytes)?;
        if bytes.len() == self.length {
            Ok(bytes)
        } else {
            Err(io::ErrorKind::UnexpectedEof.into())
        }
    }
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packed")
            .field("length", &self.length)
            .field("deflated", &self.deflated.len())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Packed;

    #[test]
    fn a_bundle_comes_back_as_it_was_and_damage_is_noticed() {
        let bundle = b"users and roles, ".repeat(1_000);
        let mut packed = Packed::new(&bundle).unwrap();
        assert_eq!(packed.unpack().unwrap(), bundle);
        assert!(packed.deflated.len() < bundle.len() / 10, "{packed:?}");
        packed.length -= 1;
        assert!(packed.unpack().is_err());
        packed.deflated = Box::new([0xff; 8]);
        assert!(packed.unpack().is_err());
        assert_eq!(Packed::new(&[]).unwrap().unpack().unwrap(), b"");
    }
}
