//! `Gemfile.lock`. Format: Bundler's `lockfile_parser.rb`, <https://bundler.io/guides/rationale.html>.

use super::draft::{Draft, Node};
use super::{Failure, File};
use crate::model::{Component, Ecosystem, Hash, Scope};
use std::collections::HashMap;

/// The part of the file that is being read.
#[derive(Default)]
struct Section<'t> {
    name: &'t str,
    fields: HashMap<&'t str, &'t str>,
    inside_specs: bool,
}

#[derive(Default)]
struct Reading<'t> {
    draft: Draft,
    index: HashMap<&'t str, Vec<Node>>,
    needs: Vec<(Node, &'t str)>,
    direct: Vec<&'t str>,
    checksums: Vec<(u32, &'t str)>,
    current: Option<Node>,
    /// There is a section, and so `DEPENDENCIES` behind it.
    has_section: bool,
    /// The file came to what the project itself needs, which stands behind the packages.
    is_whole: bool,
}

pub(super) fn read(file: &File<'_>) -> Result<Draft, Failure> {
    let mut reading = Reading::default();
    let mut section = Section::default();
    for (number, line) in (1_u32..).zip(file.text.lines()) {
        let indent = line.len().saturating_sub(line.trim_start().len());
        let text = line.trim();
        if ["<<<<<<<", "=======", ">>>>>>>"]
            .iter()
            .any(|mark| line.starts_with(mark))
        {
            return Err(Failure::at(number, "is a mark of an unfinished merge"));
        }
        match (indent, section.name) {
            _ if text.is_empty() => {}
            (0, _) => {
                section = Section {
                    name: text,
                    ..Section::default()
                };
                reading.current = None;
                reading.has_section = true;
                reading.is_whole |= text == "DEPENDENCIES";
            }
            (2, "DEPENDENCIES") => reading.direct.push(name_of(text)),
            (2, "CHECKSUMS") => reading.checksums.push((number, text)),
            (2, "GEM" | "GIT" | "PATH" | "PLUGIN SOURCE") => match text.split_once(": ") {
                Some((key, value)) => {
                    section.fields.insert(key, value);
                }
                None => section.inside_specs = text == "specs:",
            },
            (4, _) if section.inside_specs => spec(file, number, text, &section, &mut reading),
            (6, _) if section.inside_specs => {
                reading
                    .needs
                    .extend(reading.current.map(|node| (node, name_of(text))));
            }
            _ => {}
        }
    }
    if !reading.is_whole && reading.has_section {
        let last = u32::try_from(file.text.lines().count()).unwrap_or(u32::MAX);
        reading
            .draft
            .problem(last, "has no DEPENDENCIES behind the packages: the file is cut");
    }
    Ok(finish(reading))
}

/// `name (>= 1)`, `name!`: the name.
fn name_of(text: &str) -> &str {
    let name = text.split(' ').next().unwrap_or(text);
    name.trim_end_matches('!')
}

/// `name (version-platform)`.
fn spec<'t>(file: &File<'_>, line: u32, text: &'t str, section: &Section<'_>, reading: &mut Reading<'t>) {
    reading.current = None;
    let version = text.split_once(" (").and_then(|(_, rest)| rest.strip_suffix(')'));
    let Some(version) = version else {
        return reading
            .draft
            .problem(line, "is no gem: name (version) is expected");
    };
    if section.name == "PATH" {
        return;
    }
    // Gems for one platform have it behind the version, which has no hyphen itself.
    let (version, platform) = version.split_once('-').unwrap_or((version, ""));
    let field = |key: &str| section.fields.get(key).copied().unwrap_or_default();
    let git = if section.name == "GIT" {
        format!("git+{}@{}", field("remote"), field("revision"))
    } else {
        String::new()
    };
    let own = Some(field("remote"))
        .filter(|remote| section.name == "GEM" && !remote.starts_with("https://rubygems.org"));
    let name = name_of(text);
    let qualifiers = [
        ("platform", platform),
        ("vcs_url", &git),
        ("repository_url", own.unwrap_or_default()),
    ];
    let component = Component::qualified(Ecosystem::RubyGems, None, name, Some(version), &qualifiers);
    let component = component.map(|component| component.found_at(file.at(line)));
    reading.current = reading.draft.try_add(line, component);
    reading.index.entry(name).or_default().extend(reading.current);
}

fn finish(reading: Reading<'_>) -> Draft {
    let Reading {
        mut draft,
        index,
        needs,
        direct,
        checksums,
        ..
    } = reading;
    for (from, name) in needs {
        for to in index.get(name).into_iter().flatten() {
            draft.need(from, *to);
        }
    }
    for node in direct
        .iter()
        .flat_map(|name| index.get(name).into_iter().flatten())
    {
        draft.direct(*node, Scope::Required);
    }
    for (line, text) in checksums {
        // `name (version-platform) sha256=HEX`; a gem of Git has none.
        let Some((gem, hash)) = text.split_once(") ") else {
            continue;
        };
        let version = gem.split_once(" (").map_or("", |(_, version)| version);
        let (version, platform) = version.split_once('-').unwrap_or((version, ""));
        for node in index.get(name_of(gem)).into_iter().flatten() {
            let fits = draft.node_mut(*node).is_some_and(|component| {
                component.version().is_some_and(|own| own.as_str() == version)
                    && component.purl().qualifier("platform").unwrap_or_default() == platform
            });
            if fits {
                draft.hash(*node, line, Hash::from_prefixed(&hash.replacen('=', ":", 1)));
            }
        }
    }
    draft
}

#[cfg(test)]
mod tests {
    use crate::lock::tests::{hashes, inventory, needs, problems, purls};

    #[test]
    fn sources_platforms_and_checksums() {
        let text = format!(
            "GIT\n  remote: https://example.org/g.git\n  revision: abc\n  specs:\n    g (0.1.0)\n      a (>= 1)\n\n\
             PATH\n  remote: .\n  specs:\n    own (1.0)\n      a\n\n\
             GEM\n  remote: https://rubygems.org/\n  specs:\n    a (1.2.0)\n    n (1.0.0-x86_64-linux)\n    bad\n\n\
             PLATFORMS\n  ruby\n\nDEPENDENCIES\n  g!\n  n (~> 1.0)\n\nCHECKSUMS\n  a (1.2.0) sha256={0}\n  g (0.1.0)\n\nBUNDLED WITH\n   2.6.0\n",
            "ab".repeat(32)
        );
        let found = inventory(&[("Gemfile.lock", &text)]);
        assert_eq!(
            purls(&found),
            [
                "pkg:gem/a@1.2.0",
                "pkg:gem/g@0.1.0?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Fg.git%40abc",
                "pkg:gem/n@1.0.0?platform=x86_64-linux",
            ]
        );
        assert_eq!(needs(&found, "g@"), ["pkg:gem/a@1.2.0"]);
        assert_eq!(hashes(&found, "a@"), [format!("SHA-256:{}", "ab".repeat(32))]);
        assert_eq!(
            problems(&found),
            ["Gemfile.lock:19: is no gem: name (version) is expected"]
        );
        let merge = problems(&inventory(&[("Gemfile.lock", "GEM\n<<<<<<< HEAD\n")]));
        assert!(merge[0].starts_with("Gemfile.lock:2: "), "{merge:?}");
        let cut = inventory(&[("Gemfile.lock", text.split("PLATFORMS").next().unwrap())]);
        assert_eq!(purls(&cut), purls(&found));
        let told = problems(&cut);
        assert!(told.last().unwrap().contains("the file is cut"), "{told:?}");
        for cut in [
            "PATH\n  remote: .\n  specs:\n    own (1.0)\n      a\n\n",
            "PATH\n  remote: .\n  specs:\n    own (1.0)\n\nGEM\n  remote: https://rubygems.org/\n  specs:\n",
            "GEM\n",
        ] {
            let told = problems(&inventory(&[("Gemfile.lock", cut)]));
            assert!(told.len() == 1 && told[0].contains("the file is cut"), "{told:?}");
        }
        let none = "GEM\n  remote: https://rubygems.org/\n  specs:\n\nPLATFORMS\n  ruby\n\nDEPENDENCIES\n";
        assert_eq!(problems(&inventory(&[("Gemfile.lock", none)])), [""; 0]);
    }
}
