//! Helpers of this crate's tests.

use stele_types::{Value, json};

use crate::load::{self, LoadError, PolicySet};
use crate::problem::Problem;

/// A set made of files in memory.
pub(crate) fn set(files: &[(&str, &str)]) -> PolicySet {
    match load::load_files(files.iter().map(|(path, text)| (*path, *text))) {
        Ok(set) => set,
        Err(LoadError::Invalid(problems)) => panic!("{}", problems.render()),
        Err(error) => panic!("{error}"),
    }
}

/// The problems of files that can't be loaded.
pub(crate) fn problems(files: &[(&str, &str)]) -> Vec<Problem> {
    match load::load_files(files.iter().map(|(path, text)| (*path, *text))) {
        Ok(_) => panic!("loaded"),
        Err(LoadError::Invalid(problems)) => problems.as_slice().to_vec(),
        Err(error) => panic!("{error}"),
    }
}

/// A value from JSON.
pub(crate) fn json(text: &str) -> Value {
    json::parse(text.as_bytes(), &json::Limits::default()).unwrap()
}
