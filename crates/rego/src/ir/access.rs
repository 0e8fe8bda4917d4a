//! Which locals and constants a statement itself reads and writes.

use super::{Block, Local, Operand, StmtKind, StringIndex};

/// The locals and string constants that a statement refers to, apart from those of nested blocks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// Locals that must have been set before.
    pub reads: Vec<Local>,
    /// Locals that are set once the statement was found defined.
    pub writes: Vec<Local>,
    /// String constants among the operands.
    pub strings: Vec<StringIndex>,
}

impl Access {
    fn operands(mut self, operands: &[Operand]) -> Self {
        for operand in operands {
            match *operand {
                Operand::Local(local) => self.reads.push(local),
                Operand::StringIndex(index) => self.strings.push(index),
                Operand::Bool(_) => {}
            }
        }
        self
    }

    fn reads(mut self, locals: &[Local]) -> Self {
        self.reads.extend_from_slice(locals);
        self
    }

    fn writes(mut self, local: Local) -> Self {
        self.writes.push(local);
        self
    }
}

impl StmtKind {
    /// What the statement reads and writes. `AssignVarOnce` writes its target, and does not count as reading it; the key
    /// and value of a `Scan` and the local of a `With` are set for their block only and are not listed as writes.
    #[must_use]
    pub fn access(&self) -> Access {
        let none = Access::default();
        match self {
            Self::ArrayAppend { value, array } => none.operands(&[*value]).reads(&[*array]),
            Self::AssignInt { target, .. }
            | Self::MakeArray { target, .. }
            | Self::MakeNull { target }
            | Self::MakeNumberInt { target, .. }
            | Self::MakeNumberRef { target, .. }
            | Self::MakeObject { target }
            | Self::MakeSet { target }
            | Self::ResetLocal { target } => none.writes(*target),
            Self::AssignVarOnce { source, target } | Self::AssignVar { source, target } => {
                none.operands(&[*source]).writes(*target)
            }
            Self::Block { .. } | Self::Break { .. } | Self::Nop {} | Self::Not { .. } => none,
            Self::CallDynamic { args, result, path } => none.operands(path).reads(args).writes(*result),
            Self::Call { args, result, .. } => none.operands(args).writes(*result),
            Self::Dot { source, key, target } => none.operands(&[*source, *key]).writes(*target),
            Self::Equal { a, b } | Self::NotEqual { a, b } => none.operands(&[*a, *b]),
            Self::IsArray { source } | Self::IsObject { source } | Self::IsSet { source } => {
                none.operands(&[*source])
            }
            Self::IsDefined { source } | Self::IsUndefined { source } | Self::ReturnLocal { source } => {
                none.reads(&[*source])
            }
            Self::Len { source, target } => none.operands(&[*source]).writes(*target),
            Self::ObjectInsertOnce { key, value, object } | Self::ObjectInsert { key, value, object } => {
                none.operands(&[*key, *value]).reads(&[*object])
            }
            Self::ObjectMerge { a, b, target } => none.reads(&[*a, *b]).writes(*target),
            Self::ResultSetAdd { value } => none.reads(&[*value]),
            Self::Scan { source, .. } => none.reads(&[*source]),
            Self::SetAdd { value, set } => none.operands(&[*value]).reads(&[*set]),
            Self::With { local, value, .. } => none.operands(&[*value]).reads(&[*local]),
        }
    }

    /// All locals that the statement itself names, those of nested blocks left out.
    pub(crate) fn locals_mut(&mut self) -> Vec<&mut Local> {
        fn of<'a>(
            operands: impl IntoIterator<Item = &'a mut Operand>,
            locals: impl IntoIterator<Item = &'a mut Local>,
        ) -> Vec<&'a mut Local> {
            let operands = operands.into_iter().filter_map(|operand| match operand {
                Operand::Local(local) => Some(local),
                Operand::Bool(_) | Operand::StringIndex(_) => None,
            });
            operands.chain(locals).collect()
        }
        match self {
            Self::AssignInt { target, .. }
            | Self::MakeArray { target, .. }
            | Self::MakeNull { target }
            | Self::MakeNumberInt { target, .. }
            | Self::MakeNumberRef { target, .. }
            | Self::MakeObject { target }
            | Self::MakeSet { target }
            | Self::ResetLocal { target } => vec![target],
            Self::Block { .. } | Self::Break { .. } | Self::Nop {} | Self::Not { .. } => Vec::new(),
            Self::CallDynamic { args, result, path } => of(path, args.iter_mut().chain([result])),
            Self::Call { args, result, .. } => of(args, [result]),
            Self::Dot { source, key, target } => of([source, key], [target]),
            Self::Equal { a, b } | Self::NotEqual { a, b } => of([a, b], []),
            Self::IsArray { source } | Self::IsObject { source } | Self::IsSet { source } => of([source], []),
            Self::IsDefined { source } | Self::IsUndefined { source } | Self::ReturnLocal { source } => {
                vec![source]
            }
            Self::Len { source, target }
            | Self::AssignVarOnce { source, target }
            | Self::AssignVar { source, target } => of([source], [target]),
            Self::ObjectInsertOnce { key, value, object } | Self::ObjectInsert { key, value, object } => {
                of([key, value], [object])
            }
            Self::ObjectMerge { a, b, target } => vec![a, b, target],
            Self::ResultSetAdd { value } => vec![value],
            Self::Scan {
                source, key, value, ..
            } => vec![source, key, value],
            Self::ArrayAppend { value, array: local }
            | Self::SetAdd { value, set: local }
            | Self::With { value, local, .. } => of([value], [local]),
        }
    }

    /// As [`StmtKind::nested`], to be changed.
    pub(crate) fn nested_mut(&mut self) -> &mut [Block] {
        match self {
            Self::Block { blocks } => blocks,
            Self::Not { block } | Self::Scan { block, .. } | Self::With { block, .. } => {
                std::slice::from_mut(block)
            }
            _ => &mut [],
        }
    }

    /// The blocks inside the statement; empty for a statement without any.
    #[must_use]
    pub fn nested(&self) -> &[Block] {
        match self {
            Self::Block { blocks } => blocks,
            Self::Not { block } | Self::Scan { block, .. } | Self::With { block, .. } => {
                std::slice::from_ref(block)
            }
            _ => &[],
        }
    }

    /// True when the statement can be undefined, apart from its nested blocks.
    #[must_use]
    pub fn can_be_undefined(&self) -> bool {
        !matches!(
            self,
            Self::AssignInt { .. }
                | Self::AssignVar { .. }
                | Self::Block { .. }
                | Self::Break { .. }
                | Self::MakeArray { .. }
                | Self::MakeNull { .. }
                | Self::MakeNumberInt { .. }
                | Self::MakeNumberRef { .. }
                | Self::MakeObject { .. }
                | Self::MakeSet { .. }
                | Self::Nop {}
                | Self::ResetLocal { .. }
                | Self::ReturnLocal { .. }
                | Self::Scan { .. }
        )
    }
}
