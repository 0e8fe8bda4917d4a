//! Git history and what is staged, read with `gix`: no other program runs.

use super::text::Worker;
use super::{Report, Scan, archive};
use crate::Error;
use crate::finding::{CommitInfo, Problem, ProblemKind};
use gix::ObjectId;
use gix::bstr::ByteSlice as _;
use gix::objs::tree::EntryKind;
use std::collections::{BTreeMap, BinaryHeap, HashMap, HashSet};
use std::path::{Path, PathBuf};

/// Which commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum History {
    /// Everything that a reference or `HEAD` reaches.
    All,
    /// What `HEAD` reaches and this revision does not.
    Since(String),
}

/// A blob at a path.
struct Item {
    blob: ObjectId,
    path: String,
    /// The commit that introduced it there; none for what is staged.
    commit: Option<ObjectId>,
}

/// The top of the repository's working tree that a path is in, or its Git directory if it has none.
///
/// # Errors
///
/// [`Error::NotARepository`].
pub fn repository_root(path: &Path) -> Result<PathBuf, Error> {
    let repository = open(path)?;
    Ok(repository
        .workdir()
        .unwrap_or_else(|| repository.git_dir())
        .to_owned())
}

fn open(path: &Path) -> Result<gix::Repository, Error> {
    let start = if path.is_dir() {
        path
    } else {
        path.parent().unwrap_or(path)
    };
    gix::discover(if start.as_os_str().is_empty() {
        Path::new(".")
    } else {
        start
    })
    .map_err(|_| Error::NotARepository(path.to_owned()))
}

/// The error of a repository that can't be read.
fn broken(repository: &gix::Repository) -> impl Fn(gix::Error) -> Error + '_ {
    |cause| Error::Repository {
        repository: repository.git_dir().to_owned(),
        cause: cause.to_string(),
    }
}

/// Scans every blob of the commits once for each path that it has (what is allowed goes by path), under the commit that introduced it there, parents
/// before children. Findings of a secret that the same path had earlier in the range, or had before it, are left out.
///
/// # Errors
///
/// [`Error::NotARepository`], [`Error::UnknownRevision`], or [`Error::Repository`] if history can't be walked. A blob that can't be read is a
/// problem of the report.
pub fn scan_history(scan: &Scan<'_>, path: &Path, history: &History) -> Result<Report, Error> {
    let repository = open(path)?;
    let base = match history {
        History::All => None,
        History::Since(reference) => Some(revision(&repository, reference)?),
    };
    let mut gaps = Gaps::default();
    let commits = commits(&repository, base, &mut gaps)?;
    let mut trees = Trees {
        repository: &repository,
        seen: HashSet::new(),
        items: Vec::new(),
        gaps,
    };
    let mut before = BTreeMap::new();
    if base.is_some() {
        let inside: HashSet<ObjectId> = commits.iter().map(|commit| commit.id).collect();
        for parent in commits
            .iter()
            .flat_map(|commit| &commit.parents)
            .filter(|parent| !inside.contains(*parent))
        {
            trees.collect(*parent);
        }
        for item in trees.items.drain(..) {
            before.insert(item.path, item.blob);
        }
    }
    for commit in &commits {
        trees.collect(commit.id);
    }
    let Trees { items, gaps, .. } = trees;
    let known = known(scan, &repository, &items, &before);
    let mut report = scan_blobs(scan, &repository, &items);
    first_only(&mut report, &known);
    report.problems.extend(gaps.0);
    Ok(report)
}

/// What of a history can't be read: the rest of it is scanned all the same.
#[derive(Default)]
struct Gaps(Vec<Problem>);

impl Gaps {
    fn add(&mut self, place: &str, what: impl std::fmt::Display, cause: impl std::fmt::Display) {
        self.0.push(Problem {
            path: place.to_owned(),
            kind: ProblemKind::Environment,
            message: format!("{what} can't be read: {cause}"),
        });
    }
}

/// Scans what the next commit would add: blobs of the index that `HEAD` has not at their path, without secrets that `HEAD` has there.
///
/// # Errors
///
/// [`Error::NotARepository`], or [`Error::Repository`] if index or `HEAD` can't be read.
pub fn scan_staged(scan: &Scan<'_>, path: &Path) -> Result<Report, Error> {
    let repository = open(path)?;
    let broken = broken(&repository);
    let index = repository.index_or_empty().map_err(&broken)?;
    let head = repository.head_tree_id_or_empty().map_err(&broken)?;
    let head = repository.index_from_tree(&head).map_err(&broken)?;
    let before: BTreeMap<String, ObjectId> = head
        .entries()
        .iter()
        .map(|entry| (entry.path(&head).to_str_lossy().into_owned(), entry.id))
        .collect();
    let mut items = Vec::new();
    for entry in index.entries() {
        let file = matches!(
            entry.mode,
            gix::index::entry::Mode::FILE | gix::index::entry::Mode::FILE_EXECUTABLE
        );
        let path = entry.path(&index).to_str_lossy().into_owned();
        if file && entry.stage_raw() == 0 && before.get(&path) != Some(&entry.id) {
            items.push(Item {
                blob: entry.id,
                path,
                commit: None,
            });
        }
    }
    let known = known(scan, &repository, &items, &before);
    let mut report = scan_blobs(scan, &repository, &items);
    first_only(&mut report, &known);
    Ok(report)
}

fn revision(repository: &gix::Repository, reference: &str) -> Result<ObjectId, Error> {
    let unknown = |cause: String| Error::UnknownRevision {
        reference: reference.to_owned(),
        repository: repository.git_dir().to_owned(),
        cause,
    };
    let id = repository
        .rev_parse_single(reference)
        .map_err(|cause| unknown(cause.to_string()))?;
    let object = id.object().map_err(|cause| unknown(cause.to_string()))?;
    let commit = object
        .peel_to_kind(gix::object::Kind::Commit)
        .map_err(|cause| unknown(cause.to_string()))?;
    Ok(commit.id)
}

/// A commit of the range.
struct Node {
    id: ObjectId,
    parents: Vec<ObjectId>,
    time: i64,
}

/// The commits of the range, parents before children, otherwise the older first.
fn commits(
    repository: &gix::Repository,
    base: Option<ObjectId>,
    gaps: &mut Gaps,
) -> Result<Vec<Node>, Error> {
    let broken = broken(repository);
    let tips = match base {
        Some(_) => vec![repository.head_id().map_err(&broken)?.detach()],
        None => tips(repository, gaps)?,
    };
    let mut walk = repository.rev_walk(tips);
    if let Some(base) = base {
        walk = walk.with_hidden([base]);
    }
    let sorting = gix::revision::walk::Sorting::ByCommitTime(
        gix::traverse::commit::simple::CommitTimeOrder::NewestFirst,
    );
    let mut nodes = Vec::new();
    for info in walk.sorting(sorting).all().map_err(&broken)? {
        // One that is missing or damaged ends only its own line of history.
        let info = match info {
            Ok(info) => info,
            Err(error) => {
                gaps.add("history", "a commit", error);
                continue;
            }
        };
        nodes.push(Node {
            id: info.id,
            parents: info.parent_ids.iter().copied().collect(),
            time: info.commit_time.unwrap_or(0),
        });
    }
    Ok(parents_first(nodes))
}

/// Kahn's order, by time among those that are ready.
fn parents_first(nodes: Vec<Node>) -> Vec<Node> {
    let place: HashMap<ObjectId, usize> = nodes.iter().enumerate().map(|(at, node)| (node.id, at)).collect();
    let mut waits = vec![0_usize; nodes.len()];
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (at, node) in nodes.iter().enumerate() {
        for parent in node.parents.iter().filter_map(|parent| place.get(parent)) {
            if let (Some(wait), Some(list)) = (waits.get_mut(at), children.get_mut(*parent)) {
                *wait = wait.saturating_add(1);
                list.push(at);
            }
        }
    }
    let key = |at: usize| std::cmp::Reverse((nodes.get(at).map(|node| (node.time, node.id)), at));
    let mut ready: BinaryHeap<_> = (0..nodes.len())
        .filter(|at| waits.get(*at) == Some(&0))
        .map(key)
        .collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(std::cmp::Reverse((_, at))) = ready.pop() {
        order.push(at);
        for child in children.get(at).into_iter().flatten() {
            if let Some(wait) = waits.get_mut(*child) {
                *wait = wait.saturating_sub(1);
                if *wait == 0 {
                    ready.push(key(*child));
                }
            }
        }
    }
    let mut slots: Vec<Option<Node>> = nodes.into_iter().map(Some).collect();
    order
        .into_iter()
        .filter_map(|at| slots.get_mut(at).and_then(Option::take))
        .collect()
}

/// The commits that references and `HEAD` name.
fn tips(repository: &gix::Repository, gaps: &mut Gaps) -> Result<Vec<ObjectId>, Error> {
    let broken = broken(repository);
    let mut tips = BTreeMap::new();
    // An unborn HEAD names nothing yet.
    tips.extend(
        repository
            .head_id()
            .ok()
            .map(|id| (id.detach(), "HEAD".to_owned())),
    );
    let platform = repository.references().map_err(&broken)?;
    for reference in platform.all().map_err(&broken)? {
        let mut reference = match reference {
            Ok(reference) => reference,
            Err(error) => {
                gaps.add("references", "one of them", error);
                continue;
            }
        };
        let name = reference.name().as_bstr().to_str_lossy().into_owned();
        let named = reference.target().try_id().map(ToOwned::to_owned);
        match (reference.peel_to_id(), named) {
            (Ok(id), _) => {
                tips.entry(id.detach()).or_insert(name);
            }
            (Err(error), Some(id)) => gaps.add(&name, id, error),
            // The name of a reference that is not there, as `origin/HEAD` after its branch was removed.
            (Err(_), None) => {}
        }
    }
    // A tag may name a tree or a blob.
    let mut out = Vec::new();
    for (id, name) in tips {
        match repository.find_object(id) {
            Ok(object) if object.kind == gix::object::Kind::Commit => out.push(id),
            Ok(_) => {}
            Err(error) => gaps.add(&name, id, error),
        }
    }
    Ok(out)
}

/// Walks trees and notes what was not seen at its path before.
struct Trees<'r> {
    repository: &'r gix::Repository,
    /// Trees with the prefix of their paths, which is empty or ends in `/`, and blobs with their path.
    seen: HashSet<(ObjectId, String)>,
    items: Vec<Item>,
    gaps: Gaps,
}

impl Trees<'_> {
    fn collect(&mut self, commit: ObjectId) {
        let found = self.repository.find_commit(commit);
        let tree = match found.and_then(|commit| commit.tree_id().map(gix::Id::detach)) {
            Ok(tree) => tree,
            Err(error) => return self.gaps.add("history", format!("the commit {commit}"), error),
        };
        let mut waiting = vec![(tree, String::new())];
        while let Some((tree, prefix)) = waiting.pop() {
            if !self.seen.insert((tree, prefix.clone())) {
                continue;
            }
            let found = match self.repository.find_tree(tree) {
                Ok(found) => found,
                Err(error) => {
                    self.gaps
                        .add(&prefix, format!("the tree {tree} of commit {commit}"), error);
                    continue;
                }
            };
            for entry in found.iter() {
                let entry = match entry {
                    Ok(entry) => entry,
                    Err(error) => {
                        self.gaps
                            .add(&prefix, format!("the tree {tree} of commit {commit}"), error);
                        break;
                    }
                };
                let path = format!("{prefix}{}", entry.filename().to_str_lossy());
                match entry.kind() {
                    EntryKind::Tree => waiting.push((entry.object_id(), path + "/")),
                    EntryKind::Blob | EntryKind::BlobExecutable => {
                        if self.seen.insert((entry.object_id(), path.clone())) {
                            self.items.push(Item {
                                blob: entry.object_id(),
                                path,
                                commit: Some(commit),
                            });
                        }
                    }
                    // Symbolic links hold a path, submodules are repositories of their own.
                    EntryKind::Link | EntryKind::Commit => {}
                }
            }
        }
    }
}

fn scan_blobs(scan: &Scan<'_>, repository: &gix::Repository, items: &[Item]) -> Report {
    let shared = repository.clone().into_sync();
    let numbered: Vec<(usize, &Item)> = items.iter().enumerate().collect();
    scan.run_with(
        &numbered,
        || shared.to_thread_local(),
        |worker, repository, (order, item)| {
            let from = worker.findings();
            scan_blob(worker, repository, item);
            worker.attribute(from, *order as u64, || {
                item.commit.and_then(|commit| describe(repository, commit))
            });
        },
    )
}

fn scan_blob(worker: &mut Worker<'_>, repository: &gix::Repository, item: &Item) {
    match repository.find_header(item.blob) {
        Ok(header) if worker.too_large(&item.path, header.size()) => return,
        Ok(_) => {}
        Err(error) => {
            worker.problem(
                &item.path,
                ProblemKind::Environment,
                format!("blob {} can't be read: {error}", item.blob),
            );
            return;
        }
    }
    match repository.find_blob(item.blob) {
        Ok(blob) => archive::scan(
            worker,
            &item.path,
            &mut blob.data.as_slice(),
            Some(blob.data.len() as u64),
        ),
        Err(error) => {
            worker.problem(
                &item.path,
                ProblemKind::Environment,
                format!("blob {} can't be read: {error}", item.blob),
            );
        }
    }
}

fn describe(repository: &gix::Repository, id: ObjectId) -> Option<CommitInfo> {
    let commit = repository.find_commit(id).ok()?;
    let author = commit.author().ok()?;
    let seconds = author.time().map_or(0, |time| time.seconds);
    let date = jiff::Timestamp::from_second(seconds).map_or_else(|_| String::new(), |time| time.to_string());
    let summary = commit
        .message_raw_sloppy()
        .lines()
        .next()
        .map(|line| line.to_str_lossy().trim().to_owned())
        .unwrap_or_default();
    Some(CommitInfo {
        id: id.to_string(),
        author: format!("{} <{}>", author.name.to_str_lossy(), author.email.to_str_lossy()),
        date,
        summary,
    })
}

/// The secrets that the paths of these items held before, each with its path.
fn known(
    scan: &Scan<'_>,
    repository: &gix::Repository,
    items: &[Item],
    before: &BTreeMap<String, ObjectId>,
) -> HashSet<([u8; 32], String)> {
    let earlier: Vec<Item> = items
        .iter()
        .filter_map(|item| before.get_key_value(&item.path))
        .map(|(path, blob)| (path.clone(), *blob))
        .collect::<BTreeMap<_, _>>()
        .into_iter()
        .map(|(path, blob)| Item {
            blob,
            path,
            commit: None,
        })
        .collect();
    let quiet = Scan {
        progress: &(),
        ..*scan
    };
    let report = scan_blobs(&quiet, repository, &earlier);
    report
        .findings
        .into_iter()
        .map(|finding| (finding.identity, finding.path))
        .collect()
}

/// Leaves the first finding of each secret at each path.
fn first_only(report: &mut Report, known: &HashSet<([u8; 32], String)>) {
    report
        .findings
        .sort_by_key(|finding| (finding.order, finding.line, finding.column));
    let mut seen = HashSet::new();
    report.findings.retain(|finding| {
        let secret = (finding.identity, finding.path.clone());
        !known.contains(&secret) && seen.insert(secret)
    });
    report.sort();
}
