//! Files, archives and Git, as they come: whole and broken.
#![allow(
    missing_docs,
    unreachable_pub,
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests may panic"
)]

mod common;

use common::{Chance, expand};
use std::io::Write;
use std::path::Path;
use std::process::Command;
use stele_secrets::source::{self, History, Options, Report, Scan};
use stele_secrets::{Allowlist, Error, ProblemKind, RuleSet, Scanner};
use tempfile::TempDir;

fn token(name: &str) -> String {
    expand("ghp_<alnum:30><base62crc>", &mut Chance::new(name))
}

/// Runs a scan with the built-in rules and nothing allowed.
fn scan<T>(options: &Options, run: impl FnOnce(&Scan<'_>) -> T) -> T {
    let scanner = Scanner::new(RuleSet::built_in().unwrap()).unwrap();
    let allowlist = Allowlist::default();
    run(&Scan {
        scanner: &scanner,
        allowlist: &allowlist,
        options,
        progress: &(),
    })
}

fn files(path: &Path) -> Report {
    scan(&Options::default(), |scan| {
        source::scan_path(scan, path, Some(path)).unwrap()
    })
}

fn places(report: &Report) -> Vec<String> {
    report
        .findings
        .iter()
        .map(|f| format!("{}:{}:{} {}", f.path, f.line, f.column, f.rule))
        .collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    out.write_all(bytes).unwrap();
    out.finish().unwrap()
}

fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut out = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        out.append_data(&mut header, name, *bytes).unwrap();
    }
    out.into_inner().unwrap()
}

/// A ZIP file with stored and deflated members in turn, as APPNOTE.TXT lays it out.
fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (index, (name, bytes)) in members.iter().enumerate() {
        let (method, packed) = if index % 2 == 0 {
            (0_u16, bytes.to_vec())
        } else {
            let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
            deflate.write_all(bytes).unwrap();
            (8, deflate.finish().unwrap())
        };
        let offset = out.len() as u32;
        let mut common = vec![20, 0, 0, 0];
        common.extend(method.to_le_bytes());
        common.extend([0; 4]);
        common.extend(crc32fast::hash(bytes).to_le_bytes());
        common.extend((packed.len() as u32).to_le_bytes());
        common.extend((bytes.len() as u32).to_le_bytes());
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0; 2]);
        out.extend(b"PK\x03\x04");
        out.extend(&common);
        out.extend(name.bytes());
        out.extend(&packed);
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(name.bytes());
    }
    let start = out.len() as u32;
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend((members.len() as u16).to_le_bytes());
    out.extend((members.len() as u16).to_le_bytes());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0; 2]);
    out
}

#[test]
fn archives_in_archives_are_looked_into() {
    let dir = TempDir::new().unwrap();
    let text = format!("first\n  token {}\n", token("a"));
    let inner = zip(&[("plain.txt", b"nothing"), ("deep/secret.env", text.as_bytes())]);
    let outer = gzip(&tar(&[("a/inner.zip", &inner), ("b.txt", text.as_bytes())]));
    std::fs::write(dir.path().join("backup.tgz"), outer).unwrap();
    std::fs::write(dir.path().join("log.gz"), gzip(text.as_bytes())).unwrap();
    let report = files(dir.path());
    assert_eq!(
        places(&report),
        [
            "backup.tgz!/backup.tar!/a/inner.zip!/deep/secret.env:2:9 github-personal-access-token",
            "backup.tgz!/backup.tar!/b.txt:2:9 github-personal-access-token",
            "log.gz!/log:2:9 github-personal-access-token",
        ]
    );
    assert!(report.problems.is_empty(), "{:?}", report.problems);
}

#[test]
fn damaged_archives_are_reported_and_the_rest_is_scanned() {
    let dir = TempDir::new().unwrap();
    let text = format!("{}\n{}", token("early"), "some words ".repeat(50_000));
    let whole = gzip(text.as_bytes());
    std::fs::write(dir.path().join("cut.gz"), &whole[..whole.len() / 2]).unwrap();
    let archive = zip(&[("a.txt", token("b").as_bytes()), ("b.txt", text.as_bytes())]);
    std::fs::write(dir.path().join("cut.zip"), &archive[..archive.len() - 30]).unwrap();
    std::fs::write(dir.path().join("fine.txt"), token("c")).unwrap();
    let mut encrypted = archive.clone();
    let at = encrypted
        .windows(4)
        .position(|four| four == b"PK\x01\x02")
        .unwrap();
    encrypted[at + 8] |= 1;
    std::fs::write(dir.path().join("locked.zip"), encrypted).unwrap();
    let report = files(dir.path());
    assert_eq!(
        places(&report),
        [
            "cut.gz!/cut:1:1 github-personal-access-token",
            "fine.txt:1:1 github-personal-access-token",
            "locked.zip!/b.txt:1:1 github-personal-access-token",
        ]
    );
    let problems: Vec<(&str, ProblemKind)> = report
        .problems
        .iter()
        .map(|p| (p.path.as_str(), p.kind))
        .collect();
    assert_eq!(
        problems,
        [
            ("cut.gz!/cut", ProblemKind::Input),
            ("cut.zip", ProblemKind::Input),
            ("locked.zip!/a.txt", ProblemKind::Input),
        ]
    );
}

#[test]
fn nothing_is_wrong_with_a_large_archive() {
    let dir = TempDir::new().unwrap();
    let mut archive = zip(&[("a.txt", token("b").as_bytes())]);
    let end = archive.len() - 22;
    archive[end + 10..end + 12].fill(0xff);
    std::fs::write(dir.path().join("large.zip"), archive).unwrap();
    let report = files(dir.path());
    let messages: Vec<&str> = report.problems.iter().map(|p| p.message.as_str()).collect();
    assert_eq!(
        messages,
        ["is a Zip64 archive, which is not read; unpack it and scan the files"]
    );
}

#[test]
fn bombs_cost_little_and_are_reported() {
    let dir = TempDir::new().unwrap();
    // 200 MB of one byte become 200 KB; nested once more, a kilobyte.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..200 {
        bomb.write_all(&[b'a'; 1_000_000]).unwrap();
    }
    let bomb = gzip(&bomb.finish().unwrap());
    std::fs::write(dir.path().join("bomb.gz"), bomb).unwrap();
    let mut nested = token("deep").into_bytes();
    for _ in 0..8 {
        nested = gzip(&nested);
    }
    std::fs::write(dir.path().join("nested.gz"), nested).unwrap();
    let report = files(dir.path());
    assert!(report.findings.is_empty());
    let messages: Vec<&str> = report.problems.iter().map(|p| p.message.as_str()).collect();
    assert!(messages[0].contains("unpacks to far more"), "{messages:?}");
    assert!(
        messages.last().unwrap().contains("more than 4 archives"),
        "{messages:?}"
    );
    assert!(report.stats.bytes < 70 << 20, "{}", report.stats.bytes);
}

#[test]
fn ignored_binary_and_large_files_are_left_out_unless_asked_for() {
    let dir = TempDir::new().unwrap();
    let write = |name: &str, text: String| std::fs::write(dir.path().join(name), text).unwrap();
    write(".gitignore", "ignored.txt\n".into());
    write("ignored.txt", token("i"));
    write(".hidden", token("h"));
    write("binary", format!("\0{}", token("b")));
    write("large.txt", format!("{}{}", token("l"), " ".repeat(1000)));
    std::fs::create_dir(dir.path().join(".git")).unwrap();
    write(".git/config", token("g"));
    let options = Options {
        max_file_size: Some(1000),
        ..Options::default()
    };
    let report = scan(&options, |scan| {
        source::scan_path(scan, dir.path(), Some(dir.path())).unwrap()
    });
    assert_eq!(places(&report), [".hidden:1:1 github-personal-access-token"]);
    assert_eq!(report.stats.binary, 1);
    assert_eq!(report.problems.len(), 1);
    assert_eq!(
        (report.problems[0].path.as_str(), report.problems[0].kind),
        ("large.txt", ProblemKind::Skipped)
    );
    let options = Options {
        include_ignored: true,
        ..Options::default()
    };
    let report = scan(&options, |scan| {
        source::scan_path(scan, dir.path(), Some(dir.path())).unwrap()
    });
    assert_eq!(report.findings.len(), 3);
}

#[cfg(unix)]
#[test]
fn symbolic_links_are_not_followed_and_loops_end() {
    let dir = TempDir::new().unwrap();
    std::fs::create_dir(dir.path().join("sub")).unwrap();
    std::fs::write(dir.path().join("sub/a.txt"), token("a")).unwrap();
    std::os::unix::fs::symlink("..", dir.path().join("sub/loop")).unwrap();
    std::os::unix::fs::symlink("a.txt", dir.path().join("sub/b.txt")).unwrap();
    std::os::unix::fs::symlink("gone", dir.path().join("dangling")).unwrap();
    let report = files(dir.path());
    assert_eq!(places(&report), ["sub/a.txt:1:1 github-personal-access-token"]);
    assert!(report.problems.is_empty());
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let dir = TempDir::new().unwrap();
    for index in 0..60 {
        let text = format!(
            "{}\ndb_password = \"{}\"\n",
            token(&index.to_string()),
            expand("<hex:32>", &mut Chance::new(&index.to_string()))
        );
        std::fs::write(dir.path().join(format!("{index}.txt")), text).unwrap();
    }
    let run = |threads: usize| {
        let options = Options {
            threads,
            ..Options::default()
        };
        let report = scan(&options, |scan| {
            source::scan_path(scan, dir.path(), None).unwrap()
        });
        assert_eq!(report.findings.len(), 120);
        (places(&report), report.stats)
    };
    assert_eq!(run(1), run(7));
}

/// A repository made with the `git` program, with fixed names and times.
struct Repository(TempDir);

impl Repository {
    fn new() -> Self {
        let repository = Self(TempDir::new().unwrap());
        repository.git(&["init", "-q", "-b", "main"], 0);
        repository
    }

    fn git(&self, args: &[&str], day: u32) -> String {
        let date = format!("2024-01-{:02}T12:00:00Z", day + 1);
        let output = Command::new("git")
            .args(args)
            .current_dir(self.0.path())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .envs([
                ("GIT_AUTHOR_NAME", "Ada"),
                ("GIT_AUTHOR_EMAIL", "ada@example.test"),
            ])
            .envs([
                ("GIT_COMMITTER_NAME", "Ben"),
                ("GIT_COMMITTER_EMAIL", "ben@example.test"),
            ])
            .envs([("GIT_AUTHOR_DATE", &date), ("GIT_COMMITTER_DATE", &date)])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn commit(&self, message: &str, day: u32) -> String {
        self.git(&["add", "-A"], day);
        self.git(&["commit", "-q", "-m", message], day);
        self.git(&["rev-parse", "HEAD"], day)
    }

    fn history(&self, history: History) -> Result<Report, Error> {
        scan(&Options::default(), |scan| {
            source::scan_history(scan, self.0.path(), &history)
        })
    }

    fn staged(&self) -> Report {
        scan(&Options::default(), |scan| {
            source::scan_staged(scan, self.0.path()).unwrap()
        })
    }
}

fn introduced(report: &Report) -> Vec<(String, u64, String)> {
    report
        .findings
        .iter()
        .map(|f| {
            (
                f.path.clone(),
                f.line,
                f.commit.as_ref().map(|c| c.id.clone()).unwrap_or_default(),
            )
        })
        .collect()
}

#[test]
fn history_names_the_commit_that_introduced_a_secret_even_if_it_is_gone() {
    let repository = Repository::new();
    repository.write("a/x.txt", "nothing\n");
    repository.commit("start", 0);
    repository.write("a/x.txt", &format!("one\n{}\n", token("gone")));
    let second = repository.commit("add it\n\nbody", 1);
    repository.write("a/x.txt", &format!("one\ntwo\n{}\n", token("gone")));
    repository.commit("move it down", 2);
    repository.write("a/x.txt", "clean\n");
    repository.commit("remove it", 3);
    repository.git(&["checkout", "-q", "-b", "side"], 4);
    repository.write("b.txt", &token("side"));
    let side = repository.commit("on a branch", 4);
    repository.git(&["checkout", "-q", "main"], 5);
    let report = repository.history(History::All).unwrap();
    assert_eq!(
        introduced(&report),
        [("a/x.txt".into(), 2, second.clone()), ("b.txt".into(), 1, side)]
    );
    let commit = report.findings[0].commit.clone().unwrap();
    assert_eq!(commit.author, "Ada <ada@example.test>");
    assert_eq!(commit.date, "2024-01-02T12:00:00Z");
    assert_eq!(commit.summary, "add it");
    // Packed, the history is the same.
    repository.git(&["gc", "-q"], 6);
    assert_eq!(
        introduced(&repository.history(History::All).unwrap()),
        introduced(&report)
    );
}

#[test]
fn a_blob_that_many_commits_have_is_scanned_once_a_path() {
    let repository = Repository::new();
    repository.write("keep.txt", &token("keep"));
    for day in 0..5 {
        repository.write("n.txt", &day.to_string());
        repository.write(&format!("copy{day}.txt"), &token("keep"));
        repository.commit("more", day);
    }
    let report = repository.history(History::All).unwrap();
    // One blob of the token at six paths, and five of the counter.
    assert_eq!(report.stats.texts, 11);
    assert_eq!(report.findings.len(), 6);
}

#[test]
fn a_copy_from_an_allowed_path_is_found() {
    let text = "[[allow]]\nreason = \"made up\"\npaths = [\"tests/**\"]\n";
    let today = jiff::civil::date(2026, 6, 1);
    let allowlist = Allowlist::parse("secrets.toml", text, today, &RuleSet::built_in().unwrap()).unwrap();
    let repository = Repository::new();
    repository.write("tests/a/key.txt", &token("copied"));
    let first = repository.commit("allowed", 0);
    // The same tree under another prefix, and the same blob at another path.
    repository.write("src/a/key.txt", &token("copied"));
    repository.write("key.txt", &token("copied"));
    let second = repository.commit("copied", 1);
    let scanner = Scanner::new(RuleSet::built_in().unwrap()).unwrap();
    for history in [History::All, History::Since(first)] {
        let scan = Scan {
            scanner: &scanner,
            allowlist: &allowlist,
            options: &Options::default(),
            progress: &(),
        };
        let report = source::scan_history(&scan, repository.0.path(), &history).unwrap();
        assert_eq!(
            introduced(&report),
            [
                ("key.txt".into(), 1, second.clone()),
                ("src/a/key.txt".into(), 1, second.clone())
            ],
            "{history:?}"
        );
    }
}

#[test]
fn a_secret_that_one_path_had_is_new_at_another() {
    let repository = Repository::new();
    repository.write("old.env", &format!("{}\n", token("known")));
    repository.write("public/config.js", "// nothing\n");
    let base = repository.commit("start", 0);
    repository.write("old.env", &format!("# touched\n{}\n", token("known")));
    repository.write("public/config.js", &format!("// it\n{}\n", token("known")));
    repository.git(&["add", "-A"], 1);
    assert_eq!(
        introduced(&repository.staged()),
        [("public/config.js".into(), 2, String::new())]
    );
    let head = repository.commit("publish", 1);
    let report = repository.history(History::Since(base)).unwrap();
    assert_eq!(introduced(&report), [("public/config.js".into(), 2, head)]);
}

#[test]
fn since_shows_what_the_commits_after_a_revision_added() {
    let repository = Repository::new();
    repository.write("old.txt", &format!("{}\n", token("old")));
    repository.commit("old", 0);
    repository.git(&["tag", "-a", "-m", "t", "v1"], 0);
    repository.write("old.txt", &format!("changed\n{}\n", token("old")));
    repository.write("new.txt", &token("new"));
    let new = repository.commit("new", 1);
    repository.git(&["rm", "-q", "new.txt"], 2);
    repository.commit("remove", 2);
    let report = repository.history(History::Since("v1".into())).unwrap();
    assert_eq!(introduced(&report), [("new.txt".into(), 1, new)]);
    assert!(
        repository
            .history(History::Since("HEAD".into()))
            .unwrap()
            .findings
            .is_empty()
    );
    let error = repository.history(History::Since("no-such".into())).unwrap_err();
    assert!(
        matches!(&error, Error::UnknownRevision { reference, .. } if reference == "no-such"),
        "{error}"
    );
}

#[test]
fn staged_is_what_the_next_commit_would_add() {
    let repository = Repository::new();
    // Before the first commit, everything in the index is new.
    repository.write("first.txt", &token("first"));
    repository.git(&["add", "-A"], 0);
    assert_eq!(introduced(&repository.staged()).len(), 1);
    repository.commit("first", 0);
    assert!(repository.staged().findings.is_empty());
    repository.write(
        "first.txt",
        &format!("moved\n{}\n{}\n", token("first"), token("second")),
    );
    repository.write("unstaged.txt", &token("unstaged"));
    repository.git(&["add", "first.txt"], 1);
    // What is in the index counts, not what is in the working tree.
    repository.write("first.txt", "clean");
    assert_eq!(
        introduced(&repository.staged()),
        [("first.txt".into(), 3, String::new())]
    );
}

#[test]
fn there_has_to_be_a_repository() {
    let dir = TempDir::new().unwrap();
    let error = scan(&Options::default(), |scan| {
        source::scan_history(scan, dir.path(), &History::All)
    })
    .unwrap_err();
    assert!(matches!(error, Error::NotARepository(_)), "{error}");
    let error = scan(&Options::default(), |scan| {
        source::scan_path(scan, &dir.path().join("none"), None)
    })
    .unwrap_err();
    assert!(matches!(error, Error::NoSuchPath(_)), "{error}");
    let empty = Repository::new();
    assert!(empty.history(History::All).unwrap().findings.is_empty());
}

#[test]
fn what_of_a_history_is_gone_is_told_and_the_rest_is_scanned() {
    // What is gone, and what is found in spite of it.
    for (gone, found) in [
        ("tip", "old.txt"),
        ("side", "new.txt"),
        ("middle", "new.txt"),
        ("tree", "old.txt"),
        ("blob", "old.txt"),
    ] {
        let repository = Repository::new();
        repository.write("old.txt", &token("old"));
        let first = repository.commit("first", 0);
        repository.git(&["checkout", "-q", "-b", "side"], 1);
        repository.write("side.txt", &token("side"));
        let side = repository.commit("side", 1);
        repository.git(&["checkout", "-q", "main"], 2);
        repository.write("a.txt", "a");
        let middle = repository.commit("middle", 2);
        repository.write("sub/new.txt", "-");
        repository.write("new.txt", &token("new"));
        let tip = repository.commit("tip", 3);
        repository.git(&["tag", "kept", &first], 4);
        let lost = match gone {
            "tip" => tip,
            "side" => side,
            "middle" => middle,
            "tree" => repository.git(&["rev-parse", "main:sub"], 4),
            _ => repository.git(&["rev-parse", "main:new.txt"], 4),
        };
        let (start, rest) = lost.trim().split_at(2);
        std::fs::remove_file(repository.0.path().join(".git/objects").join(start).join(rest)).unwrap();
        let report = repository.history(History::All).unwrap();
        let paths: Vec<&str> = report
            .findings
            .iter()
            .map(|finding| finding.path.as_str())
            .collect();
        assert!(paths.contains(&found), "{gone}: {paths:?}");
        assert!(!report.problems.is_empty(), "{gone} is not told");
        assert!(
            report
                .problems
                .iter()
                .all(|problem| problem.kind == ProblemKind::Environment),
            "{gone}: {:?}",
            report.problems
        );
    }
}
