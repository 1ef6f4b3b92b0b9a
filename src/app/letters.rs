//! The messages of the outbox as their recipients would get them, for the page to show where no mail server
//! is configured.

use crate::console::{Message, Messages};
use crate::domain::Recipient;
use crate::notify::{Postman, render};
use crate::store::{OutboxEntry, StoreError};
use async_trait::async_trait;
use std::sync::Arc;

/// What would be sent, made by whoever would send it.
struct Letters(Arc<Postman>);

/// What makes the messages that are read on the page; nothing where mail is sent.
pub(super) fn read_here(postman: &Arc<Postman>) -> Option<Arc<dyn Messages>> {
    postman.mail.is_none().then(|| Arc::new(Letters(Arc::clone(postman))) as Arc<dyn Messages>)
}

#[async_trait]
impl Messages for Letters {
    async fn message(&self, entry: &OutboxEntry) -> Result<Option<Message>, StoreError> {
        let Some(story) = self.0.story(entry).await? else { return Ok(None) };
        Ok(Some(match &entry.notice.to {
            Recipient::Person(_) => {
                let rendered = render::mail(&story);
                Message { subject: rendered.subject, text: rendered.text }
            }
            Recipient::Webhook(_) => {
                let (event, body) = render::webhook(&story);
                Message { subject: event.to_owned(), text: body }
            }
        }))
    }
}
