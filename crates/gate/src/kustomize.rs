//! Patches of Kustomize: they say what is to be changed and leave the rest to what they are laid over, so nobody can judge them alone.

use std::path::{Component, Path, PathBuf};

use stele_types::Value;

use crate::format::{self, Dialect, Format};
use crate::source::text_of;

/// The names of the files that say what a directory is made of.
/// See <https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/>.
pub(crate) const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// The files that are nothing but patches of one kustomization. Kustomize takes none that lies elsewhere than below it.
pub(crate) fn patches(kustomization: &Path) -> Vec<PathBuf> {
    let text = text_of(kustomization).unwrap_or_default();
    let documents = format::read(Format::Yaml, &text, Dialect::Core).unwrap_or_default();
    let directory = kustomization.parent().unwrap_or(Path::new(""));
    let mut out = Vec::new();
    for document in &documents {
        let whole = document.reading(&text).whole();
        let list = |key: &str| {
            whole
                .get(key)
                .and_then(Value::as_array)
                .unwrap_or_default()
                .to_vec()
        };
        let resources = list("resources");
        let named = ["patches", "patchesJson6902"].into_iter().flat_map(list);
        let named = named.filter_map(|patch| patch.get("path").cloned());
        let patches = named.chain(list("patchesStrategicMerge"));
        let patches = patches.filter(|patch| !resources.contains(patch));
        out.extend(patches.filter_map(|patch| below(directory, patch.as_str()?)));
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
        let expected = ["a.yaml", "c.json", "deep/b.yaml"].map(|path| dir.path().join(path));
        assert_eq!(patches(&file), expected);
        std::fs::write(&file, "patches: [").unwrap();
        assert!(patches(&file).is_empty());
        assert!(patches(Path::new("/no/such")).is_empty());
    }
}
