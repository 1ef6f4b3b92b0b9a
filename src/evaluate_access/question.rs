//! From what a caller states to an Evaluation. What is well-formed but not canonical, or contradicts
//! itself, is a question that is answered with a denial; it is recorded as it was stated.

use crate::domain::{
    ActionName, Attributes, ContentPath, Evaluation, NameError, PersonId, Reason, ServiceRequest, TenantId,
    WorkloadName,
};

/// A question as stated, every name a text that nobody has checked.
#[derive(Debug, Clone, Default)]
pub struct Stated<'a> {
    /// Who wants to.
    pub engineer: &'a str,
    /// What.
    pub action: &'a str,
    /// Whose content.
    pub tenant: &'a str,
    /// Where.
    pub workload: &'a str,
    /// Which content, as its type and what the type's ids are followed by below it (`adele/message/7`);
    /// `None` for the workload as a whole.
    pub content: Option<(&'a str, &'a str)>,
    /// The support case.
    pub service_request: Option<&'a str>,
    /// The circumstances.
    pub context: Attributes,
    /// What is stated about the engineer.
    pub engineer_stated: Attributes,
    /// What is stated about the action.
    pub action_stated: Attributes,
    /// What is stated about the content.
    pub content_stated: Attributes,
}

/// A question that can only be denied.
#[derive(Debug, Clone)]
pub struct Unaskable {
    /// Why: one of the reasons that deny.
    pub reason: Reason,
    /// What a person can do about it.
    pub message: String,
    /// What was stated, each at most 256 bytes of it, for the record.
    pub stated: Vec<(&'static str, String)>,
}

/// The most bytes of a stated text that are recorded.
const STATED_BYTES_MAX: usize = 256;

impl Stated<'_> {
    /// The question, if it can be asked.
    ///
    /// # Errors
    /// [`Unaskable`] with `malformed_name`, naming what is not canonical.
    pub fn parse(self) -> Result<Evaluation, Unaskable> {
        match self.names() {
            Ok(mut question) => {
                question.context = self.context;
                question.engineer_stated = self.engineer_stated;
                question.action_stated = self.action_stated;
                question.content_stated = self.content_stated;
                Ok(question)
            }
            Err(error) => Err(self.unaskable(Reason::MalformedName, error.to_string())),
        }
    }

    /// The same statement as a question that is denied for `reason`.
    pub fn unaskable(&self, reason: Reason, message: String) -> Unaskable {
        let mut stated = vec![
            ("engineer", cut(self.engineer)),
            ("action", cut(self.action)),
            ("tenant", cut(self.tenant)),
            ("workload", cut(self.workload)),
        ];
        if let Some((kind, id)) = self.content {
            stated.push(("content", cut(&format!("{kind}/{id}"))));
        }
        if let Some(service_request) = self.service_request {
            stated.push(("service_request", cut(service_request)));
        }
        Unaskable { reason, message, stated }
    }

    fn names(&self) -> Result<Evaluation, NameError> {
        let content = self.content.map(|(kind, id)| content(kind, id)).transpose()?;
        let mut question = Evaluation::new(
            PersonId::parse(self.engineer)?,
            ActionName::parse(self.action)?,
            TenantId::parse(self.tenant)?,
            WorkloadName::parse(self.workload)?,
            content,
        );
        question.service_request = self.service_request.map(ServiceRequest::parse).transpose()?;
        Ok(question)
    }
}

/// One content has one spelling: a type that is a path would be a second one.
fn content(kind: &str, id: &str) -> Result<ContentPath, NameError> {
    if kind.contains('/') {
        let rule = "it is one word; what lies below it is part of the id";
        return Err(NameError { what: "content type", text: kind.to_owned(), rule });
    }
    ContentPath::of(kind, id)
}

fn cut(text: &str) -> String {
    let mut end = text.len().min(STATED_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    text.get(..end).unwrap_or_default().to_owned()
}
