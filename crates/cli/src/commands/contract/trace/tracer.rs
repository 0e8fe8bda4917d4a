//! Watches an EVM and says which Rego lines it executes, with the values they bind.

use std::collections::HashMap;
use std::rc::Rc;

use alloy_primitives::{Address, B256, U256};
use revm::handler::FrameResult;
use revm::interpreter::interpreter::EthInterpreter;
use revm::interpreter::interpreter_types::{Jumps as _, LegacyBytecode as _};
use revm::interpreter::{FrameInput, Interpreter};
use revm::{Inspector, primitives::keccak256};
use stele_contract::{PolicyFunction, SourcePlace, memory};
use stele_types::Value;

use super::super::code::Known;

const MSTORE: u8 = 0x52;
const JUMPI: u8 = 0x57;
const JUMPDEST: u8 = 0x5b;

/// Most events that are kept.
const MAX_EVENTS: usize = 1_000_000;

/// What happened, in order.
pub(super) enum Event {
    /// A contract was called; its source is at hand, or not.
    Contract {
        address: Address,
        code_hash: B256,
        known: Option<Rc<Known>>,
        depth: usize,
    },
    /// A rule, function or entry point was entered.
    Enter { rule: String, depth: usize },
    /// A line was executed.
    Line(Line),
    /// A rule or function was left; no value is undefined. Entry points have none.
    Exit {
        rule: String,
        value: Option<Value>,
        depth: usize,
    },
}

/// One execution of a line, up to where another line or the next round of a loop begins.
pub(super) struct Line {
    pub(super) place: SourcePlace,
    /// How many rules are being evaluated.
    pub(super) depth: usize,
    /// Expressions with their values; no value is undefined.
    pub(super) values: Vec<(String, Option<Value>)>,
    /// Whether it ended its body.
    pub(super) undefined: bool,
    /// Gas of the contract's code for this line, without the rules that it calls.
    pub(super) gas: u64,
    known: Rc<Known>,
}

impl Line {
    /// The source text.
    pub(super) fn text(&self) -> Option<&str> {
        self.known.line(&self.place.file, self.place.row)
    }
}

/// A rule under evaluation.
struct Activation {
    start: u32,
    /// The event of its newest line.
    line: Option<usize>,
}

/// A call under execution.
#[derive(Default)]
struct Frame {
    known: Option<Rc<Known>>,
    rules: Vec<Activation>,
    /// Gas left before the last instruction.
    gas: u64,
}

/// The inspector.
pub(super) struct Tracer<'a> {
    /// Finds the source of deployed code.
    find: &'a mut dyn FnMut(B256) -> Option<Rc<Known>>,
    found: HashMap<B256, Option<Rc<Known>>>,
    frames: Vec<Frame>,
    pub(super) events: Vec<Event>,
    /// Events that were not kept.
    pub(super) dropped: u64,
}

impl<'a> Tracer<'a> {
    pub(super) fn new(find: &'a mut dyn FnMut(B256) -> Option<Rc<Known>>) -> Self {
        Self {
            find,
            found: HashMap::new(),
            frames: Vec::new(),
            events: Vec::new(),
            dropped: 0,
        }
    }

    fn known(&mut self, code: &[u8]) -> (B256, Option<Rc<Known>>) {
        let hash = keccak256(code);
        let known = self
            .found
            .entry(hash)
            .or_insert_with(|| (self.find)(hash))
            .clone();
        (hash, known)
    }

    fn push(&mut self, event: Event) -> Option<usize> {
        if self.events.len() >= MAX_EVENTS {
            self.dropped = self.dropped.saturating_add(1);
            return None;
        }
        self.events.push(event);
        self.events.len().checked_sub(1)
    }

    fn line(&mut self) -> Option<&mut Line> {
        let at = self.frames.last()?.rules.last()?.line?;
        match self.events.get_mut(at)? {
            Event::Line(line) => Some(line),
            _ => None,
        }
    }

    /// One instruction of a contract whose source is at hand.
    fn instruction(&mut self, known: &Rc<Known>, interp: &Interpreter<EthInterpreter>) {
        let pc = u32::try_from(interp.bytecode.pc()).unwrap_or(u32::MAX);
        self.charge(interp.gas.remaining());
        let map = &known.contract.source_map;
        let Some(function) = map.function(pc) else { return };
        let opcode = interp.bytecode.opcode();
        if pc == function.start && opcode == JUMPDEST {
            self.enter(function);
        }
        if map.returns(pc) {
            return self.exit(function, interp);
        }
        // An entry point's own code only passes its rule's value on.
        let place = function.result.and_then(|_| map.lookup(pc));
        let Some(place) = place else { return };
        self.reach(known, place);
        let top = |n: usize| interp.stack.peek(n).unwrap_or_default();
        match opcode {
            MSTORE => {
                let name = u64::try_from(top(0))
                    .ok()
                    .and_then(|at| function.variables.get(&at));
                if let Some(name) = name {
                    let value = memory::value(top(1), &interp.memory.context_memory());
                    self.bind(known, name, value);
                }
            }
            JUMPI if map.undefined(pc) && !top(1).is_zero() => {
                if let Some(line) = self.line() {
                    line.undefined = true;
                }
            }
            _ => {}
        }
    }

    /// Charges the last instruction to the line that executed it.
    fn charge(&mut self, left: u64) {
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        let used = frame.gas.saturating_sub(left);
        frame.gas = left;
        if let Some(line) = self.line() {
            line.gas = line.gas.saturating_add(used);
        }
    }

    fn depth(&self) -> usize {
        self.frames.iter().map(|frame| frame.rules.len()).sum()
    }

    fn enter(&mut self, function: &PolicyFunction) {
        let depth = self.depth();
        let rule = function.rule().to_owned();
        self.push(Event::Enter { rule, depth });
        if let Some(frame) = self.frames.last_mut() {
            frame.rules.push(Activation {
                start: function.start,
                line: None,
            });
        }
    }

    /// An instruction of a line. Another execution of it begins where the row changes, and after it was undefined.
    fn reach(&mut self, known: &Rc<Known>, place: SourcePlace) {
        let same =
            |line: &Line| line.place.file == place.file && line.place.row == place.row && !line.undefined;
        if !self.line().is_some_and(|line| same(line)) {
            self.begin(known, place);
        }
    }

    /// A value was bound; if the line has bound this one already, it is the next round of a loop.
    fn bind(&mut self, known: &Rc<Known>, name: &str, value: Option<Value>) {
        let again = self
            .line()
            .filter(|line| line.values.iter().any(|(other, _)| other == name))
            .map(|line| line.place.clone());
        if let Some(place) = again {
            self.begin(known, place);
        }
        if let Some(line) = self.line() {
            line.values.push((name.to_owned(), value));
        }
    }

    fn begin(&mut self, known: &Rc<Known>, place: SourcePlace) {
        let line = Line {
            place,
            depth: self.depth(),
            values: Vec::new(),
            undefined: false,
            gas: 0,
            known: Rc::clone(known),
        };
        let at = self.push(Event::Line(line));
        if let Some(activation) = self.frames.last_mut().and_then(|frame| frame.rules.last_mut()) {
            activation.line = at;
        }
    }

    fn exit(&mut self, function: &PolicyFunction, interp: &Interpreter<EthInterpreter>) {
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        if frame.rules.pop_if(|rule| rule.start == function.start).is_none() {
            return;
        }
        let Some(result) = function.result else { return };
        let memory = interp.memory.context_memory();
        let value = usize::try_from(result)
            .ok()
            .and_then(|at| memory.get(at..at.checked_add(32)?))
            .and_then(U256::try_from_be_slice)
            .and_then(|word| memory::value(word, &memory));
        let rule = function.rule().to_owned();
        let depth = self.depth();
        self.push(Event::Exit { rule, value, depth });
    }
}

impl<CTX> Inspector<CTX, EthInterpreter> for Tracer<'_> {
    fn frame_start(&mut self, _context: &mut CTX, _input: &mut FrameInput) -> Option<FrameResult> {
        // Precompiles and accounts without code have no interpreter, and so nothing but this.
        self.frames.push(Frame::default());
        None
    }

    fn initialize_interp(&mut self, interp: &mut Interpreter<EthInterpreter>, _context: &mut CTX) {
        let (code_hash, known) = self.known(interp.bytecode.bytecode_slice());
        let depth = self.depth();
        self.push(Event::Contract {
            address: interp.input.target_address,
            code_hash,
            known: known.clone(),
            depth,
        });
        if let Some(frame) = self.frames.last_mut() {
            frame.known = known;
            frame.gas = interp.gas.remaining();
        }
    }

    fn step(&mut self, interp: &mut Interpreter<EthInterpreter>, _context: &mut CTX) {
        if let Some(known) = self.frames.last().and_then(|frame| frame.known.clone()) {
            self.instruction(&known, interp);
        }
    }

    fn frame_end(&mut self, _context: &mut CTX, _input: &FrameInput, _result: &mut FrameResult) {
        self.frames.pop();
    }
}
