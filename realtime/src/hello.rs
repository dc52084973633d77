//! The first message: whose place it is, and what its page has seen before.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket};
use chassis::sockets::SocketGuard;
use contracts::places::Seq;
use contracts::push::{self, Pull, PullMessage, Push, VERSION, close};

use crate::hub::{Entered, Found, Hub};
use crate::live;
use crate::metrics::Kind;
use crate::record;
use crate::slot::Slot;
use crate::socket::close_frame;
use crate::telling::Telling;

/// No socket came of it.
#[derive(Debug)]
pub struct Refused {
    /// As metrics name it.
    pub reason: &'static str,
    /// What it is closed with; nothing: come back later.
    pub close: Option<CloseFrame>,
}

impl Refused {
    fn for_good(reason: &'static str, told: impl Into<String>) -> Self {
        Self { reason, close: Some(close_frame(close::BAD_RECEIPT, told)) }
    }

    const fn for_now(reason: &'static str) -> Self {
        Self { reason, close: None }
    }
}

/// Takes the hello and answers it with the place as it is, as of no less than what the page has seen.
pub async fn hello(hub: &Arc<Hub>, socket: &mut WebSocket, guard: &SocketGuard) -> Result<Entered, Refused> {
    let stopping = guard.closing();
    tokio::select! {
        biased;
        () = stopping.cancelled() => Err(Refused::for_now("stopping")),
        outcome = welcome(hub, socket) => outcome,
    }
}

async fn welcome(hub: &Arc<Hub>, socket: &mut WebSocket) -> Result<Entered, Refused> {
    let patience = Duration::from_millis(hub.config.hello_timeout_ms);
    let first = tokio::time::timeout(patience, first_message(socket)).await;
    let text = match first {
        Ok(Some(text)) => text,
        Ok(None) => return Err(Refused::for_good("receipt", "the first message must be a hello with a receipt")),
        Err(_) => return Err(Refused::for_good("silent", "no hello came in time")),
    };
    let Ok(Pull { message: PullMessage::Hello { receipt, epoch, seq, estimate }, .. }) = serde_json::from_str(&text)
    else {
        return Err(Refused::for_good("receipt", "the first message must be a hello with a receipt"));
    };
    let receipt = hub.papers.open_receipt(&receipt).map_err(|fault| Refused::for_good("receipt", fault.to_string()))?;
    // At once, so that a fan who is back is not passed over while this node catches up.
    hub.heard(&receipt);
    let room = match hub.find(&receipt, seq).await {
        Found::Room(room) => room,
        Found::Behind => return Err(Refused::for_now("behind")),
        Found::NotFollowed => {
            let seen = Seq { joins: receipt.joins, ..Seq::default() };
            let Ok(view) = record::view(hub, &receipt).await else { return Err(Refused::for_now("behind")) };
            let push = Push {
                v: VERSION,
                epoch: epoch.unwrap_or(1),
                seq: seq.unwrap_or(seen),
                message: push::Message::Place(Box::new(view)),
            };
            let text = serde_json::to_string(&push).unwrap_or_default();
            let _gone = tokio::time::timeout(patience, socket.send(Message::text(text))).await;
            return Err(Refused { reason: "over", close: Some(close_frame(close::ENDED, "the sale is over")) });
        }
    };
    let telling = Telling::resumed(estimate);
    let slot = Slot::new(receipt.sale, receipt.entry, receipt.fan, telling, hub.monotonic_ms());
    let entered = hub.enter(&room, slot);
    // Entered before the first look, so that no change falls between.
    live::tell(&entered, socket, Kind::First).await.map_err(|_| Refused::for_now("behind"))?;
    Ok(entered)
}

/// The first text; nothing when the client closed or sent something else.
async fn first_message(socket: &mut WebSocket) -> Option<String> {
    loop {
        match socket.recv().await? {
            Ok(Message::Text(text)) => return Some(text.as_str().to_owned()),
            Ok(Message::Ping(_) | Message::Pong(_)) => {}
            _ => return None,
        }
    }
}
