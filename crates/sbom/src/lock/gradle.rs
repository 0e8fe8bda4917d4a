//! `gradle.lockfile` and `buildscript-gradle.lockfile`. Format: <https://docs.gradle.org/current/userguide/dependency_locking.html>.

use super::draft::Draft;
use super::{Failure, File};
use crate::model::{Component, Ecosystem, Scope};

/// How the last line begins, which is there also if no configuration is empty.
const LAST: &str = "empty=";

pub(super) fn read(file: &File<'_>) -> Result<Draft, Failure> {
    let mut draft = Draft::default();
    let builds = file
        .path
        .rsplit('/')
        .next()
        .is_some_and(|name| name.starts_with("buildscript"));
    let mut last = None;
    for (number, line) in (1_u32..).zip(file.text.lines()) {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        last = Some(number);
        if line.starts_with('#') || line.starts_with(LAST) {
            continue;
        }
        let (module, configurations) = line.split_once('=').unwrap_or((line, ""));
        let Some((name, version)) = module.rsplit_once(':').filter(|(name, _)| name.contains(':')) else {
            draft.problem(
                number,
                "is no line of a Gradle lock file: group:artifact:version=configurations is expected",
            );
            continue;
        };
        let component = Component::new(Ecosystem::Maven, name, Some(version));
        let Some(node) = draft.try_add(
            number,
            component.map(|component| component.found_at(file.at(number))),
        ) else {
            continue;
        };
        let runs = |configuration: &str| {
            let name = configuration.to_ascii_lowercase();
            !name.contains("test") && !name.contains("annotationprocessor")
        };
        if let Some(component) = draft.node_mut(node) {
            let used = configurations.split(',').any(runs);
            component.scope = if builds || !used {
                Scope::Development
            } else {
                Scope::Required
            };
        }
    }
    let is_whole = file.text.lines().any(|line| line.trim().starts_with(LAST));
    if let Some(last) = last.filter(|_| !is_whole) {
        draft.problem(last, "has no line `empty=` behind the packages: the file is cut");
    }
    Ok(draft)
}

#[cfg(test)]
mod tests {
    use crate::lock::tests::{component, inventory, problems, purls};
    use crate::model::Scope;

    #[test]
    fn configurations_say_what_for() {
        let text = "# generated\na.b:c:1.0=compileClasspath,testRuntimeClasspath\nd:e:2=testCompileClasspath\nbroken=x\nempty=annotationProcessor\n";
        let found = inventory(&[
            ("gradle.lockfile", text),
            ("buildscript-gradle.lockfile", "p:q:3=classpath\nempty=\n"),
        ]);
        assert_eq!(
            purls(&found),
            ["pkg:maven/a.b/c@1.0", "pkg:maven/d/e@2", "pkg:maven/p/q@3"]
        );
        assert_eq!(component(&found, "a.b").scope, Scope::Required);
        assert_eq!(component(&found, "d/e").scope, Scope::Development);
        assert_eq!(component(&found, "p/q").scope, Scope::Development);
        assert_eq!(problems(&found).len(), 1);
        assert!(problems(&found)[0].starts_with("gradle.lockfile:4: "));
    }

    #[test]
    fn a_file_without_its_last_line_is_cut() {
        let whole = "# generated\na.b:c:1.0=x\nd:e:2=x\nempty=\n";
        assert_eq!(problems(&inventory(&[("gradle.lockfile", whole)])), [""; 0]);
        assert_eq!(problems(&inventory(&[("gradle.lockfile", "")])), [""; 0]);
        for (lines, packages) in [(3, 2), (2, 1), (1, 0)] {
            let cut: String = whole
                .lines()
                .take(lines)
                .map(|line| format!("{line}\n"))
                .collect();
            let found = inventory(&[("gradle.lockfile", &cut)]);
            assert_eq!(found.len(), packages);
            assert_eq!(
                problems(&found),
                [format!(
                    "gradle.lockfile:{lines}: has no line `empty=` behind the packages: the file is cut"
                )]
            );
        }
    }
}
