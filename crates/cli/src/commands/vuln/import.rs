//! `stele vuln import`, `stele vuln status`.

use crate::config::Sources;
use crate::exit::{Environment, EnvironmentContext, Verdict};
use crate::{output, progress};
use anyhow::Result;
use jiff::Timestamp;
use std::path::PathBuf;
use stele_gate::report::printable;
use stele_vuln::import::{Imported, Limits, Options};
use stele_vuln::{DataInfo, Store, import};

/// `stele vuln import`
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Directories, ZIP archives or files
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Keep what is there; of records with the same id the newer one counts, and an ecosystem is as old as its newest record
    #[arg(long)]
    add: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: output::Format,
}

/// `stele vuln status`
#[derive(clap::Args)]
pub(crate) struct StatusArgs {
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    format: output::Format,
}

pub(super) fn run(sources: &Sources, args: &Args) -> Result<Verdict> {
    let dir = sources.home()?.vuln();
    let now = Timestamp::now();
    let bar = progress::bar("records");
    let options = Options {
        add: args.add,
        now,
        limits: Limits::default(),
    };
    let done = import(&dir, &args.paths, &options, &|read| bar.set_position(read));
    bar.finish_and_clear();
    let done = done.map_err(|error| {
        if error.is_environment() {
            anyhow::Error::new(Environment(error.to_string()))
        } else {
            error.into()
        }
    })?;
    for bad in &done.listed {
        output::note(printable(&format!("{}: {}", bad.file, bad.message)));
    }
    let listed = u64::try_from(done.listed.len()).unwrap_or(u64::MAX);
    let bad = done.bad.saturating_add(done.partial);
    let told = bad.saturating_add(done.less);
    if told > listed {
        output::note(format!("... and {} more", told.saturating_sub(listed)));
    }
    match args.format {
        output::Format::Text => {
            output::line(text(&done));
            output::line(described(&done.info, [], now));
        }
        output::Format::Json => output::json(&json(&done, now))?,
    }
    Ok(if bad > 0 { Verdict::Invalid } else { Verdict::Pass })
}

fn text(done: &Imported) -> String {
    let mut text = format!(
        "{}, {} taken",
        count(done.read, "file read", "files read"),
        count(done.taken, "advisory", "advisories")
    );
    for (count, what) in [
        (done.known, "already known"),
        (done.less, "say less than what is as new"),
        (done.withdrawn, "withdrawn"),
        (done.foreign, "about other ecosystems"),
        (done.exploited, "listed as exploited"),
        (done.bad, "can't be used"),
        (done.partial, "can be used in part only"),
        (done.passed_over, "files of other kinds passed over"),
    ] {
        if count > 0 {
            text.push_str(&format!(", {count} {what}"));
        }
    }
    text
}

fn json(done: &Imported, now: Timestamp) -> serde_json::Value {
    let bad = done.listed.iter();
    let bad = bad.map(|bad| serde_json::json!({"file": bad.file, "message": bad.message}));
    serde_json::json!({
        "read": done.read,
        "taken": done.taken,
        "known": done.known,
        "less": done.less,
        "withdrawn": done.withdrawn,
        "foreign": done.foreign,
        "passed_over": done.passed_over,
        "bad": done.bad,
        "partial": done.partial,
        "exploited": done.exploited,
        "problems": bad.collect::<Vec<_>>(),
        "data": data(&done.info, now),
    })
}

fn data(info: &DataInfo, now: Timestamp) -> serde_json::Value {
    serde_json::json!({
        "made": info.made(),
        "age_days": info.age_days(now),
        "ages": info.ages(now),
        "advisories": info.advisories,
        "ecosystems": info.ecosystems,
        "releases": info.releases,
        "bad": info.bad(),
        "exploited": info.exploited,
        "imports": info.imports,
    })
}

pub(super) fn status(sources: &Sources, args: &StatusArgs) -> Result<Verdict> {
    let store = open(sources)?;
    let now = Timestamp::now();
    match args.format {
        output::Format::Text => {
            let info = store.info();
            output::line(described(info, [], now));
            output::line(format!(
                "{} listed as exploited",
                count(info.exploited, "vulnerability", "vulnerabilities")
            ));
            let rows = info.ages(now).into_iter().map(|(name, age)| row(info, name, age));
            output::table(&["ecosystem", "advisories", "age", "releases"], rows.collect());
        }
        output::Format::Json => output::json(&data(store.info(), now))?,
    }
    Ok(Verdict::Pass)
}

fn row(info: &DataInfo, ecosystem: &str, age: Option<i64>) -> Vec<String> {
    let releases = info.releases.get(ecosystem).into_iter().flatten();
    let releases = releases.map(|(release, _)| release.as_str());
    let releases: Vec<&str> = releases.filter(|release| !release.is_empty()).collect();
    let advisories = info.ecosystems.get(ecosystem).copied().unwrap_or_default();
    vec![
        ecosystem.to_owned(),
        advisories.to_string(),
        age.map_or_else(|| "unknown".to_owned(), days),
        releases.join(", "),
    ]
}

/// The data of the data directory; an error of the environment if there are none.
pub(super) fn open(sources: &Sources) -> Result<Store> {
    let dir = sources.home()?.vuln();
    let store = Store::open(&dir).environment("the vulnerability data can't be read")?;
    store.ok_or_else(|| {
        anyhow::Error::new(Environment(format!(
            "there are no vulnerability data in {}: download OSV's archive of each ecosystem that you use \
             (https://osv-vulnerabilities.storage.googleapis.com/npm/all.zip and so on), and import them with `stele vuln import npm.zip ...`",
            dir.display()
        )))
    })
}

/// One line for people: how many advisories, and how old those of some ecosystems are; with none of them all.
pub(super) fn described<'e>(
    info: &DataInfo,
    ecosystems: impl IntoIterator<Item = &'e str>,
    now: Timestamp,
) -> String {
    let day = |time: Timestamp| time.strftime("%Y-%m-%d").to_string();
    let imported = info.imports.iter().map(|import| import.imported).max();
    let made = match age(info, ecosystems, now) {
        Some((_, Some((made, age)))) => format!("made {}, {} old", day(made), days(age)),
        Some((ecosystem, None)) => format!("those of {ecosystem} of unknown age"),
        None => "of unknown age".to_owned(),
    };
    let mut text = format!(
        "data: {} in {}, {made}; imported {}",
        count(info.advisories, "advisory", "advisories"),
        count(
            u64::try_from(info.ecosystems.len()).unwrap_or(u64::MAX),
            "ecosystem",
            "ecosystems"
        ),
        imported.map_or_else(|| "never".to_owned(), day),
    );
    if info.bad() > 0 {
        text.push_str(&format!(
            "; {} of what was imported can't be used, or only in part",
            count(info.bad(), "file", "files")
        ));
    }
    text
}

/// The oldest of some ecosystems: its name, when its data were made, and how many days ago.
pub(super) fn age<'i, 'e>(
    info: &'i DataInfo,
    ecosystems: impl IntoIterator<Item = &'e str>,
    now: Timestamp,
) -> Option<(&'i str, Option<(Timestamp, i64)>)> {
    let (ecosystem, made) = info.oldest(ecosystems)?;
    let age = info.ages(now).get(ecosystem).copied().flatten();
    Some((ecosystem, made.zip(age)))
}

fn count(number: u64, one: &str, more: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { more })
}

pub(super) fn days(number: i64) -> String {
    format!("{number} day{}", if number == 1 { "" } else { "s" })
}
