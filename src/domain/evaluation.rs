//! The Evaluation: one question on the data path, in canonical form.

use super::{ActionName, Attributes, ContentPath, PersonId, ServiceRequest, TenantId, Value, WorkloadName};

/// May this engineer do this to this content?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    /// Who wants to.
    pub engineer: PersonId,
    /// What.
    pub action: ActionName,
    /// Whose content.
    pub tenant: TenantId,
    /// Where.
    pub workload: WorkloadName,
    /// Which content; `None` asks about the workload as a whole.
    pub content: Option<ContentPath>,
    /// The support case the engineer works on, as the caller states it.
    pub service_request: Option<ServiceRequest>,
    /// What the caller states about the circumstances; only what the schema declares is read.
    pub context: Attributes,
    /// What the caller states about the engineer; only what the schema lets a caller state is read.
    pub engineer_stated: Attributes,
    /// What the caller states about the action.
    pub action_stated: Attributes,
    /// What the caller states about the content.
    pub content_stated: Attributes,
}

impl Evaluation {
    /// A question without stated attributes.
    pub fn new(
        engineer: PersonId,
        action: ActionName,
        tenant: TenantId,
        workload: WorkloadName,
        content: Option<ContentPath>,
    ) -> Self {
        Self {
            engineer,
            action,
            tenant,
            workload,
            content,
            service_request: None,
            context: Attributes::new(),
            engineer_stated: Attributes::new(),
            action_stated: Attributes::new(),
            content_stated: Attributes::new(),
        }
    }

    /// Appends the question's canonical bytes: two questions have the same bytes exactly if they are
    /// the same question. Every part carries its length, so that no two parts can run together.
    pub fn write_canonical(&self, out: &mut Vec<u8>) {
        part(out, self.engineer.as_str());
        part(out, self.action.as_str());
        part(out, self.tenant.as_str());
        part(out, self.workload.as_str());
        part(out, self.content.as_ref().map_or("", ContentPath::as_str));
        part(out, self.service_request.as_ref().map_or("", ServiceRequest::as_str));
        for attributes in [&self.context, &self.engineer_stated, &self.action_stated, &self.content_stated] {
            record(out, attributes);
        }
    }
}

fn part(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(&(text.len() as u64).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn record(out: &mut Vec<u8>, attributes: &Attributes) {
    out.extend_from_slice(&(attributes.len() as u64).to_le_bytes());
    for (name, value) in attributes {
        part(out, name);
        write_value(out, value);
    }
}

fn write_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Bool(truth) => out.extend_from_slice(&[1, u8::from(*truth)]),
        Value::Long(number) => {
            out.push(2);
            out.extend_from_slice(&number.to_le_bytes());
        }
        Value::String(text) => {
            out.push(3);
            part(out, text);
        }
        Value::Set(values) => {
            out.push(4);
            out.extend_from_slice(&(values.len() as u64).to_le_bytes());
            for value in values {
                write_value(out, value);
            }
        }
        Value::Record(attributes) => {
            out.push(5);
            record(out, attributes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::Bool),
            (-2i64..2).prop_map(Value::Long),
            "[ab]{0,2}".prop_map(Value::String),
        ];
        leaf.prop_recursive(2, 8, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Set),
                prop::collection::btree_map("[ab]{1,2}", inner, 0..3).prop_map(Value::Record),
            ]
        })
    }

    fn questions() -> impl Strategy<Value = Evaluation> {
        let attributes = || prop::collection::btree_map("[ab]{1,2}", values(), 0..2);
        ("[ab]{1,2}", "[ab]{1,2}", prop::option::of("m/[ab]{1,2}"), attributes(), attributes()).prop_map(
            |(engineer, tenant, content, context, content_stated)| Evaluation {
                context,
                content_stated,
                ..Evaluation::new(
                    PersonId::parse(&engineer).unwrap(),
                    ActionName::parse("read").unwrap(),
                    TenantId::parse(&tenant).unwrap(),
                    WorkloadName::parse("exchange").unwrap(),
                    content.map(|path| ContentPath::parse(&path).unwrap()),
                )
            },
        )
    }

    proptest! {
        #[test]
        fn same_bytes_exactly_if_same_question(a in questions(), b in questions()) {
            let (mut x, mut y) = (Vec::new(), Vec::new());
            a.write_canonical(&mut x);
            b.write_canonical(&mut y);
            prop_assert_eq!(x == y, a == b);
        }
    }
}
