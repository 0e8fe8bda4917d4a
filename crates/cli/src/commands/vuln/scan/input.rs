//! What is scanned: packages of lock files, images and bills of materials.

use crate::inventory;
use anyhow::{Result, bail};
use std::path::{Path, PathBuf};
use stele_gate::Failure;
use stele_sbom::report::{Format, Making};
use stele_sbom::{Inventory, LockKind, Problem, ProblemKind, Subject, SubjectKind};
use stele_vuln::{Package, read_bill};

/// Packages, and what lists them.
pub(super) struct Input {
    pub(super) name: String,
    pub(super) packages: Vec<Package>,
    /// A CycloneDX or SPDX document.
    pub(super) bill: serde_json::Value,
    /// Files that could not be read.
    pub(super) failures: Vec<Failure>,
    /// Files that say less than is needed.
    pub(super) remarks: Vec<String>,
}

pub(super) fn read(paths: &[PathBuf], platform: Option<&str>) -> Result<Input> {
    if let Some(gone) = paths.iter().find(|path| !path.exists()) {
        bail!(crate::habits::gone(gone));
    }
    let alone = |path: &PathBuf| stele_sbom::is_image(path) || is_bill(path);
    match paths {
        [path] if is_bill(path) => {
            let name = path.display().to_string();
            let (bill, packages) = read_bill(path, &name)?;
            Ok(Input {
                name,
                packages,
                bill,
                failures: Vec::new(),
                remarks: Vec::new(),
            })
        }
        [path] => of_inventories(vec![(path.clone(), inventory::read(path, None, platform)?)]),
        paths => {
            if let Some(path) = paths.iter().find(|path| alone(path)) {
                bail!(
                    "{} is an image or a bill of materials, which is scanned alone; several PATHs are directories and lock files",
                    path.display()
                );
            }
            let read =
                |path: &PathBuf| -> Result<_> { Ok((path.clone(), inventory::read(path, None, platform)?)) };
            of_inventories(paths.iter().map(read).collect::<Result<_>>()?)
        }
    }
}

/// A JSON file that is no lock file.
fn is_bill(path: &Path) -> bool {
    let json = path
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("json"));
    path.is_file() && json && LockKind::of_path(&path.to_string_lossy()).is_none()
}

fn of_inventories(read: Vec<(PathBuf, Inventory)>) -> Result<Input> {
    let mut whole = match read.as_slice() {
        [(_, only)] => Inventory::new(only.subject.clone()),
        _ => Inventory::new(Subject {
            kind: SubjectKind::Application,
            name: inventory::name_of(Path::new(".")),
            version: None,
        }),
    };
    for (path, inventory) in read {
        let below = below(&path);
        for component in inventory.components() {
            let mut component = component.clone();
            let places = std::mem::take(&mut component.locations);
            component.locations = places
                .into_iter()
                .map(|mut place| {
                    place.file = format!("{below}{}", place.file);
                    place
                })
                .collect();
            whole.add(component);
        }
        for purl in inventory.direct() {
            whole.add_direct(purl.clone());
        }
        let named = |problem: &Problem| Problem {
            file: format!("{below}{}", problem.file),
            ..problem.clone()
        };
        whole.problems.extend(inventory.problems.iter().map(named));
    }
    let making = Making {
        tool_version: env!("CARGO_PKG_VERSION"),
        created: None,
    };
    let bill = stele_sbom::report::write(&whole, Format::CycloneDx, &making)?;
    let (remarks, failures): (Vec<&Problem>, Vec<&Problem>) = whole
        .problems
        .iter()
        .partition(|problem| problem.kind == ProblemKind::Incomplete);
    let packages = whole
        .components()
        .map(|component| Package::of_component(component, ""));
    Ok(Input {
        packages: packages.collect(),
        bill: serde_json::from_str(&bill)?,
        failures: failures.into_iter().map(failure).collect(),
        remarks: remarks.into_iter().map(ToString::to_string).collect(),
        name: whole.subject.name,
    })
}

fn failure(problem: &Problem) -> Failure {
    Failure {
        file: problem.file.clone(),
        at: problem
            .line
            .and_then(|line| usize::try_from(line).ok())
            .map(|line| stele_gate::Position { line, column: 1 }),
        message: problem.message.clone(),
    }
}

/// What stands before the name of a file below a path.
fn below(path: &Path) -> String {
    let plain = path
        .components()
        .filter(|part| *part != std::path::Component::CurDir);
    let plain: PathBuf = plain.collect();
    if stele_sbom::is_image(path) {
        return format!("{}!/", plain.display());
    }
    let directory = if path.is_dir() {
        Some(plain.as_path())
    } else {
        plain.parent()
    };
    match directory.map(|directory| directory.display().to_string()) {
        Some(name) if !name.is_empty() => format!("{name}/"),
        _ => String::new(),
    }
}
