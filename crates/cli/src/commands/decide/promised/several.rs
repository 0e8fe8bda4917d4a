//! Answers that several decisions make up. A receipt says nothing of the decisions beside its own, so a node could leave out the one that denies. Each
//! asked by its name can't be left out: that is what is proposed, with the options of the command that was refused.

use super::{Answer, Args, is_nobodys};
use crate::chain::{ChainArgs, block_on};
use crate::commands::challenge::governance;
use crate::config::Sources;
use crate::exit::EnvironmentContext;
use crate::home::Home;
use crate::output::{self, Format};
use anyhow::{Context, Result};
use std::collections::BTreeSet;
use std::path::Path;
use stele_server::InForce;
use stele_types::{Digest, EntryPoint};

/// Most members of an answer's document that are looked at for the paths that were decided.
const MOST_PATHS: usize = 10_000;

/// Bytes of the longest path (`EntryPoint`).
const LONGEST_PATH: usize = 512;

/// The policies in force: by the chain, with --rpc; else as the data directory's node last saw them. `None` for a node elsewhere: only it knows.
pub(super) fn in_force(sources: &Sources, home: &Home, args: &Args) -> Result<Option<Vec<String>>> {
    if let Some(rpc) = &args.rpc {
        let config = sources.load()?;
        let chain = ChainArgs {
            rpc: Some(rpc.clone()),
        };
        return block_on(async {
            let (governance, _session) = governance(&config, home, args.contract, &chain).await?;
            let policies = governance.policies().await.environment("the chain")?;
            let active = policies.into_iter().filter(|one| one.active.is_some());
            Ok(Some(active.map(|one| one.policy.as_str().to_owned()).collect()))
        });
    }
    if args.node.is_some() {
        return Ok(None);
    }
    let list = home.read::<Vec<InForce>>(&home.in_force())?;
    let names = |list: Vec<InForce>| {
        list.into_iter()
            .map(|one| one.policy.as_str().to_owned())
            .collect()
    };
    Ok(list.map(names))
}

/// The policies of a list below a path, without the one that has that very path.
fn below<'a>(asked: &'a str, policies: &'a [String]) -> impl Iterator<Item = &'a String> {
    policies.iter().filter(move |policy| {
        let rest = policy.strip_prefix(asked);
        !policy.is_empty() && rest.is_some_and(|rest| rest.starts_with('/') || asked.is_empty())
    })
}

/// Whether an answer puts decisions together, or should, by what is known to be in force.
pub(super) fn are_several(args: &Args, answer: &Answer, in_force: Option<&[String]>) -> bool {
    match &answer.receipts[..] {
        [] => false,
        [one] => {
            let mut below = below(asked(args), in_force.unwrap_or_default());
            !is_nobodys(one) && below.next().is_some()
        }
        _ => true,
    }
}

/// Refuses such an answer, and says what to ask instead.
pub(super) fn refuse(
    sources: &Sources,
    args: &Args,
    file: &Path,
    answer: &Answer,
    in_force: Option<&[String]>,
) -> Result<()> {
    let count = answer.receipts.len();
    output::note(format!(
        "WORTH NOTHING: the answer puts {count} decisions together, and no receipt shows that none was left out or altered"
    ));
    let path = asked(args);
    let found = Found::of(path, answer, in_force.unwrap_or_default());
    for policy in &found.missing {
        output::note(format!(
            "LEFT OUT: `{policy}` is in force, and the answer has no receipt of its decision"
        ));
    }
    if in_force.is_none() {
        output::note(
            "which policies there are is the node's word here, and it may leave some out: --rpc URL --contract ADDRESS (`Challenge`) asks the chain, and `stele policy list` of who knows it shows them",
        );
    }
    if found.at_path {
        output::note(format!(
            "one of them was decided at `{path}` itself: ask for each of its rules, as `{path}/deny`"
        ));
    }
    if found.unnamed > 0 {
        output::note(format!(
            "{} of them say nothing here; `stele policy list` shows what is in force",
            found.unnamed
        ));
    }
    if found.named.is_empty() {
        output::note("ask for one policy, or one of its rules: each has a receipt of its own");
        return Ok(());
    }
    if is_standard_input(args) {
        output::note("standard input was read: save it as input.json, for it is asked about again");
    }
    output::note("ask for each policy by itself, with a receipt of its own:");
    let directory = file.parent().unwrap_or_else(|| Path::new(""));
    let mut taken = BTreeSet::new();
    for path in &found.named {
        let file = directory.join(free_name(path, directory, &mut taken));
        output::note(format!("  {}", command(sources, args, path, &file)?));
    }
    Ok(())
}

fn asked(args: &Args) -> &str {
    args.path.trim_matches('/')
}

fn is_standard_input(args: &Args) -> bool {
    args.input.as_deref() == Some(Path::new("-"))
}

/// The command for one path, quoted for a shell of POSIX, with every option that decides whom and what is asked and believed.
fn command(sources: &Sources, args: &Args, path: &str, file: &Path) -> Result<String> {
    let mut words = vec!["stele".to_owned()];
    words.extend(sources.arguments());
    words.extend(["decide".to_owned(), path.to_owned()]);
    let shown = |path: &Path| path.display().to_string();
    let input = args.input.as_deref().map(|file| {
        if is_standard_input(args) {
            "input.json".to_owned()
        } else {
            shown(file)
        }
    });
    let options = [
        ("--input", input),
        ("--node", args.node.clone()),
        ("--rpc", args.rpc.clone()),
        ("--contract", args.contract.map(|address| address.to_string())),
        ("--operator", args.operator.map(|address| address.to_string())),
        (
            "--format",
            (args.format == Format::Json).then(|| "json".to_owned()),
        ),
        ("--receipt", Some(shown(file))),
    ];
    for (name, value) in options {
        match value {
            // As one word: a value may begin with a dash.
            Some(value) if value.starts_with('-') => words.push(format!("{name}={value}")),
            Some(value) => words.extend([name.to_owned(), value]),
            None => {}
        }
    }
    shlex::try_join(words.iter().map(String::as_str)).context("a word of the command can't be quoted")
}

/// A name for a path's receipt that no other path has, nor any file.
fn free_name(path: &str, directory: &Path, taken: &mut BTreeSet<String>) -> String {
    let plain = |letter: char| if letter.is_alphanumeric() { letter } else { '-' };
    let stem: String = path.chars().map(plain).collect();
    let stem = Some(stem.trim_matches('-')).filter(|stem| !stem.is_empty());
    let stem = stem.unwrap_or("receipt");
    let mut name = format!("{stem}.json");
    let mut number = 1_u32;
    // Some file systems take no notice of case.
    while directory.join(&name).exists() || !taken.insert(name.to_lowercase()) {
        number = number.saturating_add(1);
        name = format!("{stem}-{number}.json");
    }
    name
}

/// What an answer's receipts are about.
#[derive(Default)]
struct Found {
    /// Paths to ask for: those decided, and those known to be in force, which the answer may lack.
    named: BTreeSet<String>,
    /// Those in force of which the answer has no receipt.
    missing: Vec<String>,
    /// Whether one was decided at the asked path.
    at_path: bool,
    /// Receipts of paths that neither stand in the answer's document nor are known.
    unnamed: usize,
}

impl Found {
    /// Leaves name paths by their hashes: they are looked for in the answer's document and among what is in force.
    fn of(asked: &str, answer: &Answer, in_force: &[String]) -> Self {
        let hashes: BTreeSet<Digest> = answer.receipts.iter().map(|one| one.leaf.entry_point).collect();
        let hash = |path: &str| EntryPoint::new(path).ok().map(|path| path.hash());
        let is_decided = |path: &str| hash(path).is_some_and(|hash| hashes.contains(&hash));
        let known = below(asked, in_force);
        let (decided, missing): (Vec<_>, Vec<_>) = known.cloned().partition(|path| is_decided(path));
        let at_path = is_decided(asked);
        let mut named = BTreeSet::from_iter(decided);
        named.extend(in_document(asked, answer, is_decided));
        let mut shown: BTreeSet<Digest> = named.iter().filter_map(|path| hash(path)).collect();
        shown.extend(hash(asked));
        let unnamed = answer.receipts.iter();
        let unnamed = unnamed.filter(|one| !shown.contains(&one.leaf.entry_point));
        let unnamed = unnamed.count();
        named.extend(missing.iter().cloned());
        Self {
            named,
            missing,
            at_path,
            unnamed,
        }
    }
}

/// The paths below the asked one that the answer's document has, and that were decided.
fn in_document(asked: &str, answer: &Answer, is_decided: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let mut named = BTreeSet::new();
    let mut waiting = Vec::from_iter(answer.result.as_ref().map(|result| (asked.to_owned(), result)));
    let mut seen = 0_usize;
    while let Some((path, value)) = waiting.pop() {
        if path != asked && is_decided(&path) {
            named.insert(path);
            continue;
        }
        for (key, value) in value.as_object().into_iter().flatten() {
            seen = seen.saturating_add(1);
            // Nothing longer is a path: a node's answer must not make us hold ten thousand copies of a long key.
            let fits = |key: &&str| path.len().saturating_add(key.len()) < LONGEST_PATH;
            if let Some(key) = key.as_str().filter(|_| seen < MOST_PATHS).filter(fits) {
                let separator = if path.is_empty() { "" } else { "/" };
                waiting.push((format!("{path}{separator}{key}"), value));
            }
        }
    }
    named
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::decide::Args;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        sources: Sources,
        #[command(flatten)]
        args: Args,
    }

    fn line(words: &[&str]) -> Line {
        Line::parse_from([&["decide"], words].concat())
    }

    #[test]
    fn a_proposed_command_keeps_every_option_and_quotes_it() {
        let address = "0x0000000000000000000000000000000000000001";
        let words = [
            "kubernetes",
            "--input",
            "my input.json",
            "--node",
            "http://n/?a=1&b=2",
            "--rpc",
            "http://c",
            "--contract",
            address,
            "--operator",
            address,
            "--format",
            "json",
            "--receipt",
            "all.json",
            "--data-dir",
            "my data",
            "--set",
            "chain.confirmations=2",
            "--config",
            "it's.toml",
        ];
        let given = line(&words);
        let command = command(
            &given.sources,
            &given.args,
            "kubernetes/deny",
            Path::new("one.json"),
        )
        .unwrap();
        let split = shlex::split(&command).unwrap();
        assert_eq!(split.first().map(String::as_str), Some("stele"), "{command}");
        let again: Vec<&str> = split
            .iter()
            .skip(1)
            .map(String::as_str)
            .filter(|word| *word != "decide")
            .collect();
        let again = line(&again);
        assert_eq!(again.sources.arguments(), given.sources.arguments(), "{command}");
        assert_eq!(again.args.path, "kubernetes/deny");
        assert_eq!(again.args.receipt.as_deref(), Some(Path::new("one.json")));
        let trust = |args: &Args| {
            (
                args.input.clone(),
                args.node.clone(),
                args.rpc.clone(),
                args.contract,
                args.operator,
                args.format == Format::Json,
            )
        };
        assert_eq!(trust(&again.args), trust(&given.args), "{command}");
    }

    #[test]
    fn standard_input_is_not_proposed_again() {
        let given = line(&["a", "--input", "-", "--receipt", "r.json"]);
        let command = command(&given.sources, &given.args, "a/b", Path::new("b.json")).unwrap();
        assert!(
            command.contains("--input input.json") && !command.contains("--input -"),
            "{command}"
        );
    }

    #[test]
    fn no_two_paths_share_a_file() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("there.json"), "").unwrap();
        let mut taken = BTreeSet::new();
        let names = ["a/b-c", "a-b/c", "A/b/c", "there", "-"];
        let names = names.map(|path| free_name(path, directory.path(), &mut taken));
        assert_eq!(
            names,
            [
                "a-b-c.json",
                "a-b-c-2.json",
                "A-b-c-3.json",
                "there-2.json",
                "receipt.json"
            ]
        );
    }

    #[test]
    fn only_what_lies_below_a_path_is_part_of_it() {
        let policies = ["a", "a/b", "ab/c", "a/b/c"].map(str::to_owned);
        let of = |path| Vec::from_iter(below(path, &policies).map(String::as_str));
        assert_eq!(of("a"), ["a/b", "a/b/c"]);
        assert_eq!(of("a/b"), ["a/b/c"]);
        assert_eq!(of(""), ["a", "a/b", "ab/c", "a/b/c"]);
    }
}
