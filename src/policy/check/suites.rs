//! Suites beside the policies: that there are any, and that they can be run. What their tests expect
//! is not the check's business.

use super::super::cases::Cases;
use super::super::files::Layout;
use super::super::finding::Finding;
use super::super::load::PolicySet;

/// What keeps suites from being run.
pub(super) fn look(set: &PolicySet, layout: &Layout) -> Vec<Finding> {
    let dir = &layout.tests;
    let is_suite = |path: std::path::PathBuf| {
        path.extension().is_some_and(|end| ["yaml", "yml", "json"].iter().any(|known| end == *known))
    };
    let any = std::fs::read_dir(dir)
        .is_ok_and(|mut entries| entries.any(|entry| entry.is_ok_and(|entry| is_suite(entry.path()))));
    if !any {
        let finding = Finding::file(
            "tests-missing",
            &dir.display().to_string(),
            "there is no suite here",
            "write one, so that nobody changes a policy unnoticed: `*.yaml`, described in docs/security-teams.md",
        );
        return vec![finding.warning()];
    }
    Cases::read(set, dir).err().map_or_else(Vec::new, |error| error.findings)
}
