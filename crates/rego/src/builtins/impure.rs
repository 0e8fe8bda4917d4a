//! Builtins whose result depends on the world, on chance or on the process: the evaluation's host answers them, see [`crate::nd`].

use stele_types::Value;

use super::args::{integer, object, string};
use super::{BuiltinError, Refusal, Session};

type Result<T> = std::result::Result<T, BuiltinError>;

pub(super) fn http_send(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    object(args, 0)?;
    ask(session, "http.send", args)
}

pub(super) fn lookup_ip_addr(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    string(args, 0)?;
    ask(session, "net.lookup_ip_addr", args)
}

pub(super) fn runtime(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    ask(session, "opa.runtime", args)
}

pub(super) fn intn(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    string(args, 0)?;
    integer(args, 1)?;
    ask(session, "rand.intn", args)
}

pub(super) fn uuid(session: &mut Session<'_>, args: &[Value]) -> Result<Value> {
    string(args, 0)?;
    ask(session, "uuid.rfc4122", args)
}

fn ask(session: &mut Session<'_>, name: &'static str, args: &[Value]) -> Result<Value> {
    let calls = session.context.nd.ok_or(Refusal::Impure)?;
    Ok(calls.call(name, args)?)
}
