//! What a directory, a lock file or a container image is made of.

use crate::exit::Environment;
use anyhow::{Result, bail};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::path::Path;
use stele_sbom::{Directory, ImageError, Inventory, LockKind, Subject, SubjectKind};

/// Reads it. `name` is what documents call it; `platform` chooses among the images of a layout.
pub(crate) fn read(path: &Path, name: Option<&str>, platform: Option<&str>) -> Result<Inventory> {
    if stele_sbom::is_image(path) {
        let bar = bar()?;
        let told = |done: usize, total: usize| {
            bar.set_length(total as u64);
            bar.set_position(done as u64);
        };
        let inventory = stele_sbom::scan_image(path, name, platform, &told);
        bar.finish_and_clear();
        return inventory.map_err(|error| match error {
            ImageError::Io(cause) => {
                anyhow::Error::new(Environment(format!("{}: can't be read: {cause}", path.display())))
            }
            ImageError::Input(_) => anyhow::Error::new(error).context(path.display().to_string()),
        });
    }
    if platform.is_some() {
        bail!(
            "{} is no container image: --platform has no meaning",
            path.display()
        );
    }
    let named = path.to_string_lossy();
    if !path.is_dir() && LockKind::of_path(&named).is_none() {
        bail!(
            "{named} is no container image, and its name is none of a lock file; docs/sbom.md lists those that are read"
        );
    }
    let subject = Subject {
        kind: SubjectKind::Application,
        name: name.map_or_else(|| name_of(path), str::to_owned),
        version: None,
    };
    Ok(stele_sbom::scan(&Directory::new(path), subject))
}

/// A progress bar on a terminal, nothing elsewhere.
fn bar() -> Result<ProgressBar> {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    bar.set_style(ProgressStyle::with_template(
        "{bar:40} {pos}/{len} layers, {elapsed}",
    )?);
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    Ok(bar)
}

/// What people call a path.
pub(crate) fn name_of(path: &Path) -> String {
    let full = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = full.file_name().map(|name| name.to_string_lossy().into_owned());
    name.unwrap_or_else(|| "root".to_owned())
}
