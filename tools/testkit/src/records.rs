//! Decision records for tests.

use stele_types::{
    DecisionId, DecisionRecord, Digest, EntryPoint, IdError, NodeAddress, PolicyId, PolicyVersion, Salt,
    Timestamp, Value, Violation,
};

/// The node in whose name [`record`] decides.
pub const NODE: NodeAddress = NodeAddress([0x42; 20]);

/// A complete record that depends on nothing but its number. Odd numbers have a violation.
pub fn record(number: u64) -> Result<DecisionRecord, IdError> {
    let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
    let time = Timestamp(1_700_000_000_000_000_000u64.saturating_add(number.saturating_mul(1_000_000)));
    let salt = |kind: u8| Salt(stele_types::sha256(&[&[kind], &number.to_be_bytes()]).0);
    let policy = PolicyId::new(if number.is_multiple_of(3) {
        "test/third"
    } else {
        "test/other"
    })?;
    let mut record = DecisionRecord::new(
        DecisionId::from_time_and_random(time, &[0, 0, a, b, c, d, e, f, g, h]),
        time,
        NODE,
        policy.clone(),
        PolicyVersion(Digest([0x11; 32])),
        EntryPoint::new(&format!("{policy}/deny"))?,
        Digest([0x22; 32]),
        salt(1),
        salt(2),
    );
    record.input = Some(Value::object([
        ("number".into(), Value::Number(number.into())),
        ("secret".into(), format!("secret-{number}").into()),
    ]));
    record.result = Some(Value::array([Value::Bool(number.is_multiple_of(2))]));
    record.latency_ns = 1_000;
    if !number.is_multiple_of(2) {
        record.violations.push(Violation {
            policy_id: policy,
            rule: "deny".to_owned(),
            message: format!("number {number} is odd"),
            severity: stele_types::Severity::Low,
            resource: None,
            remediation: None,
            controls: Vec::new(),
        });
    }
    Ok(record)
}
