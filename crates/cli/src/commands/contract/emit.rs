//! The stages between a policy and its contract, as text.

use anyhow::Result;
use serde_json::{Value, json};
use stele_contract::abi::ContractError;
use stele_contract::asm::{Item, Label};
use stele_contract::{Contract, lir};
use stele_rego::ir;

use crate::output;

/// What is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Stage {
    /// The plan, JSON
    Plan,
    /// The low-level program, runtime library included
    Ir,
    /// The assembly
    Asm,
    /// The deployed code, hexadecimal
    Bytecode,
    /// The interface, as Solidity tools read it
    Abi,
    /// From program counter to Rego line, JSON
    Map,
}

/// Prints one stage.
pub(super) fn emit(stage: Stage, plan: &ir::Policy, contract: &Contract) -> Result<()> {
    match stage {
        Stage::Plan => output::json(plan)?,
        Stage::Ir => output::line(lir::print(&contract.program).trim_end()),
        Stage::Asm => assembly(contract),
        Stage::Bytecode => output::line(format!("0x{}", hex::encode(&contract.runtime))),
        Stage::Abi => output::json(&interface())?,
        Stage::Map => {
            let entries = contract.source_map.entries().map(
                |(pc, place)| json!({ "pc": pc, "file": place.file, "row": place.row, "col": place.col }),
            );
            output::json(&entries.collect::<Vec<_>>())?;
        }
    }
    Ok(())
}

fn assembly(contract: &Contract) {
    for item in &contract.assembly {
        match item {
            Item::Entry { label, args, returns } => {
                let returns = if *returns { ", returns" } else { "" };
                output::line(format!("\n{}: ; function of {args}{returns}", name(*label)));
            }
            Item::Label(label, height) => output::line(format!("{}: ; stack {height}", name(*label))),
            // A mark is a number of the compiler's own; `--emit map` has the places.
            Item::Mark(_) | Item::Undefined => {}
            other => output::line(format!("    {}", instruction(other))),
        }
    }
}

fn name(label: Label) -> String {
    format!("L{}", label.0)
}

fn instruction(item: &Item) -> String {
    match item {
        Item::Op(op) => op.mnemonic().to_uppercase(),
        Item::Dup(depth) => format!("DUP{depth}"),
        Item::Swap(depth) => format!("SWAP{depth}"),
        Item::Push(word) => format!("PUSH {word:#x}"),
        Item::PushLabel(label) => format!("PUSH {}", name(*label)),
        Item::Jump(label) => format!("JUMP {}", name(*label)),
        Item::JumpIf(label) => format!("JUMPIF {}", name(*label)),
        Item::JumpUnless(label) => format!("JUMPUNLESS {}", name(*label)),
        Item::Call { target, back, .. } => format!("CALL {} -> {}", name(*target), name(*back)),
        Item::Ret { .. } => "RET".to_owned(),
        Item::Label(..) | Item::Entry { .. } | Item::Mark(_) | Item::Undefined => String::new(),
    }
}

/// The interface of every policy contract, in the JSON form of Solidity's compiler.
fn interface() -> Vec<Value> {
    let parameter = |name: &str, kind: &str| json!({ "name": name, "type": kind, "internalType": kind });
    let mut items = vec![
        json!({
            "type": "function",
            "name": "evaluate",
            "stateMutability": "view",
            "inputs": [
                parameter("entryPoint", "bytes32"),
                parameter("input", "bytes"),
                parameter("data", "bytes"),
                parameter("context", "bytes"),
            ],
            "outputs": [parameter("result", "bytes")],
        }),
        json!({
            "type": "function",
            "name": "entryPoints",
            "stateMutability": "pure",
            "inputs": [],
            "outputs": [parameter("", "bytes32[]")],
        }),
    ];
    for error in ContractError::ALL {
        let signature = error.signature();
        let (name, rest) = signature.split_once('(').unwrap_or((signature, ""));
        let kinds = rest
            .trim_end_matches(')')
            .split(',')
            .filter(|kind| !kind.is_empty());
        let argument = match error {
            ContractError::UnknownEntryPoint => "entryPoint",
            ContractError::MalformedValue => "position",
            ContractError::Unsupported | ContractError::BuiltinError => "builtin",
            _ => "name",
        };
        let inputs: Vec<Value> = kinds.map(|kind| parameter(argument, kind)).collect();
        items.push(json!({ "type": "error", "name": name, "inputs": inputs }));
    }
    items
}

#[cfg(test)]
mod tests {
    use super::interface;
    use stele_contract::abi;

    #[test]
    fn the_interface_has_the_selectors_that_contracts_answer_to() {
        let signature = |item: &serde_json::Value| {
            let kinds: Vec<&str> = item["inputs"]
                .as_array()
                .unwrap()
                .iter()
                .map(|input| input["type"].as_str().unwrap())
                .collect();
            format!("{}({})", item["name"].as_str().unwrap(), kinds.join(","))
        };
        let all: Vec<String> = interface().iter().map(signature).collect();
        assert_eq!(all[0], abi::EVALUATE);
        assert_eq!(all[1], abi::ENTRY_POINTS);
        let errors: Vec<&str> = abi::ContractError::ALL
            .iter()
            .map(|error| error.signature())
            .collect();
        assert_eq!(all[2..], errors);
    }
}
