//! Patches of Kustomize: they say what is to be changed and leave the rest to what they are laid over, so nobody can judge them alone.

use std::path::{Component, Path, PathBuf};

use stele_types::Value;

use crate::format::{self, Dialect, Format};
use crate::source::text_of;

/// The names of the files that say what a directory is made of.
/// See <https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/>.
pub(crate) const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// What a kustomization names.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Named {
    /// The files that are patches. Kustomize takes none that lies elsewhere than below it.
    pub(crate) patches: Vec<PathBuf>,
    /// What it is made of: who judges a file that is among these judges something whole, whatever else it patches.
    pub(crate) resources: Vec<PathBuf>,
}

/// What one kustomization names.
pub(crate) fn named(kustomization: &Path) -> Named {
    let text = text_of(kustomization).unwrap_or_default();
    let documents = format::read(Format::Yaml, &text, Dialect::Core).unwrap_or_default();
    let directory = kustomization.parent().unwrap_or(Path::new(""));
    let mut out = Named::default();
    for document in &documents {
        let whole = document.reading(&text).whole();
        let list = |key: &str| whole.get(key).and_then(Value::as_array).unwrap_or_default();
        let named = ["patches", "patchesJson6902"].into_iter().flat_map(list);
        let named = named.filter_map(|patch| patch.get("path"));
        let patches = named.chain(list("patchesStrategicMerge"));
        out.patches
            .extend(patches.filter_map(|patch| below(directory, patch.as_str()?)));
        let resources = ["resources", "bases", "crds"].into_iter().flat_map(list);
        let resources = resources.filter_map(Value::as_str);
        out.resources
            .extend(resources.map(|path| from(directory, Path::new(path))));
    }
    out
}

/// A path from a directory, with as few `..` as can be told without looking.
fn from(directory: &Path, path: &Path) -> PathBuf {
    let mut out = directory.to_owned();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if out.file_name().is_some() => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

/// A file below a directory; of a patch that is written in its place there is none.
fn below(directory: &Path, path: &str) -> Option<PathBuf> {
    if path.contains('\n') {
        return None;
    }
    let mut out = directory.to_owned();
    for part in Path::new(path).components() {
        match part {
            Component::Normal(name) => out.push(name),
            Component::CurDir => {}
            _ => return None,
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_are_named_by_their_kustomization() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("kustomization.yaml");
        let text = "resources: [base, both.yaml]\npatches:\n- path: ./a.yaml\n- path: both.yaml\n- path: ../out.yaml\n- path: /abs.yaml\n- patch: |-\n    x: 1\n\
            patchesStrategicMerge:\n- deep/b.yaml\n- |-\n  kind: Pod\n  x: 1\npatchesJson6902:\n- path: c.json\n";
        std::fs::write(&file, text).unwrap();
        let below = |path: &str| dir.path().join(path);
        let found = named(&file);
        assert_eq!(
            found.patches,
            ["a.yaml", "both.yaml", "c.json", "deep/b.yaml"].map(below)
        );
        assert_eq!(found.resources, ["base", "both.yaml"].map(below));
        std::fs::write(&file, "patches: [").unwrap();
        assert_eq!(named(&file), Named::default());
        assert_eq!(named(Path::new("/no/such")), Named::default());
        for (directory, path, expected) in [
            ("./over", "../base/./x.yaml", "./base/x.yaml"),
            ("over", "../../x.yaml", "../x.yaml"),
            ("", "x.yaml", "x.yaml"),
        ] {
            assert_eq!(from(Path::new(directory), Path::new(path)), Path::new(expected));
        }
    }
}
