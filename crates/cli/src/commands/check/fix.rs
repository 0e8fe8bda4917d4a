//! `--fix`: shown as a diff, applied when that is said.

use crate::exit::EnvironmentContext;
use crate::{output, repository};
use anyhow::Result;
use similar::TextDiff;
use std::fs::{self, File};
use std::io::{IsTerminal, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use stele_gate::fix::{self, Fixed};
use stele_gate::source::{Origin, Source};
use stele_gate::{Finding, Outcome, report};

/// Whether what is shown may be written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Consent {
    Given,
    Asked,
    Refused,
}

impl Consent {
    pub(super) const fn of(yes: bool, dry_run: bool) -> Self {
        match (dry_run, yes) {
            (true, _) => Self::Refused,
            (false, true) => Self::Given,
            (false, false) => Self::Asked,
        }
    }
}

/// Shows what would be fixed and, if that is wanted, writes it. True when files have changed.
pub(super) fn run(outcome: &Outcome, sources: &[Source], consent: Consent) -> Result<bool> {
    let mut planned: Vec<(&Path, Fixed)> = Vec::new();
    for source in sources {
        let of_file = |finding: &&Finding| {
            finding.file == source.name && finding.fix.is_some() && finding.exception.is_none()
        };
        let findings: Vec<&Finding> = outcome.findings.iter().filter(of_file).collect();
        let Origin::File(path) = &source.origin else {
            continue;
        };
        if findings.is_empty() {
            continue;
        }
        match fix::apply(source, &findings) {
            Ok((fixed, left)) => {
                left.iter().for_each(|line| output::note(report::printable(line)));
                planned.extend(fixed.map(|fixed| (path.as_path(), fixed)));
            }
            Err(problem) => output::note(report::printable(&format!(
                "{}: nothing is fixed, it {problem}",
                source.name
            ))),
        }
    }
    if planned.is_empty() {
        output::note("there is nothing that can be fixed by itself");
        return Ok(false);
    }
    for (path, fixed) in &planned {
        output::note(diff(path, fixed).trim_end());
    }
    if consent == Consent::Refused {
        output::note("nothing was written: this is a dry run");
        return Ok(false);
    }
    if !(consent == Consent::Given || agreed(&planned)?) {
        output::note("nothing was written; --fix --yes applies this");
        return Ok(false);
    }
    let (mut edits, mut files) = (0_usize, 0_usize);
    for (path, fixed) in &planned {
        let shown = path.display();
        if let Some(reason) = replace(path, fixed).environment(format!("can't write {shown}"))? {
            output::note(report::printable(&format!("{shown}: nothing is fixed, {reason}")));
            continue;
        }
        edits = edits.saturating_add(fixed.edits);
        files = files.saturating_add(1);
    }
    if files == 0 {
        return Ok(false);
    }
    output::note(format!(
        "{} in {} fixed; checked again:",
        report::many(edits, "value"),
        report::many(files, "file")
    ));
    Ok(true)
}

fn diff(path: &Path, fixed: &Fixed) -> String {
    let diff = TextDiff::from_lines(&fixed.before, &fixed.text);
    let name = path.strip_prefix("./").unwrap_or(path).display().to_string();
    let text = diff.unified_diff().header(&name, &name).to_string();
    let lines = text.lines().map(report::printable);
    lines.collect::<Vec<_>>().join("\n")
}

fn agreed(planned: &[(&Path, Fixed)]) -> Result<bool> {
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Ok(false);
    }
    let files = report::many(planned.len(), "file");
    output::note(format!("Write this to {files}? [y/N]"));
    let mut answer = String::new();
    std::io::stdin()
        .read_line(&mut answer)
        .environment("can't read the answer")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Writes beside the file, with its permissions, and renames: whole or not at all. Or says why not: the file is not what was shown any more, or lies
/// elsewhere.
fn replace(path: &Path, fixed: &Fixed) -> std::io::Result<Option<String>> {
    // Through a link, or the link would become a file.
    let path = match target(path)? {
        Ok(path) => path,
        Err(reason) => return Ok(Some(reason)),
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let metadata = fs::metadata(&path)?;
    if metadata.permissions().readonly() {
        return Ok(Some(
            "it is read-only; make it writable first (chmod u+w)".to_owned(),
        ));
    }
    if metadata.nlink() > 1 {
        return Ok(Some(
            "it has several names (hard links), of which one alone would be mended; mend it by hand"
                .to_owned(),
        ));
    }
    let draft = path.with_file_name(format!(".{name}.stele-{:016x}", rand::random::<u64>()));
    // From here on the draft is this process's own, and may be removed.
    let file = File::create_new(&draft)?;
    let write = |mut file: File| {
        file.set_permissions(metadata.permissions())?;
        file.write_all(fixed.text.as_bytes())?;
        file.sync_all()?;
        // The question may have stood for an hour.
        if fs::read(&path)? != fixed.before.as_bytes() {
            fs::remove_file(&draft)?;
            return Ok(Some("it was changed meanwhile; check again".to_owned()));
        }
        fs::rename(&draft, &path)?;
        Ok(None)
    };
    write(file).inspect_err(|_| {
        let _ = fs::remove_file(&draft);
    })
}

/// Where a path leads, unless a link on it leads out of the repository that the link stands in.
fn target(path: &Path) -> std::io::Result<Result<PathBuf, String>> {
    let mut at = PathBuf::new();
    for part in std::path::absolute(path)?.components() {
        at.push(part);
        if !at.is_symlink() {
            continue;
        }
        let repository = at.parent().and_then(repository::root);
        let end = at.canonicalize()?;
        if repository.is_some_and(|root| !end.starts_with(root)) {
            return Ok(Err(format!("{} is a link out of its repository", at.display())));
        }
        at = end;
    }
    at.canonicalize().map(Ok)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn fixed(before: &str, text: &str) -> Fixed {
        Fixed {
            before: before.into(),
            text: text.into(),
            edits: 1,
        }
    }

    fn names(dir: &Path) -> usize {
        fs::read_dir(dir).unwrap().count()
    }

    #[test]
    fn what_was_changed_meanwhile_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.yaml");
        fs::write(&path, "a: 2\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let reason = replace(&path, &fixed("a: 1\n", "a: 3\n")).unwrap();
        assert_eq!(reason.as_deref(), Some("it was changed meanwhile; check again"));
        assert_eq!(fs::read_to_string(&path).unwrap(), "a: 2\n");
        assert_eq!(replace(&path, &fixed("a: 2\n", "a: 3\n")).unwrap(), None);
        assert_eq!(fs::read_to_string(&path).unwrap(), "a: 3\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(names(dir.path()), 1, "no draft is left");
    }

    #[test]
    fn what_is_read_only_or_has_other_names_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.yaml");
        fs::write(&path, "a: 1\n").unwrap();
        fs::hard_link(&path, dir.path().join("b.yaml")).unwrap();
        let new = fixed("a: 1\n", "a: 2\n");
        let refused = |text: &str| {
            let reason = replace(&path, &new).unwrap().unwrap();
            assert!(reason.contains(text), "{reason}");
            assert_eq!(fs::read_to_string(&path).unwrap(), "a: 1\n");
        };
        refused("hard links");
        fs::remove_file(dir.path().join("b.yaml")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o444)).unwrap();
        refused("read-only");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        // A draft of somebody else's stays.
        let other = dir.path().join(format!(".a.yaml.stele-{}", std::process::id()));
        fs::write(&other, "mine").unwrap();
        assert_eq!(replace(&path, &new).unwrap(), None);
        assert_eq!(fs::read_to_string(&other).unwrap(), "mine");
    }

    #[test]
    fn a_link_is_followed_within_its_repository_only() {
        let dir = tempfile::tempdir().unwrap();
        let repository = dir.path().join("repository");
        fs::create_dir_all(repository.join("sub")).unwrap();
        let git = std::process::Command::new("git")
            .current_dir(&repository)
            .args(["init", "-q"])
            .status();
        assert!(git.unwrap().success());
        fs::write(repository.join("sub/own.yaml"), "a: 1\n").unwrap();
        fs::write(dir.path().join("other.yaml"), "a: 1\n").unwrap();
        symlink("sub/own.yaml", repository.join("in.yaml")).unwrap();
        symlink("../other.yaml", repository.join("out.yaml")).unwrap();
        symlink("..", repository.join("above")).unwrap();
        // One that leads into the repository is no way out of it.
        symlink("repository", dir.path().join("link")).unwrap();
        let new = fixed("a: 1\n", "a: 2\n");
        for out in [
            "repository/out.yaml",
            "repository/above/other.yaml",
            "link/out.yaml",
        ] {
            let reason = replace(&dir.path().join(out), &new).unwrap();
            assert!(
                reason.is_some_and(|reason| reason.contains("link out of its repository")),
                "{out}"
            );
        }
        assert_eq!(replace(&dir.path().join("link/in.yaml"), &new).unwrap(), None);
        assert_eq!(
            fs::read_to_string(repository.join("sub/own.yaml")).unwrap(),
            "a: 2\n"
        );
        assert!(repository.join("in.yaml").is_symlink());
        assert_eq!(
            fs::read_to_string(dir.path().join("other.yaml")).unwrap(),
            "a: 1\n"
        );
    }
}
