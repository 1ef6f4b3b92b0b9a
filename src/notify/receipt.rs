//! The receipt: what was touched under a Grant, as sidecars have told of it.

use super::story::{Receipt, TOUCHES_MAX, Touch};
use crate::accesses::{History, Touched};
use crate::domain::AccessRequest;
use tracing::warn;

/// How many Decisions a receipt is made from at most.
const DECISIONS_MAX: usize = 100_000;

/// The receipt of an AccessRequest. One that cannot be read says so.
pub(super) async fn of(history: &History, request: &AccessRequest) -> Receipt {
    match history.under(request.id, None, DECISIONS_MAX).await {
        Ok((touched, next)) => made(&touched, next.is_some()),
        Err(error) => {
            warn!(%error, id = %request.id, "a receipt goes out without what was touched");
            Receipt::default()
        }
    }
}

fn made(decisions: &[Touched], more: bool) -> Receipt {
    let mut receipt = Receipt { readable: true, more, ..Receipt::default() };
    for Touched { record, .. } in decisions {
        if !record.allowed {
            receipt.refused = receipt.refused.saturating_add(1);
            continue;
        }
        receipt.allowed = receipt.allowed.saturating_add(1);
        let Some(question) = &record.question else { continue };
        let same = |line: &&mut Touch| line.action == question.action && line.content == question.content;
        if let Some(line) = receipt.touched.iter_mut().find(same) {
            line.last = line.last.max(record.at);
            line.times = line.times.saturating_add(1);
        } else if receipt.touched.len() < TOUCHES_MAX {
            receipt.touched.push(Touch {
                action: question.action.clone(),
                workload: question.workload.clone(),
                content: question.content.clone(),
                first: record.at,
                last: record.at,
                times: 1,
            });
        } else {
            receipt.more = true;
        }
    }
    receipt
}
