//! The flags that say what a query is asked of.

use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use stele_policy::load::Documents;
use stele_rego::ast::{Import, Module, future_keywords};
use stele_rego::{QueryScope, RegoVersion, SourceFile, parse};
use stele_types::{Value, json};

use super::failure::Failure;
use super::metrics::{self, Metrics};
use crate::sources::VersionArgs;

/// What a query is asked of.
#[derive(clap::Args)]
pub(crate) struct LoadArgs {
    /// The query, e.g. 'data.kubernetes.admission.deny'
    query: Option<String>,
    /// Policies and data: a file or a directory; PREFIX:FILE puts a document below a place; repeatable
    #[arg(short, long, value_name = "PATH")]
    data: Vec<PathBuf>,
    /// A bundle: an archive or a directory; repeatable
    #[arg(short, long, value_name = "PATH")]
    bundle: Vec<PathBuf>,
    /// The input document, JSON
    #[arg(short, long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Read the query from standard input
    #[arg(long)]
    stdin: bool,
    /// Read the input document from standard input
    #[arg(short = 'I', long, conflicts_with = "input", conflicts_with = "stdin")]
    stdin_input: bool,
    /// The package in which the query stands
    #[arg(long, value_name = "PACKAGE")]
    package: Option<String>,
    #[command(flatten)]
    rego: VersionArgs,
    /// An import that holds for the query, e.g. data.lib.net; repeatable
    #[arg(long, value_name = "PATH")]
    import: Vec<String>,
}

/// Everything that was named, read.
pub(crate) struct Loaded {
    pub(crate) query: SourceFile,
    pub(crate) documents: Documents,
    pub(crate) input: Option<Value>,
    pub(crate) scope: QueryScope,
}

impl LoadArgs {
    /// The query's text, and everything else; what is wrong with policies and data is the second part's failure.
    pub(crate) fn load(&self, metrics: &mut Metrics) -> Result<Result<Loaded, Failure>> {
        let version = self.rego.version();
        let text = self.text()?;
        let input = self.read_input()?;
        let loaded = metrics.timed(metrics::LOAD_FILES, || {
            Documents::load_as(&self.data, &self.bundle, version)
        });
        let documents = match loaded {
            Ok(documents) => documents,
            Err(error) => return Ok(Err(error.into())),
        };
        let scope = match scope(self.package.as_deref(), &self.import) {
            Ok(scope) => scope,
            Err(failure) => return Ok(Err(failure)),
        };
        let input = metrics.timed(metrics::INPUT_PARSE, || {
            let parse = |bytes: Vec<u8>| json::parse(&bytes, &json::Limits::default());
            input.map(parse).transpose()
        });
        let input = input.with_context(|| match &self.input {
            Some(path) => format!("can't read the input {}", path.display()),
            None => "can't read the input from standard input".to_owned(),
        })?;
        Ok(Ok(Loaded {
            query: query(text, &scope, version),
            documents,
            input,
            scope,
        }))
    }

    fn text(&self) -> Result<String> {
        match (&self.query, self.stdin) {
            (Some(_), true) => {
                bail!("give the query as an argument or on standard input (--stdin), not both")
            }
            (None, false) => bail!("give a query as an argument, or --stdin"),
            (Some(text), false) => Ok(text.clone()),
            (None, true) => {
                std::io::read_to_string(std::io::stdin()).context("can't read the query from standard input")
            }
        }
    }

    fn read_input(&self) -> Result<Option<Vec<u8>>> {
        if self.stdin_input {
            let mut bytes = Vec::new();
            std::io::stdin()
                .read_to_end(&mut bytes)
                .context("can't read the input from standard input")?;
            return Ok(Some(bytes));
        }
        let read = |path: &PathBuf| {
            std::fs::read(path).with_context(|| format!("can't read the input {}", path.display()))
        };
        self.input.as_ref().map(read).transpose()
    }
}

/// The package and imports of a query, from their texts.
pub(crate) fn scope(package: Option<&str>, imports: &[String]) -> Result<QueryScope, Failure> {
    let package = match package {
        Some(path) => {
            let path = path.strip_prefix("data.").unwrap_or(path);
            module(&format!("package {path}\n"), "--package")?.package.path
        }
        None => Vec::new(),
    };
    let mut all = Vec::new();
    for import in imports {
        let parsed = module(&format!("package import\n\nimport {import}\n"), "--import")?;
        all.extend(parsed.imports);
    }
    Ok(QueryScope {
        package,
        imports: all,
    })
}

/// A query's text. With an import of keywords, keywords are what they are in v1.
pub(crate) fn query(text: impl Into<Arc<str>>, scope: &QueryScope, version: RegoVersion) -> SourceFile {
    let brings_keywords = |import: &Import| {
        let names: Vec<&str> = import.path.iter().map(|ident| &*ident.name).collect();
        matches!(names.as_slice(), ["future", "keywords", ..] | ["rego", "v1"])
    };
    let version = if scope.imports.iter().any(brings_keywords) {
        RegoVersion::V1
    } else {
        version
    };
    SourceFile::new("query", text)
        .with_version(version)
        .with_future(future_keywords(&scope.imports))
}

fn module(text: &str, name: &str) -> Result<Module, Failure> {
    let source = SourceFile::new(name, text);
    parse(&source).map_err(|found| Failure::diagnostics(&found, &[source]))
}
