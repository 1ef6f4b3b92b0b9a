//! A claim as an SMT-LIB script that an auditor can put to a solver of his own.

use super::super::PolicySet;
use super::environment::Environment;
use cedar_policy::PolicySet as CedarSet;
use cedar_policy_symcc::solver::WriterSolver;
use cedar_policy_symcc::{CedarSymCompiler, CompiledPolicySet};

/// The script that says `unsat` exactly if `lower` allows no more than `upper`. `None` when the
/// symbolic compiler settles the claim by itself, without a solver.
///
/// # Errors
/// What the symbolic compiler cannot say.
pub(crate) fn script(
    set: &PolicySet,
    at: &Environment,
    lower: &CedarSet,
    upper: &CedarSet,
) -> Result<Option<String>, String> {
    let compiled = |policies: &CedarSet| {
        CompiledPolicySet::compile(policies, &at.request, &set.schema).map_err(|error| error.to_string())
    };
    let (lower, upper) = (compiled(lower)?, compiled(upper)?);
    let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|error| error.to_string())?;
    let mut compiler =
        CedarSymCompiler::new(WriterSolver { w: Vec::<u8>::new() }).map_err(|error| error.to_string())?;
    // The writer answers `unknown`, always: what counts is what it wrote.
    let _unknown = runtime.block_on(compiler.check_implies_opt(&lower, &upper));
    let text = String::from_utf8(compiler.solver().w.clone()).map_err(|error| error.to_string())?;
    Ok((!text.trim().is_empty()).then_some(text))
}
