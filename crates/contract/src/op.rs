//! The opcode table.
//!
//! One table yields the constants, the mnemonics (printing and parsing), the stack arity used by the verifiers and the
//! gas class used by static estimates. Source: Ethereum execution specifications, hardfork Cancun (`PUSH0` from
//! EIP-3855, `MCOPY` from EIP-5656). `PUSHn`, `DUPn` and `SWAPn` are not here: the assembler makes them itself.

/// Static gas class of an opcode; dynamic parts (memory growth, words copied or hashed) come on top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GasClass {
    /// 0 gas.
    Zero,
    /// 2 gas.
    Base,
    /// 3 gas.
    VeryLow,
    /// 5 gas.
    Low,
    /// 8 gas.
    Mid,
    /// 30 gas plus 6 a word.
    Keccak,
    /// 10 gas plus 50 a byte of exponent.
    Exp,
    /// 3 gas plus 3 a word.
    Copy,
    /// 100 gas for an address in use, and what the call takes.
    Call,
}

impl GasClass {
    /// The constant part, in gas.
    #[must_use]
    pub const fn gas(self) -> u64 {
        match self {
            Self::Zero => 0,
            Self::Base => 2,
            Self::VeryLow | Self::Copy => 3,
            Self::Low => 5,
            Self::Mid => 8,
            Self::Keccak => 30,
            Self::Exp => 10,
            Self::Call => 100,
        }
    }
}

macro_rules! opcodes {
    ($($(#[$doc:meta])* $name:ident = $byte:literal, $text:literal, $pops:literal -> $pushes:literal, $gas:ident;)*) => {
        /// An EVM opcode that the compiler emits.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Op { $($(#[$doc])* $name,)* }

        impl Op {
            /// Every opcode in the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The byte in the code.
            #[must_use]
            pub const fn byte(self) -> u8 { match self { $(Self::$name => $byte,)* } }

            /// The mnemonic used in text forms.
            #[must_use]
            pub const fn mnemonic(self) -> &'static str { match self { $(Self::$name => $text,)* } }

            /// Words taken from the stack.
            #[must_use]
            pub const fn pops(self) -> usize { match self { $(Self::$name => $pops,)* } }

            /// Words put on the stack.
            #[must_use]
            pub const fn pushes(self) -> usize { match self { $(Self::$name => $pushes,)* } }

            /// The static gas class.
            #[must_use]
            pub const fn gas_class(self) -> GasClass { match self { $(Self::$name => GasClass::$gas,)* } }

            /// The opcode with this mnemonic.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> { match text { $($text => Some(Self::$name),)* _ => None } }
        }
    };
}

opcodes! {
    /// Halts without data.
    Stop = 0x00, "stop", 0 -> 0, Zero;
    /// Wrapping addition.
    Add = 0x01, "add", 2 -> 1, VeryLow;
    /// Wrapping multiplication.
    Mul = 0x02, "mul", 2 -> 1, Low;
    /// Wrapping subtraction.
    Sub = 0x03, "sub", 2 -> 1, VeryLow;
    /// Unsigned division; zero by zero divisor.
    Div = 0x04, "div", 2 -> 1, Low;
    /// Signed division.
    Sdiv = 0x05, "sdiv", 2 -> 1, Low;
    /// Unsigned remainder.
    Mod = 0x06, "mod", 2 -> 1, Low;
    /// Signed remainder; the sign of the dividend.
    Smod = 0x07, "smod", 2 -> 1, Low;
    /// `(a + b) % n` without overflow.
    Addmod = 0x08, "addmod", 3 -> 1, Mid;
    /// `(a * b) % n` without overflow.
    Mulmod = 0x09, "mulmod", 3 -> 1, Mid;
    /// Power.
    Exp = 0x0a, "exp", 2 -> 1, Exp;
    /// Extends the sign of a byte position.
    Signextend = 0x0b, "signextend", 2 -> 1, Low;
    /// Unsigned less.
    Lt = 0x10, "lt", 2 -> 1, VeryLow;
    /// Unsigned greater.
    Gt = 0x11, "gt", 2 -> 1, VeryLow;
    /// Signed less.
    Slt = 0x12, "slt", 2 -> 1, VeryLow;
    /// Signed greater.
    Sgt = 0x13, "sgt", 2 -> 1, VeryLow;
    /// Equality.
    Eq = 0x14, "eq", 2 -> 1, VeryLow;
    /// Logical not.
    Iszero = 0x15, "iszero", 1 -> 1, VeryLow;
    /// Bitwise and.
    And = 0x16, "and", 2 -> 1, VeryLow;
    /// Bitwise or.
    Or = 0x17, "or", 2 -> 1, VeryLow;
    /// Bitwise exclusive or.
    Xor = 0x18, "xor", 2 -> 1, VeryLow;
    /// Bitwise not.
    Not = 0x19, "not", 1 -> 1, VeryLow;
    /// The i-th byte from the most significant end.
    Byte = 0x1a, "byte", 2 -> 1, VeryLow;
    /// Shift left: `shl(bits, value)`.
    Shl = 0x1b, "shl", 2 -> 1, VeryLow;
    /// Logical shift right.
    Shr = 0x1c, "shr", 2 -> 1, VeryLow;
    /// Arithmetic shift right.
    Sar = 0x1d, "sar", 2 -> 1, VeryLow;
    /// Hash of a memory range: `keccak256(offset, size)`.
    Keccak256 = 0x20, "keccak256", 2 -> 1, Keccak;
    /// A word of the call data.
    Calldataload = 0x35, "calldataload", 1 -> 1, VeryLow;
    /// Size of the call data.
    Calldatasize = 0x36, "calldatasize", 0 -> 1, Base;
    /// Call data to memory: `calldatacopy(to, from, size)`.
    Calldatacopy = 0x37, "calldatacopy", 3 -> 0, Copy;
    /// Size of the code.
    Codesize = 0x38, "codesize", 0 -> 1, Base;
    /// Code to memory: `codecopy(to, from, size)`.
    Codecopy = 0x39, "codecopy", 3 -> 0, Copy;
    /// Drops the top of the stack.
    Pop = 0x50, "pop", 1 -> 0, Base;
    /// Reads a memory word.
    Mload = 0x51, "mload", 1 -> 1, VeryLow;
    /// Writes a memory word: `mstore(offset, value)`.
    Mstore = 0x52, "mstore", 2 -> 0, VeryLow;
    /// Writes a memory byte.
    Mstore8 = 0x53, "mstore8", 2 -> 0, VeryLow;
    /// Size of the memory touched so far, in bytes.
    Msize = 0x59, "msize", 0 -> 1, Base;
    /// Gas left.
    Gas = 0x5a, "gas", 0 -> 1, Base;
    /// Memory to memory: `mcopy(to, from, size)`.
    Mcopy = 0x5e, "mcopy", 3 -> 0, Copy;
    /// Calls without changing state: `staticcall(gas, address, from, size, to, size)`; 0 if it failed.
    Staticcall = 0xfa, "staticcall", 6 -> 1, Call;
    /// Ends the call with data: `return(offset, size)`.
    Return = 0xf3, "return", 2 -> 0, Zero;
    /// Ends the call with an error: `revert(offset, size)`.
    Revert = 0xfd, "revert", 2 -> 0, Zero;
    /// Always fails.
    Invalid = 0xfe, "invalid", 0 -> 0, Zero;
}

impl Op {
    /// Whether control never passes to the next instruction.
    #[must_use]
    pub const fn terminates(self) -> bool {
        matches!(self, Self::Stop | Self::Return | Self::Revert | Self::Invalid)
    }
}

/// `JUMP`.
pub const JUMP: u8 = 0x56;
/// `JUMPI`.
pub const JUMPI: u8 = 0x57;
/// `JUMPDEST`.
pub const JUMPDEST: u8 = 0x5b;
/// `PUSH0`; `PUSHn` is this plus n.
pub const PUSH0: u8 = 0x5f;
/// `DUP1`; `DUPn` is this plus n - 1.
pub const DUP1: u8 = 0x80;
/// `SWAP1`; `SWAPn` is this plus n - 1.
pub const SWAP1: u8 = 0x90;

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn mnemonics_and_bytes_are_unique_and_parse_back() {
        let bytes: BTreeSet<u8> = Op::ALL.iter().map(|o| o.byte()).collect();
        assert_eq!(bytes.len(), Op::ALL.len());
        for op in Op::ALL {
            assert_eq!(Op::parse(op.mnemonic()), Some(*op));
        }
        assert_eq!(Op::parse("selfdestruct"), None);
    }

    #[test]
    fn arity_agrees_with_the_interpreters_table() {
        use revm::bytecode::opcode::OPCODE_INFO;
        for op in Op::ALL {
            let info = OPCODE_INFO[usize::from(op.byte())].expect("known to the interpreter");
            assert_eq!(usize::from(info.inputs()), op.pops(), "{op:?}");
            assert_eq!(usize::from(info.outputs()), op.pushes(), "{op:?}");
            assert_eq!(info.name().to_ascii_lowercase(), op.mnemonic());
        }
    }
}
