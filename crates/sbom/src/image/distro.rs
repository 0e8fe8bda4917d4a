//! Which distribution an image has: <https://www.freedesktop.org/software/systemd/man/latest/os-release.html>.

use super::layer::Files;

/// A distribution's release.
#[derive(Default)]
pub(super) struct Distro {
    /// `debian`, `alpine`.
    pub(super) id: Option<String>,
    /// `12`, `3.20.1`.
    version: Option<String>,
}

pub(super) fn of(files: &Files) -> Distro {
    let bytes = ["etc/os-release", "usr/lib/os-release"]
        .into_iter()
        .find_map(|path| files.bytes_of(path));
    Distro::parse(&String::from_utf8_lossy(bytes.unwrap_or_default()))
}

impl Distro {
    fn parse(text: &str) -> Self {
        let value = |key: &str| {
            let line = text
                .lines()
                .find_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='))?;
            let plain = line.trim_matches(['"', '\'']);
            let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            (!plain.is_empty() && plain.chars().all(fits)).then(|| plain.to_owned())
        };
        Self {
            id: value("ID").map(|id| id.to_ascii_lowercase()),
            version: value("VERSION_ID"),
        }
    }

    /// For package URLs: `debian-12`, empty if it is not known.
    pub(super) fn qualifier(&self) -> String {
        match (&self.id, &self.version) {
            (Some(id), Some(version)) => format!("{id}-{version}"),
            (Some(id), None) => id.clone(),
            (None, _) => String::new(),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::image) fn distro(text: &str) -> Distro {
        Distro::parse(text)
    }

    #[test]
    fn values_may_be_quoted() {
        assert_eq!(
            distro("NAME=x\nID=\"Debian\"\nVERSION_ID='12'\n").qualifier(),
            "debian-12"
        );
        assert_eq!(distro("ID=arch").qualifier(), "arch");
        assert_eq!(distro("ID=\"a b\"").qualifier(), "");
    }
}
