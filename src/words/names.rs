//! What things are called: workloads, actions, content, reasons. A name that only the schema knows is
//! shown as it is written there, so that a new workload needs no line of code.

use super::{Arg, Words};
use crate::domain::{ActionName, ContentPath, ContentScope, ReasonCode, Scope, StateName, WorkloadName};

impl Words {
    /// A workload.
    pub fn workload(&self, name: &WorkloadName) -> String {
        self.find(&format!("workload-{name}"), &[]).unwrap_or_else(|| name.to_string())
    }

    /// An action.
    pub fn action(&self, name: &ActionName) -> String {
        self.find(&format!("action-{name}"), &[]).unwrap_or_else(|| name.to_string())
    }

    /// Actions, as a list in a sentence.
    pub fn actions<'a>(&self, names: impl IntoIterator<Item = &'a ActionName>) -> String {
        self.list(names.into_iter().map(|name| self.action(name)).collect())
    }

    /// Why access is asked for.
    pub fn reason(&self, code: ReasonCode) -> String {
        self.say(&format!("reason-{}", code.as_str()))
    }

    /// Where an AccessRequest stands, as its customer sees it, or the provider's people.
    pub fn state(&self, state: StateName, customer: bool) -> String {
        let key = format!("state-{}", state.as_str());
        let own = if customer { None } else { self.find(&format!("{key}-provider"), &[]) };
        own.unwrap_or_else(|| self.say(&key))
    }

    /// Content, from the inside out: `message 7 in mailbox adele@contoso.example`.
    pub fn content(&self, path: &ContentPath) -> String {
        let mut said: Option<String> = None;
        let mut parts = path.as_str().split('/');
        while let (Some(kind), Some(id)) = (parts.next(), parts.next()) {
            let inner =
                self.find(&format!("content-{kind}"), &[("id", id.into())]).unwrap_or_else(|| format!("{kind} {id}"));
            said = Some(match said {
                None => inner,
                Some(outer) => self.say_with("content-within", &[("inner", inner.into()), ("outer", outer.into())]),
            });
        }
        said.unwrap_or_else(|| path.to_string())
    }

    /// The content of a scope, one entry a line; all of the workload where nothing is named.
    pub fn contents(&self, scope: &Scope, workload: &WorkloadName) -> Vec<String> {
        match &scope.content {
            ContentScope::Workload => {
                vec![self.say_with("content-all", &[("workload", Arg::from(self.workload(workload)))])]
            }
            named => named.paths().map(|path| self.content(path)).collect(),
        }
    }

    /// A list in a sentence.
    pub fn list(&self, mut items: Vec<String>) -> String {
        let last = items.pop().unwrap_or_default();
        if items.is_empty() {
            return last;
        }
        self.say_with("list-and", &[("first", items.join(", ").into()), ("last", last.into())])
    }
}
