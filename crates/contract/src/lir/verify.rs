//! Structural rules of the low-level IR, checked on every compilation.

use super::{Expr, Frame, Func, Program, Stmt, Var};
use std::collections::BTreeSet;

/// A violated rule: a defect of the compiler or of the runtime library.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("function `{func}`: {rule}")]
pub struct VerifyError {
    /// The function.
    pub func: String,
    /// The rule that does not hold.
    pub rule: String,
}

/// Checks a program: variables declared, arity and number of results of every opcode and call, labels in scope, no `let` in
/// memory frames, no recursion among memory-frame functions.
///
/// # Errors
/// The first violation.
pub fn verify(program: &Program) -> Result<(), VerifyError> {
    for func in program.funcs.values() {
        let mut check = Check {
            program,
            func,
            labels: Vec::new(),
            visible: Vec::new(),
        };
        let fixed = match func.frame {
            Frame::Stack => func.params.saturating_add(u32::from(func.returns)),
            Frame::Memory => u32::try_from(func.vars.len()).unwrap_or(u32::MAX),
        };
        check.visible.extend((0..fixed).map(Var));
        check.body(&func.body)?;
    }
    no_recursion(program)
}

struct Check<'a> {
    program: &'a Program,
    func: &'a Func,
    labels: Vec<(&'a str, bool)>,
    visible: Vec<Var>,
}

impl<'a> Check<'a> {
    fn fail(&self, rule: String) -> Result<(), VerifyError> {
        Err(VerifyError {
            func: self.func.name.clone(),
            rule,
        })
    }

    fn body(&mut self, body: &'a [Stmt]) -> Result<(), VerifyError> {
        let depth = self.visible.len();
        for stmt in body {
            self.stmt(stmt)?;
        }
        self.visible.truncate(depth);
        Ok(())
    }

    fn var(&self, var: Var) -> Result<(), VerifyError> {
        if self.visible.contains(&var) {
            Ok(())
        } else {
            self.fail(format!("{var:?} is not in scope"))
        }
    }

    fn stmt(&mut self, stmt: &'a Stmt) -> Result<(), VerifyError> {
        match stmt {
            Stmt::Let(var, e) => {
                if self.func.frame == Frame::Memory {
                    self.fail("`let` in a memory frame".to_owned())?;
                }
                self.expr(e, 1)?;
                self.visible.push(*var);
                Ok(())
            }
            Stmt::Set(var, e) => {
                self.var(*var)?;
                self.expr(e, 1)
            }
            Stmt::Do(e) => self.expr(e, 0),
            Stmt::If(cond, then, els) => {
                self.expr(cond, 1)?;
                self.body(then)?;
                self.body(els)
            }
            Stmt::While(label, cond, body) => {
                self.expr(cond, 1)?;
                self.labels.push((label, true));
                self.body(body)?;
                self.labels.pop();
                Ok(())
            }
            Stmt::Block(label, body) => {
                self.labels.push((label, false));
                self.body(body)?;
                self.labels.pop();
                Ok(())
            }
            Stmt::Break(label) if self.labels.iter().any(|(l, _)| l == label) => Ok(()),
            Stmt::Continue(label) if self.labels.iter().any(|(l, loops)| l == label && *loops) => Ok(()),
            Stmt::Break(label) | Stmt::Continue(label) => {
                self.fail(format!("label '{label} is not in scope"))
            }
            Stmt::Leave | Stmt::At(_) => Ok(()),
        }
    }

    fn expr(&self, e: &Expr, want: usize) -> Result<(), VerifyError> {
        let (name, args, pops, pushes) = match e {
            Expr::Tee(var, inner) if want == 1 => {
                self.var(*var)?;
                return self.expr(inner, 1);
            }
            Expr::Tee(..) => return self.fail("value is not used".to_owned()),
            Expr::Const(_) | Expr::Symbol(_) if want == 1 => return Ok(()),
            Expr::Var(var) if want == 1 => return self.var(*var),
            Expr::Const(_) | Expr::Symbol(_) | Expr::Var(_) => {
                return self.fail("value is not used".to_owned());
            }
            Expr::Op(op, args) => (op.mnemonic(), args, op.pops(), op.pushes()),
            Expr::Call(name, args) => match self.program.funcs.get(name) {
                None => return self.fail(format!("`{name}` is not defined")),
                Some(callee) => {
                    let params = usize::try_from(callee.params).unwrap_or(usize::MAX);
                    (name.as_str(), args, params, usize::from(callee.returns))
                }
            },
        };
        if args.len() != pops {
            return self.fail(format!("`{name}` takes {pops} arguments, {} given", args.len()));
        }
        if pushes != want {
            return self.fail(format!("`{name}` yields {pushes} words, {want} wanted"));
        }
        args.iter().try_for_each(|arg| self.expr(arg, 1))
    }
}

/// Depth-first search: a cycle is allowed only among stack-frame functions.
fn no_recursion(program: &Program) -> Result<(), VerifyError> {
    let mut done = BTreeSet::new();
    program
        .funcs
        .keys()
        .try_for_each(|name| visit(program, name, &mut Vec::new(), &mut done))
}

fn visit<'a>(
    program: &'a Program,
    name: &'a str,
    path: &mut Vec<&'a str>,
    done: &mut BTreeSet<&'a str>,
) -> Result<(), VerifyError> {
    let Some(func) = program.funcs.get(name).filter(|_| !done.contains(name)) else {
        return Ok(());
    };
    if let Some(start) = path.iter().position(|n| *n == name) {
        let mut cycle = path.iter().skip(start);
        let in_memory = |n: &&str| program.funcs.get(*n).is_some_and(|f| f.frame == Frame::Memory);
        if cycle.any(in_memory) {
            let rule = format!("memory-frame recursion through `{}`", path.join("`, `"));
            return Err(VerifyError {
                func: name.to_owned(),
                rule,
            });
        }
        return Ok(());
    }
    path.push(name);
    for callee in super::callees(func) {
        visit(program, callee, path, done)?;
    }
    path.pop();
    done.insert(name);
    Ok(())
}
