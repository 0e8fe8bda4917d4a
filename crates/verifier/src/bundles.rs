//! Where the bundles of policy versions come from. A bundle is its digest, so it does not matter who gives it.

use std::path::{Path, PathBuf};

use stele_types::PolicyVersion;

use crate::error::VerifierError;
use crate::source::Source;

/// Directories with bundles; what had to be fetched goes into the last one.
#[derive(Debug, Clone)]
pub struct Bundles {
    dirs: Vec<PathBuf>,
    kept: PathBuf,
}

impl Bundles {
    /// Looks into `dirs` first, and keeps what it fetches in `kept`.
    pub fn new(dirs: Vec<PathBuf>, kept: PathBuf) -> Self {
        Self { dirs, kept }
    }

    /// A version's bundle: from a directory, from where the registry says, or from the node.
    ///
    /// # Errors
    /// [`VerifierError::Bundle`] when nobody has it, with what each said.
    pub async fn get(
        &self,
        version: PolicyVersion,
        uri: &str,
        source: &Source,
    ) -> Result<Vec<u8>, VerifierError> {
        let name = format!("{version}.tar.gz");
        let mut said = Vec::new();
        for dir in self.dirs.iter().chain([&self.kept]) {
            let path = dir.join(&name);
            match std::fs::read(&path) {
                Ok(bytes) if PolicyVersion::of_bundle(&bytes) == version => return Ok(bytes),
                Ok(_) => said.push(format!("{} has another digest", path.display())),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => said.push(format!("{}: {error}", path.display())),
            }
        }
        if uri.starts_with("http://") || uri.starts_with("https://") {
            match source.elsewhere(uri).await {
                Ok(Some(bytes)) if PolicyVersion::of_bundle(&bytes) == version => {
                    return Ok(self.keep(&name, bytes));
                }
                Ok(Some(_)) => said.push(format!("{uri} has another digest")),
                Ok(None) => said.push(format!("{uri} has nothing")),
                Err(error) => said.push(error.to_string()),
            }
        }
        match source.bundle(version).await {
            Ok(Some(bytes)) if PolicyVersion::of_bundle(&bytes) == version => {
                return Ok(self.keep(&name, bytes));
            }
            Ok(Some(_)) => said.push("the node serves another one under its name".to_owned()),
            Ok(None) => said.push("the node does not have it".to_owned()),
            Err(error) => said.push(error.to_string()),
        }
        Err(VerifierError::Bundle {
            version,
            problem: said.join("; "),
        })
    }

    /// Keeps a bundle for the next start; without it, it is fetched again.
    fn keep(&self, name: &str, bytes: Vec<u8>) -> Vec<u8> {
        if let Err(error) = write(&self.kept, name, &bytes) {
            tracing::warn!(%error, dir = %self.kept.display(), "a bundle can't be kept");
        }
        bytes
    }
}

fn write(dir: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let draft = dir.join(format!("{name}.part"));
    std::fs::write(&draft, bytes)?;
    std::fs::rename(&draft, dir.join(name))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;
    use crate::replay::Replayer;
    use crate::replay::tests::door;

    /// A server that has these bytes for everybody.
    fn serving(bytes: &[u8]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            bytes.len()
        );
        let answer = [head.as_bytes(), bytes].concat();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 4_096]);
                let _ = stream.write_all(&answer);
            }
        });
        url
    }

    #[tokio::test]
    async fn only_the_bundle_that_the_registry_names_is_taken() {
        let door = door();
        let (good, version) = (door.bytes.clone(), door.digest);
        let mut other = good.clone();
        other[20] ^= 1;
        let dir = tempfile::tempdir().unwrap();
        let (given, kept) = (dir.path().join("given"), dir.path().join("kept"));
        let name = format!("{version}.tar.gz");
        write(&given, &name, &other).unwrap();
        let bundles = Bundles::new(vec![given.clone()], kept.clone());

        let lie = serving(&other);
        let source = Source::new(&lie, None).unwrap();
        let uri = format!("{lie}/bundle");
        let error = bundles.get(version, &uri, &source).await.unwrap_err().to_string();
        let place = given.join(&name);
        for said in [
            format!("{} has another digest", place.display()),
            format!("{uri} has another digest"),
            "the node serves another one under its name".to_owned(),
        ] {
            assert!(error.contains(&said), "{error}");
        }
        assert!(!kept.exists(), "nothing of it is kept");
        assert!(Replayer::default().add(version, &other).is_err());

        // Whoever else has the right one is asked on, and it is kept.
        let honest = Source::new(&serving(&good), None).unwrap();
        assert_eq!(bundles.get(version, &uri, &honest).await.unwrap(), good);
        assert_eq!(bundles.get(version, &uri, &source).await.unwrap(), good);
        std::fs::write(kept.join(&name), &other).unwrap();
        assert!(bundles.get(version, &uri, &source).await.is_err());
    }
}
