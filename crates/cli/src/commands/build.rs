//! `stele build`: bundles and policy contracts from source.

use crate::artifact;
use crate::exit::{EnvironmentContext, Verdict};
use crate::output::{self, Format};
use crate::sources;
use anyhow::Result;
use std::path::PathBuf;

/// Build bundles and policy contracts.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Directory, bundle or module
    path: PathBuf,
    /// Where to write: one folder per policy
    #[arg(short, long, value_name = "DIR", default_value = "dist")]
    output: PathBuf,
    /// Output format
    #[arg(long, default_value = "text")]
    format: Format,
}

pub(crate) fn run(args: &Args) -> Result<Verdict> {
    let set = sources::load(&args.path)?;
    let artifacts = artifact::build_all(&set)?;
    let mut rows = Vec::new();
    let mut files = Vec::new();
    for artifact in &artifacts {
        let id = &artifact.bundle.policy.id;
        let folder = args.output.join(id.as_str());
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.join(name);
            crate::home::write_atomically(&path, bytes).environment(format!("can't write {}", path.display()))
        };
        std::fs::create_dir_all(&folder).environment(format!("can't create {}", folder.display()))?;
        let file = artifact.contract_file();
        write("bundle.tar.gz", &artifact.bundle.bytes)?;
        write("plan.json", &serde_json::to_vec(&artifact.plan)?)?;
        write("contract.json", &serde_json::to_vec_pretty(&file)?)?;
        rows.push(vec![
            id.to_string(),
            artifact.bundle.digest.to_string(),
            format!("{} B", artifact.bundle.bytes.len()),
            format!("{} B", artifact.contract.runtime.len()),
            folder.display().to_string(),
        ]);
        files.push(file);
    }
    match args.format {
        Format::Text => output::table(&["policy", "version", "bundle", "contract", "folder"], rows),
        Format::Json => output::json(&files)?,
    }
    Ok(Verdict::Pass)
}
