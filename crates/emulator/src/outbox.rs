//! Decision and event webhooks, written and queued under the state's lock.

use bytes::Bytes;
use serde_json::Value;
use tokio::sync::mpsc;

use crate::error::Error;
use crate::ledger::{SessionRecord, Vendor};
use crate::reports;
use crate::state::Change;

/// Where events go: nowhere, or to a URL.
#[derive(Debug)]
pub(crate) struct Outbox {
    target: Option<Target>,
    queue: mpsc::UnboundedSender<Bytes>,
}

/// An `http://` URL taken apart.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) authority: String,
    pub(crate) path: String,
}

impl Target {
    /// `http://host[:port][/path]`. TLS is not spoken: the emulator delivers to machines at hand.
    pub(crate) fn parse(url: &str) -> Result<Self, Error> {
        let rest = url.strip_prefix("http://");
        let rest =
            rest.ok_or_else(|| Error::config("a webhook goes to an http:// URL; put a TLS proxy in front of others"))?;
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        if authority.is_empty() || authority.contains('@') {
            return Err(Error::config("the webhook's URL has no host, or credentials in it"));
        }
        let colon = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let authority = if colon { authority.to_owned() } else { format!("{authority}:80") };
        Ok(Self { authority, path: format!("/{path}") })
    }
}

impl Outbox {
    pub(crate) fn new(target: Option<Target>) -> (Self, mpsc::UnboundedReceiver<Bytes>) {
        let (queue, waiting) = mpsc::unbounded_channel();
        (Self { target, queue }, waiting)
    }

    /// Where they go.
    pub(crate) fn target(&self) -> Option<Target> {
        self.target.clone()
    }

    /// Writes the body of what happened and queues it.
    pub(crate) fn queue(&self, session: &SessionRecord, change: &Change) {
        if self.target.is_none() || session.vendor != Vendor::Veriff {
            return;
        }
        let body = match change {
            Change::Started(_) => Some(reports::event(session, false)),
            Change::Submitted(_) => Some(reports::event(session, true)),
            Change::Decided(_) => reports::decision(session),
        };
        if let Some(body) = body {
            // The receiver goes away only when the emulator stops.
            let _ = self.queue.send(body.to_string().into());
        }
    }

    /// Queues any body, for the kinds that nothing here causes (watch lists, user-defined statuses).
    pub(crate) fn send(&self, body: &Value) -> Result<(), Error> {
        if self.target.is_none() {
            return Err(Error::config("the emulator was started without a webhook URL"));
        }
        let _ = self.queue.send(body.to_string().into());
        Ok(())
    }
}
