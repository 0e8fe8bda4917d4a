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
    /// Keep what is there; of records with the same id the newer one counts, and the age is that of the oldest import
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
    if done.bad > listed {
        output::note(format!("... and {} more", done.bad.saturating_sub(listed)));
    }
    match args.format {
        output::Format::Text => {
            output::line(text(&done));
            output::line(described(&done.info, now));
        }
        output::Format::Json => output::json(&json(&done, now))?,
    }
    Ok(if done.bad > 0 {
        Verdict::Invalid
    } else {
        Verdict::Pass
    })
}

fn text(done: &Imported) -> String {
    let mut text = format!("{} files read, {} advisories taken", done.read, done.taken);
    for (count, what) in [
        (done.known, "known as new"),
        (done.withdrawn, "withdrawn"),
        (done.foreign, "about other ecosystems"),
        (done.bad, "can't be used"),
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
        "withdrawn": done.withdrawn,
        "foreign": done.foreign,
        "passed_over": done.passed_over,
        "bad": done.bad,
        "problems": bad.collect::<Vec<_>>(),
        "data": data(&done.info, now),
    })
}

fn data(info: &DataInfo, now: Timestamp) -> serde_json::Value {
    serde_json::json!({
        "made": info.made(),
        "age_days": info.age_days(now),
        "advisories": info.advisories,
        "ecosystems": info.ecosystems,
        "exploited": info.exploited,
        "imports": info.imports,
    })
}

pub(super) fn status(sources: &Sources, args: &StatusArgs) -> Result<Verdict> {
    let store = open(sources)?;
    let now = Timestamp::now();
    match args.format {
        output::Format::Text => {
            output::line(described(store.info(), now));
            let ecosystems = store.info().ecosystems.iter();
            let rows = ecosystems.map(|(name, count)| vec![name.clone(), count.to_string()]);
            output::table(&["ecosystem", "advisories"], rows.collect());
        }
        output::Format::Json => output::json(&data(store.info(), now))?,
    }
    Ok(Verdict::Pass)
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

/// One line for people: how many advisories, and how old.
pub(super) fn described(info: &DataInfo, now: Timestamp) -> String {
    let day = |time: Option<Timestamp>| {
        time.map_or_else(
            || "never".to_owned(),
            |time| time.strftime("%Y-%m-%d").to_string(),
        )
    };
    let age = info.age_days(now).unwrap_or_default();
    format!(
        "data: {} advisories in {} ecosystem{}, made {}, {age} day{} old; imported {}",
        info.advisories,
        info.ecosystems.len(),
        if info.ecosystems.len() == 1 { "" } else { "s" },
        day(info.made()),
        if age == 1 { "" } else { "s" },
        day(info.imports.iter().map(|import| import.imported).max()),
    )
}
