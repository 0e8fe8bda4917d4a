//! `Enforcer`, and the two example contracts that use it.

use alloy::primitives::{Address, B256, U256};
use alloy::sol_types::{SolCall, SolConstructor, SolEvent as _};
use stele_chain::ChainError;
use stele_chain::client::{Account, Call, Receipt};
use stele_chain::contracts::Role;
use stele_chain::contracts::abi::enforcer::Enforcer as Abi;
use stele_types::{PolicyId, Value, encoding, sha256};

use crate::chain::Chain;
use crate::compiled::{Compiled, decode, document};
use crate::court::{Court, bytecode, word};
use crate::world::{World, account, lacks_role, policy, refused, version};

alloy::sol!(Treasury, "../../contracts/artifacts/examples/Treasury.json");
alloy::sol!(
    DeploymentGate,
    "../../contracts/artifacts/examples/DeploymentGate.json"
);

fn object(members: &[(&str, Value)]) -> Value {
    Value::object(
        members
            .iter()
            .map(|(key, value)| (Value::from(*key), value.clone())),
    )
}

fn list(items: &[&str]) -> Value {
    Value::from(items.iter().map(|item| Value::from(*item)).collect::<Vec<_>>())
}

/// The ids of the findings that a refusal carries.
fn findings(error: &ChainError) -> Vec<String> {
    let data = error.revert().unwrap().arg("violations").unwrap();
    let bytes = hex::decode(data.trim_start_matches("0x")).unwrap();
    // A dynamic ABI value: offset, length, content.
    let length = usize::from(bytes[62]) * 256 + usize::from(bytes[63]);
    let Value::Array(found) = decode(&bytes[64..64 + length]) else {
        panic!("the violations are no array");
    };
    found
        .iter()
        .map(|finding| match finding.get("id") {
            Some(Value::String(id)) => id.to_string(),
            _ => format!("{finding:?}"),
        })
        .collect()
}

pub(crate) async fn packages_are_judged_as_decision_points_do(chain: Chain) {
    let court = Court::new(chain).await;
    let world = &court.world;
    let (empty, one) = (list(&[]), list(&["no"]));
    let (yes, no) = (Value::from(true), Value::from(false));
    let cases: [(Value, Option<usize>); 10] = [
        (object(&[("deny", empty.clone())]), Some(0)),
        (object(&[("deny", one.clone())]), Some(1)),
        (
            object(&[("deny", one.clone()), ("violation", list(&["x", "y"]))]),
            Some(3),
        ),
        (object(&[("allow", yes.clone())]), Some(0)),
        (object(&[("allow", no.clone())]), Some(1)),
        (object(&[("allow", yes.clone()), ("deny", one.clone())]), Some(1)),
        (object(&[("allow", no), ("deny", one.clone())]), Some(2)),
        // Warnings don't refuse; a document that says nothing does; one that is no package gives no answer.
        (object(&[("deny", empty), ("warn", one.clone())]), Some(0)),
        (object(&[("warn", one), ("zebra", yes)]), Some(1)),
        (list(&[]), None),
    ];
    let ask = |result: &Value| {
        let input = [b"e".as_slice(), &encoding::encode(result).unwrap()].concat();
        let gov = world.gov.clone();
        async move { gov.check_enforcement(&policy(), &input).await }
    };
    refused(ask(&cases[0].0).await, "DataNotBound");
    let data = encoding::encode(&object(&[])).unwrap();
    world
        .gov
        .bind_data(&world.admin, &policy(), version("v1"), &data)
        .await
        .unwrap();
    for (result, found) in &cases {
        let answer = ask(result).await;
        let Some(found) = found else {
            refused(answer, "NoAnswer");
            continue;
        };
        let answer = answer.unwrap();
        assert_eq!(answer.allowed, *found == 0, "{result:?}");
        assert_eq!(answer.version, version("v1"));
        if *found > 0 {
            let Value::Array(violations) = decode(&answer.violations) else {
                panic!("the violations are no array")
            };
            assert_eq!(violations.len(), *found, "{result:?}");
        }
    }
    // What the policy can't answer is refused, whatever the reason.
    for input in [b"c".as_slice(), b"f", b"g", b"p", b"w", b"u"] {
        refused(world.gov.check_enforcement(&policy(), input).await, "NoAnswer");
    }
    // The context is the block's time, and the data is what was bound.
    let bound = world.gov.check_enforcement(&policy(), b"d").await.unwrap();
    assert!(!bound.allowed, "an empty package says nothing");
}

pub(crate) async fn data_is_bound_by_admins(chain: Chain) {
    let court = Court::new(chain).await;
    let world = &court.world;
    let bind = |who: &Account, data: Vec<u8>| {
        let (gov, who) = (world.gov.clone(), who.clone());
        async move { gov.bind_data(&who, &policy(), version("v1"), &data).await }
    };
    lacks_role(
        bind(&world.author, vec![1]).await,
        Role::Admin,
        world.author.address(),
    );
    refused(bind(&world.admin, Vec::new()).await, "BadDataLength");
    refused(bind(&world.admin, vec![1; 24_576]).await, "BadDataLength");
    let enforcer = world.deployment().enforcer;
    let view = Abi::dataOfCall {
        policyId: word(policy().chain_id()),
        version: B256::from(version("v1").0.0),
    };
    assert!(
        world
            .client
            .view("Enforcer", enforcer, &view)
            .await
            .unwrap()
            .is_empty()
    );
    for length in [1, 255, 256, 24_575] {
        let data = vec![0x5b; length];
        let receipt = bind(&world.admin, data.clone()).await.unwrap();
        let event = Abi::DataBound::decode_log(&receipt.logs[0].inner).unwrap();
        assert_eq!(event.digest, word(sha256(&[&data])));
        let held = world.client.view("Enforcer", enforcer, &view).await.unwrap();
        assert_eq!(held, data, "{length} bytes");
    }
    // A version that comes into force without data enforces nothing.
    court.activate("v2").await;
    refused(world.gov.check_enforcement(&policy(), b"d").await, "DataNotBound");
    let nobody = PolicyId::new("nobody/knows").unwrap();
    refused(world.gov.check_enforcement(&nobody, b"d").await, "NothingActive");
    // A successor takes over.
    let gov = &world.gov;
    let other = stele_chain::client::DeployConfig {
        grants: vec![(Role::Admin, world.admin.address())],
        predecessor: Some(world.deployment().clone()),
        ..Default::default()
    };
    let next = world
        .client
        .deploy_governance(&world.admin, &other)
        .await
        .unwrap();
    gov.supersede(&world.admin, &next).await.unwrap();
    refused(gov.enforce(&world.stranger, &policy(), b"d").await, "Superseded");
}

/// A contract of ours, called.
struct Contract<'a> {
    world: &'a World,
    address: Address,
}

impl Contract<'_> {
    async fn send<C: SolCall>(&self, who: &Account, call: &C) -> Result<Receipt, ChainError> {
        let call = Call {
            contract: "example".to_owned(),
            to: Some(self.address),
            data: call.abi_encode().into(),
        };
        self.world.client.send(who, &call).await
    }

    async fn view<C: SolCall>(&self, call: &C) -> C::Return {
        self.world
            .client
            .view("example", self.address, call)
            .await
            .unwrap()
    }
}

async fn example(world: &World, artifact: &str, arguments: Vec<u8>) -> Address {
    let code = [bytecode(artifact), arguments].concat();
    let deployed = world.client.deploy_policy_contract(&world.author, &code).await;
    deployed.unwrap().address
}

fn text(address: Address) -> String {
    format!("0x{}", hex::encode(address))
}

pub(crate) async fn a_treasury_pays_only_what_policy_allows(chain: Chain) {
    let world = World::new(chain).await;
    let clerk = &world.stranger;
    let payee = account("payee").address();
    let data = format!(
        r#"{{"payees":["{}"],"clerks":["{}"],"limits":{{"single_wei":1000,"daily_wei":1500}}}}"#,
        text(payee),
        text(clerk.address())
    );
    let rego = include_str!("../../../../examples/on-chain/treasury/payments.rego");
    let compiled = Compiled::from_files(
        &[
            ("treasury/payments.rego", rego.to_owned()),
            ("treasury/data.json", data),
        ],
        "treasury/payments",
    );
    compiled.activate(&world).await;
    let arguments = Treasury::constructorCall {
        enforcer_: world.deployment().enforcer,
        policyId_: word(compiled.id.chain_id()),
    };
    let artifact = include_str!("../../../../contracts/artifacts/examples/Treasury.json");
    let treasury = Contract {
        world: &world,
        address: example(&world, artifact, arguments.abi_encode()).await,
    };
    world.chain.pay(&treasury.address, U256::from(10_000)).await;
    let pay = |to: Address, amount: u64| Treasury::payCall {
        to,
        amount: U256::from(amount),
        purpose: "rent".to_owned(),
    };
    // Nothing is enforced, and nothing paid, before the data is there.
    refused(treasury.send(clerk, &pay(payee, 1)).await, "DataNotBound");
    compiled.bind_data(&world).await;

    let elsewhere = account("elsewhere").address();
    for (who, to, amount, expected) in [
        (clerk, elsewhere, 1, &["treasury-payee"][..]),
        (&world.author, payee, 1, &["treasury-clerk"]),
        (clerk, payee, 1001, &["treasury-single"]),
        (clerk, payee, 1501, &["treasury-daily", "treasury-single"]),
        (&world.author, elsewhere, 1, &["treasury-clerk", "treasury-payee"]),
    ] {
        let refusal = refused(treasury.send(who, &pay(to, amount)).await, "Denied");
        assert_eq!(findings(&refusal), expected);
    }
    assert_eq!(world.client.balance(payee).await.unwrap(), U256::ZERO);

    let receipt = treasury.send(clerk, &pay(payee, 1000)).await.unwrap();
    assert_eq!(world.client.balance(payee).await.unwrap(), U256::from(1000));
    let decided = receipt
        .logs
        .iter()
        .find_map(|log| Abi::Enforced::decode_log(&log.inner).ok());
    let decided = decided.expect("the decision is an event of the same transaction");
    assert_eq!(decided.caller, treasury.address);
    assert_eq!(decided.version, B256::from(compiled.version.0.0));
    // The contract counts what was paid today, and policy bounds it. (A day may end between the two.)
    let day = || {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_secs()
            / 86_400
    };
    let before = day();
    let second = treasury.send(clerk, &pay(payee, 501)).await;
    if before == day() {
        assert_eq!(findings(&refused(second, "Denied")), ["treasury-daily"]);
    }
    // The input is what the contract knows, in the canonical encoding.
    let call = Treasury::inputOfCall {
        caller: clerk.address(),
        to: payee,
        amount: U256::from(7),
        purpose: "ä".to_owned(),
    };
    let input = decode(&treasury.view(&call).await);
    assert_eq!(input.get("amount_wei"), Some(&Value::from(7)));
    assert_eq!(input.get("to"), Some(&Value::from(text(payee))));
    assert_eq!(input.get("purpose"), Some(&Value::from("ä")));
}

/// The admission policy in force, and the deployment gate that asks for it.
async fn gated(world: &World) -> (Compiled, Contract<'_>) {
    let compiled = Compiled::from_path("policies", "kubernetes/admission");
    compiled.activate(world).await;
    compiled.bind_data(world).await;
    let arguments = DeploymentGate::constructorCall {
        enforcer_: world.deployment().enforcer,
        policyId_: word(compiled.id.chain_id()),
    };
    let artifact = include_str!("../../../../contracts/artifacts/examples/DeploymentGate.json");
    let address = example(world, artifact, arguments.abi_encode()).await;
    (compiled, Contract { world, address })
}

/// A registry that was replaced goes on saying what was in force when it was; nobody goes by it any more.
pub(crate) async fn nothing_is_enforced_by_a_registry_that_was_replaced(chain: Chain) {
    let world = World::new(chain).await;
    let (compiled, gate) = gated(&world).await;
    let hardened = document("examples/kubernetes/pod-hardened.json", Some("input"));
    let submit = DeploymentGate::submitCall {
        manifest: hardened.clone().into(),
    };
    let may = || DeploymentGate::mayDeployCall {
        digest: word(sha256(&[&hardened])),
    };
    gate.send(&world.stranger, &submit).await.unwrap();
    assert!(gate.view(&may()).await);
    assert!(
        world
            .gov
            .check_enforcement(&compiled.id, &hardened)
            .await
            .unwrap()
            .allowed
    );
    let config = stele_chain::client::DeployConfig {
        grants: vec![(stele_chain::contracts::Role::Admin, world.admin.address())],
        predecessor: Some(world.deployment().clone()),
        ..Default::default()
    };
    let next = world
        .client
        .deploy_governance(&world.admin, &config)
        .await
        .unwrap();
    // First the registry alone, then the rest with it.
    let registry = Contract {
        world: &world,
        address: world.deployment().registry,
    };
    let supersede = stele_chain::contracts::abi::registry::PolicyRegistry::supersedeCall {
        candidate: next.registry,
    };
    registry.send(&world.admin, &supersede).await.unwrap();
    refused(
        world.gov.check_enforcement(&compiled.id, &hardened).await,
        "RegistrySuperseded",
    );
    refused(gate.send(&world.stranger, &submit).await, "RegistrySuperseded");
    assert!(!gate.view(&may()).await);
    let enforcer = Contract {
        world: &world,
        address: world.deployment().enforcer,
    };
    let supersede = stele_chain::contracts::abi::registry::PolicyRegistry::supersedeCall {
        candidate: next.enforcer,
    };
    enforcer.send(&world.admin, &supersede).await.unwrap();
    refused(
        world.gov.check_enforcement(&compiled.id, &hardened).await,
        "Superseded",
    );
    assert!(!gate.view(&may()).await);
}

pub(crate) async fn a_pipeline_passes_the_gate_or_does_not(chain: Chain) {
    let world = World::new(chain).await;
    let (_, gate) = gated(&world).await;
    let pipeline = &world.stranger;
    let hardened = document("examples/kubernetes/pod-hardened.json", Some("input"));
    let privileged = document("examples/kubernetes/pod-privileged.json", Some("input"));
    let may = |manifest: &[u8]| DeploymentGate::mayDeployCall {
        digest: word(sha256(&[manifest])),
    };
    let submit = |manifest: &[u8]| DeploymentGate::submitCall {
        manifest: manifest.to_vec().into(),
    };
    let refusal = refused(gate.send(pipeline, &submit(&privileged)).await, "Denied");
    assert!(!findings(&refusal).is_empty());
    assert!(!gate.view(&may(&privileged)).await);
    assert!(!gate.view(&may(&hardened)).await);
    gate.send(pipeline, &submit(&hardened)).await.unwrap();
    assert!(gate.view(&may(&hardened)).await);
    // Bytes that are no canonical value are not judged at all.
    refused(gate.send(pipeline, &submit(&hardened[1..])).await, "NoAnswer");
    // A pass ends with the version that gave it.
    let changed = Compiled::from_files(
        &[(
            "admission.rego",
            "# METADATA\n# custom:\n#   id: kubernetes/admission\npackage kubernetes.admission\n\ndeny contains \"closed\"\n".to_owned(),
        )],
        "kubernetes/admission",
    );
    changed.activate(&world).await;
    assert!(!gate.view(&may(&hardened)).await);
}
