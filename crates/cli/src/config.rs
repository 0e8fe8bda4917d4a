//! One configuration from four sources: defaults, `stele.toml`, `STELE_...` variables, `--set`. Later ones win; unknown keys are errors.

mod merge;
mod model;

pub(crate) use model::{Config, LedgerConfig, LogConfig, LogFormat};

use crate::home::Home;
use anyhow::{Context, Result, bail};
use clap::Args;
use std::path::PathBuf;
use toml::Table;

/// Where configuration comes from.
#[derive(Args, Clone, Debug)]
pub(crate) struct Sources {
    /// Configuration file; ./stele.toml is read when it exists
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Data directory [default: ./.stele]
    #[arg(long, global = true, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Set one configuration key, e.g. --set server.listen=127.0.0.1:9000; can be repeated
    #[arg(long = "set", global = true, value_name = "KEY=VALUE")]
    settings: Vec<String>,
    /// Print more of what happens (-v), or everything (-vv)
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    verbose: u8,
}

/// A variable that is set in the environment.
type Variables = Vec<(String, String)>;

impl Sources {
    /// The configuration in effect.
    pub(crate) fn load(&self) -> Result<Config> {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        self.load_with(variables)
    }

    /// The same with this data directory.
    pub(crate) fn at(&self, directory: PathBuf) -> Self {
        Self {
            data_dir: Some(directory),
            ..self.clone()
        }
    }

    /// The data directory in effect.
    pub(crate) fn home(&self) -> Result<Home> {
        Ok(Home::at(&self.load()?.data_dir))
    }

    /// The options that say the same on another command line.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let mut words = Vec::new();
        for (name, path) in [("--config", &self.config), ("--data-dir", &self.data_dir)] {
            if let Some(path) = path {
                words.extend([name.to_owned(), path.display().to_string()]);
            }
        }
        for setting in &self.settings {
            words.extend(["--set".to_owned(), setting.clone()]);
        }
        words
    }

    fn load_with(&self, variables: Variables) -> Result<Config> {
        let mut table = Table::try_from(Config::default()).context("defaults")?;
        if let Some((name, text)) = self.file()? {
            let file: Table = text.parse().with_context(|| format!("{name} is no TOML"))?;
            // Checked alone first, so that the error names the file.
            file.clone().try_into::<Config>().with_context(|| name.clone())?;
            merge::lay(&mut table, file);
        }
        for path in merge::leaves(&table) {
            let variable = merge::variable(&path);
            if let Some((_, value)) = variables.iter().find(|(name, _)| *name == variable) {
                merge::set(&mut table, &path, value).with_context(|| format!("variable {variable}"))?;
            }
        }
        for setting in &self.settings {
            let Some((key, value)) = setting.split_once('=') else {
                bail!("--set {setting}: write it as KEY=VALUE");
            };
            let path: Vec<String> = key.split('.').map(Into::into).collect();
            merge::set(&mut table, &path, value).with_context(|| format!("--set {setting}"))?;
        }
        let mut config: Config = table.try_into().context("configuration")?;
        if let Some(dir) = &self.data_dir {
            config.data_dir.clone_from(dir);
        }
        match self.verbose {
            0 => {}
            1 => config.log.filter = "debug".into(),
            _ => config.log.filter = "trace".into(),
        }
        Ok(config)
    }

    fn file(&self) -> Result<Option<(String, String)>> {
        let path = match &self.config {
            Some(path) => path.clone(),
            None => {
                let path = PathBuf::from("stele.toml");
                if !path.exists() {
                    return Ok(None);
                }
                path
            }
        };
        let text =
            std::fs::read_to_string(&path).with_context(|| format!("can't read {}", path.display()))?;
        Ok(Some((path.display().to_string(), text)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(file: Option<&std::path::Path>, settings: &[&str]) -> Sources {
        Sources {
            config: file.map(Into::into),
            data_dir: None,
            settings: settings.iter().map(|text| (*text).into()).collect(),
            verbose: 0,
        }
    }

    fn variables(pairs: &[(&str, &str)]) -> Variables {
        pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect()
    }

    #[test]
    fn later_sources_win() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("s.toml");
        std::fs::write(
            &file,
            "[chain]\nlisten = \"127.0.0.1:1\"\nconfirmations = 1\n[log]\nfilter = \"warn\"\n",
        )
        .unwrap();
        let variables = variables(&[("STELE_CHAIN_CONFIRMATIONS", "2"), ("STELE_LOG_FILTER", "error")]);
        let config = sources(Some(&file), &["log.filter=off"])
            .load_with(variables)
            .unwrap();
        assert_eq!(config.chain.listen.to_string(), "127.0.0.1:1");
        assert_eq!(config.chain.confirmations, 2);
        assert_eq!(config.log.filter, "off");
    }

    #[test]
    fn an_unknown_key_is_an_error_that_names_it() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("s.toml");
        std::fs::write(&file, "[chain]\nlisten_on = \"x\"\n").unwrap();
        let error = format!("{:#}", sources(Some(&file), &[]).load_with(vec![]).unwrap_err());
        assert!(error.contains("s.toml") && error.contains("listen_on"), "{error}");
        let error = format!(
            "{:#}",
            sources(None, &["chain.nothing=1"]).load_with(vec![]).unwrap_err()
        );
        assert!(error.contains("nothing"), "{error}");
    }

    #[test]
    fn a_value_of_the_wrong_kind_names_its_source() {
        let variables = variables(&[("STELE_CHAIN_CONFIRMATIONS", "many")]);
        let error = format!("{:#}", sources(None, &[]).load_with(variables).unwrap_err());
        assert!(error.contains("STELE_CHAIN_CONFIRMATIONS"), "{error}");
    }

    #[test]
    fn every_key_has_a_variable() {
        let table = Table::try_from(Config::default()).unwrap();
        let names: Vec<_> = merge::leaves(&table)
            .iter()
            .map(|path| merge::variable(path))
            .collect();
        assert!(names.contains(&"STELE_SERVER_LISTEN".to_owned()), "{names:?}");
        assert!(names.contains(&"STELE_DATA_DIR".to_owned()), "{names:?}");
    }
}
