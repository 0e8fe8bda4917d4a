//! What the readers' tests share, and what holds for all of them.

use super::*;
use crate::model::{Component, SubjectKind};
use crate::tree::Memory;

pub(crate) fn inventory(files: &[(&str, &str)]) -> Inventory {
    let subject = Subject {
        kind: SubjectKind::Application,
        name: "test".to_owned(),
        version: None,
    };
    scan(&Memory::of(files), subject)
}

pub(crate) fn purls(inventory: &Inventory) -> Vec<String> {
    inventory
        .components()
        .map(|component| component.purl().to_string())
        .collect()
}

/// The first component whose package URL has this after its type.
pub(crate) fn component<'i>(inventory: &'i Inventory, name: &str) -> &'i Component {
    let fits = |component: &&Component| {
        let purl = component.purl().as_str();
        purl.split_once('/')
            .is_some_and(|(_, rest)| rest.starts_with(name))
    };
    inventory
        .components()
        .find(fits)
        .unwrap_or_else(|| panic!("no {name} in {:?}", purls(inventory)))
}

pub(crate) fn needs(inventory: &Inventory, name: &str) -> Vec<String> {
    let found = component(inventory, name);
    found.dependencies.iter().map(ToString::to_string).collect()
}

pub(crate) fn hashes(inventory: &Inventory, name: &str) -> Vec<String> {
    let found = component(inventory, name);
    found.hashes.iter().map(ToString::to_string).collect()
}

pub(crate) fn problems(inventory: &Inventory) -> Vec<String> {
    inventory.problems.iter().map(ToString::to_string).collect()
}

#[test]
fn a_bad_file_does_not_stop_the_rest() {
    let good = "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"registry+https://example.org/\"\n";
    let found = inventory(&[("a/Cargo.lock", "["), ("b/Cargo.lock", good)]);
    assert_eq!(
        purls(&found),
        ["pkg:cargo/a@1.0.0?repository_url=https:%2F%2Fexample.org%2F"]
    );
    assert_eq!(problems(&found).len(), 1);
    assert_eq!(found.files.len(), 2);
}

#[test]
fn what_ends_within_a_line_may_be_cut() {
    for (path, text) in [
        ("go.sum", "a.example/b v1.0.0 h1:x=\n"),
        ("go.mod", "module m\nrequire a.example/b v1.0.0\n"),
        (
            "yarn.lock",
            "# yarn lockfile v1\na@^1.0.0:\n  version \"1.0.0\"\n",
        ),
        ("gradle.lockfile", "g:x:1.0=runtimeClasspath\nempty=\n"),
    ] {
        let (whole, cut) = (inventory(&[(path, text)]), inventory(&[(path, text.trim_end())]));
        assert_eq!((whole.len(), cut.len()), (1, 1), "{path}");
        assert_eq!(problems(&whole), [""; 0], "{path}");
        assert!(
            cut.problems.len() == 1 && cut.problems.iter().all(|one| one.kind == ProblemKind::Incomplete),
            "{:?}",
            problems(&cut)
        );
    }
}

#[test]
fn deep_nesting_is_refused() {
    let deep = 200_000;
    let json = format!("{{\"packages\": {}", "[".repeat(deep));
    let toml = format!("a = {}", "[".repeat(deep));
    let yaml = format!("__metadata:\na: {}", "[".repeat(deep));
    let xml = "<project>".repeat(deep);
    for (path, text) in [
        ("package-lock.json", &json),
        ("composer.lock", &json),
        ("Cargo.lock", &toml),
        ("yarn.lock", &yaml),
        ("pom.xml", &xml),
    ] {
        assert_eq!(problems(&inventory(&[(path, text)])).len(), 1, "{path}");
    }
}

mod laws {
    use super::*;
    use proptest::prelude::*;
    use std::fmt::Write as _;

    /// A package of the test: its number, and the numbers of what it needs.
    type Package = (usize, Vec<usize>);
    /// File name, what stands before and after the entries, what stands between them, and how one is written.
    type Form = (
        &'static str,
        &'static str,
        &'static str,
        &'static str,
        fn(&Package) -> String,
    );

    fn listed(needs: &[usize], form: impl Fn(usize) -> String, between: &str) -> String {
        needs
            .iter()
            .map(|need| form(*need))
            .collect::<Vec<_>>()
            .join(between)
    }

    fn toml(package: &Package, dependencies: String, source: &str) -> String {
        format!(
            "[[package]]\nname = \"p{}\"\nversion = \"1.0\"\n{source}\n{dependencies}\n",
            package.0
        )
    }

    fn forms() -> Vec<Form> {
        vec![
            ("Cargo.lock", "version = 4\n", "", "", |package| {
                let needs = listed(&package.1, |need| format!("\"p{need}\""), ", ");
                let source = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
                toml(package, format!("dependencies = [{needs}]"), source)
            }),
            ("poetry.lock", "", "\n[metadata]\n", "", |package| {
                let needs = listed(&package.1, |need| format!("p{need} = \"*\""), "\n");
                toml(package, format!("[package.dependencies]\n{needs}"), "")
            }),
            ("uv.lock", "version = 1\n", "", "", |package| {
                let needs = listed(&package.1, |need| format!("{{ name = \"p{need}\" }}"), ", ");
                toml(
                    package,
                    format!("dependencies = [{needs}]"),
                    "source = { registry = \"https://pypi.org/simple\" }",
                )
            }),
            (
                "package-lock.json",
                "{\"lockfileVersion\": 3, \"packages\": {",
                "}}",
                ",\n",
                |package| {
                    let needs = listed(&package.1, |need| format!("\"p{need}\": \"*\""), ", ");
                    format!(
                        "\"node_modules/p{}\": {{\"version\": \"1.0\", \"dependencies\": {{{needs}}}}}",
                        package.0
                    )
                },
            ),
            (
                "pnpm-lock.yaml",
                "lockfileVersion: '6.0'\npackages:\n",
                "",
                "",
                |package| {
                    let needs = listed(&package.1, |need| format!("p{need}: '1.0'"), ", ");
                    format!(
                        "  /p{}@1.0:\n    resolution: {{}}\n    dependencies: {{{needs}}}\n",
                        package.0
                    )
                },
            ),
            ("yarn.lock", "# yarn lockfile v1\n", "", "\n", |package| {
                let needs = listed(&package.1, |need| format!("    p{need} \"*\"\n"), "");
                format!(
                    "\"p{0}@*\":\n  version \"1.0\"\n  dependencies:\n{needs}",
                    package.0
                )
            }),
            ("requirements.txt", "", "", "\n", |package| {
                format!("p{}==1.0", package.0)
            }),
        ]
    }

    fn more_forms() -> Vec<Form> {
        vec![
            (
                "go.mod",
                "module m\ngo 1.22\nrequire (\n",
                "\n)\n",
                "\n",
                |package| format!("e.org/p{} v1.0", package.0),
            ),
            ("gradle.lockfile", "", "\nempty=\n", "\n", |package| {
                format!("g:p{}:1.0=runtimeClasspath", package.0)
            }),
            (
                "packages.lock.json",
                "{\"version\": 1, \"dependencies\": {\"net8.0\": {",
                "}}}",
                ",\n",
                |package| {
                    let needs = listed(&package.1, |need| format!("\"p{need}\": \"1.0\""), ", ");
                    format!(
                        "\"p{}\": {{\"type\": \"Direct\", \"resolved\": \"1.0\", \"dependencies\": {{{needs}}}}}",
                        package.0
                    )
                },
            ),
            (
                "Gemfile.lock",
                "GEM\n  remote: https://rubygems.org/\n  specs:\n",
                "\n\nDEPENDENCIES\n",
                "\n",
                |package| {
                    let mut text = format!("    p{} (1.0)", package.0);
                    for need in &package.1 {
                        write!(text, "\n      p{need}").unwrap();
                    }
                    text
                },
            ),
            ("composer.lock", "{\"packages\": [", "]}", ",\n", |package| {
                let needs = listed(&package.1, |need| format!("\"v/p{need}\": \"*\""), ", ");
                format!(
                    "{{\"name\": \"v/p{}\", \"version\": \"1.0\", \"require\": {{{needs}}}}}",
                    package.0
                )
            }),
            (
                "pom.xml",
                "<project><dependencies>",
                "</dependencies></project>",
                "\n",
                |package| {
                    format!(
                        "<dependency><groupId>g</groupId><artifactId>p{}</artifactId><version>1.0</version></dependency>",
                        package.0
                    )
                },
            ),
        ]
    }

    fn text(form: &Form, packages: &[Package]) -> String {
        let entries: Vec<String> = packages.iter().map(form.4).collect();
        format!("{}{}{}", form.1, entries.join(form.3), form.2)
    }

    /// All but the lines.
    fn facts(inventory: &Inventory) -> Vec<String> {
        let direct = inventory.direct();
        let fact = |component: &Component| {
            let is_direct = direct.contains(component.purl());
            format!(
                "{} {:?} {:?} {is_direct}",
                component.purl(),
                component.scope,
                component.dependencies
            )
        };
        inventory.components().map(fact).collect()
    }

    /// Packages that need only earlier ones, and an order of them.
    fn packages() -> impl Strategy<Value = (Vec<Package>, Vec<Package>)> {
        let needs = prop::collection::vec(prop::collection::btree_set(0..20_usize, 0..4), 1..20);
        needs.prop_flat_map(|needs| {
            let package = |(number, needs): (usize, std::collections::BTreeSet<usize>)| {
                (
                    number,
                    needs
                        .into_iter()
                        .filter(|need| *need < number)
                        .collect::<Vec<_>>(),
                )
            };
            let packages: Vec<Package> = needs.into_iter().enumerate().map(package).collect();
            (Just(packages.clone()), Just(packages).prop_shuffle())
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn the_order_of_entries_does_not_matter((packages, shuffled) in packages()) {
            for form in forms().into_iter().chain(more_forms()) {
                let first = inventory(&[(form.0, &text(&form, &packages))]);
                let second = inventory(&[(form.0, &text(&form, &shuffled))]);
                prop_assert_eq!(problems(&first), Vec::<String>::new(), "{}", form.0);
                prop_assert_eq!(first.len(), packages.len(), "{}", form.0);
                prop_assert_eq!(facts(&first), facts(&second), "{}", form.0);
            }
        }

        /// Whatever a file holds, it is read or reported, and a good one beside it is read.
        #[test]
        fn damage_is_reported((packages, _) in packages(), cut in 0.0..1.0_f64, junk in any::<String>()) {
            let good = ("good/Cargo.lock", "[[package]]\nname = \"a\"\nversion = \"1\"\nsource = \"registry+https://e.org\"\n");
            for form in forms().into_iter().chain(more_forms()) {
                let whole = text(&form, &packages);
                let mut at = (whole.len() as f64 * cut) as usize;
                while !whole.is_char_boundary(at) {
                    at -= 1;
                }
                // What has lost its end is no shorter file.
                let is_told = form.2.starts_with(['}', ']', '<']) || form.2.contains("[metadata]") && at < whole.len().saturating_sub(form.2.len());
                if is_told && at < whole.len() {
                    prop_assert!(!problems(&inventory(&[(form.0, &whole[..at])])).is_empty(), "{}: {:?}", form.0, &whole[..at]);
                }
                for damaged in [&whole[..at], &format!("{}{junk}{}", &whole[..at], &whole[at..])] {
                    let found = inventory(&[(form.0, damaged), good]);
                    prop_assert!(purls(&found).iter().any(|purl| purl.starts_with("pkg:cargo/a@1")));
                }
            }
        }
    }
}
