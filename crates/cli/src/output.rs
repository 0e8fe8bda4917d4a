//! Results on standard output, everything else on standard error.

use crate::exit::{Environment, EnvironmentContext};
use clap::ValueEnum;
use serde::Serialize;
use std::io::Write as _;
use std::sync::OnceLock;

/// Why results could not be printed, if so. Standard output is one for the whole process, and so is what became of it.
static LOST: OnceLock<String> = OnceLock::new();

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON document
    Json,
}

/// Prints a result line. Where standard output takes nothing, [`flushed`] says so at the end; a closed pipe (`stele ... | head`) is no error.
pub(crate) fn line(text: impl std::fmt::Display) {
    if LOST.get().is_none() {
        keep(writeln!(anstream::stdout().lock(), "{text}"));
    }
}

/// That all result lines were printed; the last thing a command asks.
///
/// # Errors
/// An error of the environment, when some were not.
pub(crate) fn flushed() -> anyhow::Result<()> {
    keep(std::io::stdout().lock().flush());
    match LOST.get() {
        Some(cause) => Err(Environment(format!("can't write to standard output: {cause}")).into()),
        None => Ok(()),
    }
}

fn keep(written: std::io::Result<()>) {
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            // The first failure is the one to mend.
            let _ = LOST.set(error.to_string());
        }
        _ => {}
    }
}

/// Prints a document byte for byte: no line break is added, and escape sequences in it stay.
pub(crate) fn raw(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Whoever reads has seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.environment("can't write to standard output"),
    }
}

/// Prints a result document as indented JSON.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<()> {
    line(serde_json::to_string_pretty(value)?);
    Ok(())
}

/// Prints a note for the person at the terminal. Nobody can be told when that fails.
pub(crate) fn note(text: impl std::fmt::Display) {
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// A table without a header, with a line between rows: cells may have several lines.
pub(crate) fn bordered_rows(rows: Vec<Vec<String>>) {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::ASCII_FULL);
    table.set_content_arrangement(comfy_table::ContentArrangement::Disabled);
    for row in rows {
        table.add_row(row);
    }
    line(table);
}

/// A table without borders, as `kubectl` prints it.
pub(crate) fn table(header: &[&str], rows: Vec<Vec<String>>) {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(header.iter().map(|title| title.to_uppercase()));
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    for text in table.to_string().lines() {
        line(text.trim_end());
    }
}

/// A table with borders, as OPA prints its reports; nothing stands above the first row if `header` is empty.
pub(crate) fn bordered(header: &[&str], rows: Vec<Vec<String>>) {
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::ASCII_FULL_CONDENSED);
    table.set_content_arrangement(comfy_table::ContentArrangement::Disabled);
    if !header.is_empty() {
        table.set_header(header.to_vec());
    }
    for row in rows {
        table.add_row(row);
    }
    line(table);
}
