//! `rego.parse_module`: whether a text is a module. The tree that OPA gives for one is refused.

use stele_types::Value;

use super::args::string;
use super::{BuiltinError, Refusal, Session, failed};
use crate::source::SourceFile;

/// `rego.parse_module(filename, text)`: an error that says where, for what is no module.
pub(super) fn parse_module(session: &mut Session<'_>, args: &[Value]) -> Result<Value, BuiltinError> {
    let (name, text) = (string(args, 0)?, string(args, 1)?);
    session.bytes(text.len().saturating_mul(16))?;
    session
        .budget
        .work(u64::try_from(text.len()).unwrap_or(u64::MAX))?;
    match crate::parse(&SourceFile::new(name, text)) {
        Ok(_) => Err(Refusal::Unsupported("the tree of a module that parses").into()),
        Err(errors) => {
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            Err(failed(format!("rego_parse_error: {}", errors.join("\n"))))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::{Budget, Context, Limits};

    fn result(text: &str) -> Result<Value, BuiltinError> {
        let mut session = Session::new(Context::default(), Budget::new(Limits::default()));
        parse_module(&mut session, &[Value::string("a.rego"), Value::string(text)])
    }

    #[test]
    fn what_is_no_module_is_told_from_what_is() {
        for text in ["package a.", "", "package a\np if {", "p := 1"] {
            let error = result(text).err();
            assert!(
                matches!(&error, Some(BuiltinError::Failed(why)) if why.contains("rego_parse_error")),
                "{text}: {error:?}"
            );
        }
        assert!(matches!(
            result("package a\np := 1\n"),
            Err(BuiltinError::Refused(_))
        ));
        let deep = format!("package a\np := {}1{}", "[".repeat(50_000), "]".repeat(50_000));
        assert!(result(&deep).is_err());
    }
}
