//! The virtual machine.

use anyhow::anyhow;
use stele_rego::vm::{Data, Input, Program, Request, Worker};
use stele_rego::{CompileOptions, SourceFile, compile, parse};
use stele_types::json::Limits;

use crate::workloads::Workload;

/// A program and its data, ready to decide.
pub(crate) struct Ours {
    program: Program,
    data: Data,
    entry_point: String,
    worker: Worker,
    out: Vec<u8>,
}

impl Ours {
    pub(crate) fn new(workload: &Workload) -> anyhow::Result<Self> {
        let source = SourceFile::new(workload.file, workload.policy.as_str());
        let module = parse(&source).map_err(|errors| anyhow!("{errors:?}"))?;
        let entry_point = workload.entry_point.parse()?;
        let policy = compile(&[module], &[entry_point], &CompileOptions::default())
            .map_err(|errors| anyhow!("{errors:?}"))?;
        let program = Program::new(&policy)?;
        let data = program.data_from_json(&workload.data, &Limits::default())?;
        Ok(Self {
            program,
            data,
            entry_point: workload.entry_point.clone(),
            worker: Worker::default(),
            out: Vec::new(),
        })
    }

    /// From the bytes of a question to the bytes of its answer.
    pub(crate) fn decide(&mut self, input: &[u8]) -> anyhow::Result<&[u8]> {
        let request = Request::new(&self.entry_point, Input::Json(input));
        let outcome = self.worker.evaluate(&self.program, &self.data, &request)?;
        self.out.clear();
        outcome.write_json(&mut self.out);
        Ok(&self.out)
    }
}
