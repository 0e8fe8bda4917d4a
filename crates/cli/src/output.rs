//! Results on standard output, everything else on standard error.

use crate::exit::EnvironmentContext;
use anstream::{eprintln as err_line, println as out_line};
use clap::ValueEnum;
use serde::Serialize;

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Text,
    /// One JSON document
    Json,
}

/// Prints a result line. A closed pipe (`stele ... | head`) ends the program quietly.
pub(crate) fn line(text: impl std::fmt::Display) {
    out_line!("{text}");
}

/// Prints a document byte for byte: no line break is added, and escape sequences in it stay.
pub(crate) fn raw(text: &str) -> anyhow::Result<()> {
    use std::io::Write as _;
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

/// Prints a note for the person at the terminal.
pub(crate) fn note(text: impl std::fmt::Display) {
    err_line!("{text}");
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
