//! Messages that wait to be served, so that a cancellation finds the request it is about.

use std::collections::VecDeque;

use lsp_server::{ErrorCode, Message, Response};
use lsp_types::notification::{Cancel, Notification as _};
use lsp_types::{CancelParams, NumberOrString};

use crate::transport::Incoming;

/// First in, first out; but what is cancelled never comes out.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    waiting: VecDeque<Incoming>,
}

impl Queue {
    /// Takes what came in. If it cancels a request that waits, returns the answer to that request.
    pub(crate) fn push(&mut self, incoming: Incoming) -> Option<Response> {
        let Incoming::Message(Message::Notification(notification)) = &incoming else {
            self.waiting.push_back(incoming);
            return None;
        };
        if notification.method != Cancel::METHOD {
            self.waiting.push_back(incoming);
            return None;
        }
        let params: CancelParams = serde_json::from_value(notification.params.clone()).ok()?;
        let id = match params.id {
            NumberOrString::Number(id) => id.into(),
            NumberOrString::String(id) => id.into(),
        };
        let at = self.waiting.iter().position(
            |other| matches!(other, Incoming::Message(Message::Request(request)) if request.id == id),
        )?;
        self.waiting.remove(at);
        let code = ErrorCode::RequestCanceled as i32;
        Some(Response::new_err(
            id,
            code,
            "the request was cancelled".to_owned(),
        ))
    }

    pub(crate) fn pop(&mut self) -> Option<Incoming> {
        self.waiting.pop_front()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lsp_server::{Notification, Request};

    fn request(id: i32) -> Incoming {
        Incoming::Message(Message::Request(Request::new(
            id.into(),
            "textDocument/hover".to_owned(),
            (),
        )))
    }

    fn cancel(id: &serde_json::Value) -> Incoming {
        Incoming::Message(Message::Notification(Notification::new(
            Cancel::METHOD.to_owned(),
            serde_json::json!({ "id": id }),
        )))
    }

    #[test]
    fn a_cancelled_request_is_answered_and_never_served() {
        let mut queue = Queue::default();
        assert!(queue.push(request(1)).is_none());
        assert!(queue.push(request(2)).is_none());
        let answer = queue.push(cancel(&1.into())).expect("an answer");
        assert_eq!(answer.id, 1.into());
        assert_eq!(answer.response_result.unwrap_err().code, -32800);
        assert!(queue.push(cancel(&1.into())).is_none(), "it is gone");
        assert!(queue.push(cancel(&"2".into())).is_none(), "another id");
        assert!(queue.push(cancel(&serde_json::Value::Null)).is_none(), "no id");
        assert!(
            matches!(queue.pop(), Some(Incoming::Message(Message::Request(request))) if request.id == 2.into())
        );
        assert!(queue.is_empty());
    }
}
