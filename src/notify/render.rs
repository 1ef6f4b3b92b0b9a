//! Stand-in until the templates are there.

use super::story::{Rendered, Story};

pub fn mail(story: &Story) -> Rendered {
    Rendered { subject: story.number.to_string(), text: String::new(), html: String::new() }
}

pub fn webhook(story: &Story) -> (&'static str, String) {
    (story.notice.kind.as_str(), String::new())
}
