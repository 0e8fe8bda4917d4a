//! The log as static files, as C2SP `tlog-tiles` lays them out: `/checkpoint` and `/tile/...`.

use std::sync::Arc;

use stele_ledger::storage::StaticFile;

use crate::blocking;
use crate::http::{ApiError, Reply};
use crate::worker::{Call, Worker};

/// `GET /checkpoint`: the newest signed checkpoint that was published.
pub(crate) async fn checkpoint(worker: &Worker) -> Result<Reply, ApiError> {
    let shared = Arc::clone(&worker.shared);
    let found = blocking::run(move || shared.log.file("checkpoint")).await?;
    found
        .map(reply)
        .ok_or_else(|| ApiError::not_found("the log has no checkpoint yet; one is published every second"))
}

/// `GET /checkpoint/anchored`: the newest checkpoint that the chain accepted, with the cosignatures that were collected for it. The newest of
/// all has them only until the log grows.
pub(crate) async fn anchored(worker: &Worker) -> Result<Reply, ApiError> {
    let shared = Arc::clone(&worker.shared);
    let found = blocking::run(move || shared.log.ledger().latest_anchor()).await?;
    let stored = found.ok_or_else(|| ApiError::not_found("no checkpoint of this log is anchored yet"))?;
    Ok(Reply::bytes("text/plain; charset=utf-8", stored.checkpoint).cached("no-cache"))
}

/// `GET /tile/{level}/{index}[.p/{width}]` and `GET /tile/entries/{index}[.p/{width}]`. Full tiles are immutable.
pub(crate) async fn tile(worker: &Worker, call: &Call<'_>) -> Result<Reply, ApiError> {
    if !is_tile_path(call.capture) {
        let message = format!(
            "/tile/{} is not the path of a tile; see https://c2sp.org/tlog-tiles",
            call.capture
        );
        return Err(ApiError::not_found(message));
    }
    let path = format!("tile/{}", call.capture);
    let shared = Arc::clone(&worker.shared);
    let found = blocking::run(move || shared.log.file(&path)).await?;
    found
        .map(reply)
        .ok_or_else(|| ApiError::not_found(format!("the log has no /tile/{} (yet)", call.capture)))
}

fn reply(file: StaticFile) -> Reply {
    Reply::bytes(file.content_type, file.bytes).cached(file.cache_control)
}

/// Whether the text has the form of a tile's path: a level (or `entries`), groups of three digits of which all but the last begin with
/// `x`, and an optional width. Nothing else may reach the file system.
fn is_tile_path(text: &str) -> bool {
    let Some((level, rest)) = text.split_once('/') else {
        return false;
    };
    // Decimal without sign and without leading zeros, so that every tile has one path.
    let number = |text: &str, lowest: u8, highest: u8| {
        text.parse::<u8>()
            .is_ok_and(|number| number >= lowest && number <= highest && number.to_string() == text)
    };
    let level_fits = level == "entries" || number(level, 0, 63);
    let (index, width) = rest
        .split_once(".p/")
        .map_or((rest, None), |(index, width)| (index, Some(width)));
    let width_fits = width.is_none_or(|width| number(width, 1, 255));
    let digits = |group: &str| group.len() == 3 && group.bytes().all(|byte| byte.is_ascii_digit());
    let mut groups = index.split('/').rev();
    let last_fits = groups.next().is_some_and(digits);
    level_fits && width_fits && last_fits && groups.all(|group| group.strip_prefix('x').is_some_and(digits))
}

#[cfg(test)]
mod tests {
    use super::is_tile_path;

    #[test]
    fn only_tile_paths_pass() {
        for path in [
            "0/000",
            "1/x001/234",
            "entries/x001/x234/067.p/12",
            "63/000.p/255",
        ] {
            assert!(is_tile_path(path), "{path}");
        }
        for path in [
            "",
            "0",
            "0/",
            "0/00",
            "0/0000",
            "64/000",
            "0/../000",
            "../../etc/passwd",
            "0/001/234",
            "0/x001",
            "0/000.p/256",
            "0/000.p/0",
            "0/000.p/+1",
            "0/000.p/",
            "-1/000",
            "+1/000",
            "entries/000/.p/1",
            "0//000",
        ] {
            assert!(!is_tile_path(path), "{path}");
        }
    }
}
