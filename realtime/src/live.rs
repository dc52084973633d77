//! A socket after its hello: sleeps until it is rung or spoken to, and then sends the newest state, never an older one.

use std::pin::pin;
use std::sync::atomic::Ordering;

use axum::extract::ws::{Message, WebSocket};
use contracts::push::{self, Pull, PullMessage, Push, VERSION};

use crate::hub::Entered;
use crate::metrics::Kind;
use crate::slot::{AHEAD, Farewell, OWN, PING, SALE, SEATS};
use crate::sweep::showing;
use crate::view::{announcement, look};

/// Serves the socket until it closes; answers why.
pub async fn live(at: &Entered, socket: &mut WebSocket) -> Farewell {
    let mut bucket = Bucket::full(at);
    loop {
        let outcome = tokio::select! {
            biased;
            () = at.slot.bell.notified() => rung(at, socket).await,
            message = socket.recv() => match message {
                Some(Ok(Message::Close(_)) | Err(_)) | None => Err(Farewell::Gone),
                Some(Ok(message)) => heard(at, socket, &mut bucket, &message).await,
            },
        };
        if let Err(why) = outcome {
            return why;
        }
    }
}

async fn rung(at: &Entered, socket: &mut WebSocket) -> Result<(), Farewell> {
    loop {
        if let Some(why) = at.slot.farewell() {
            return Err(why);
        }
        let due = at.slot.take_due();
        if due == 0 {
            return Ok(());
        }
        if due & PING != 0 {
            send(at, socket, Message::Ping(axum::body::Bytes::new())).await?;
        }
        if due & SEATS != 0
            && let Some(frame) = at.room.seats.newest()
        {
            at.slot.shown.seats.store(frame.upto, Ordering::Relaxed);
            send(at, socket, Message::Text(frame.text)).await?;
        }
        let kind = match due & !(PING | SEATS) {
            0 => continue,
            own if own & OWN != 0 => Kind::Own,
            sale if sale & SALE != 0 => Kind::Sale,
            ahead if ahead & AHEAD != 0 => Kind::Ahead,
            _ => Kind::Alive,
        };
        tell(at, socket, kind).await?;
    }
}

/// Sends the place as it is now.
pub async fn tell(at: &Entered, socket: &mut WebSocket, kind: Kind) -> Result<(), Farewell> {
    let Some((text, decided_ms)) = compose(at, kind) else { return Ok(()) };
    send(at, socket, Message::text(text)).await?;
    let delay_ms = decided_ms.map(|at_ms| at.hub.clock.now_ms() - at_ms);
    at.hub.meters.pushed(kind, delay_ms);
    Ok(())
}

/// The frame, and when the change that it tells was decided. Nothing where it would repeat what was just shown, or where a
/// new snapshot does not know the place yet.
fn compose(at: &Entered, kind: Kind) -> Option<(String, Option<i64>)> {
    let slot = &at.slot;
    let (mut sight, own_ms, announced) = at
        .room
        .read(|board| {
            let mut sight = look(board, slot.sale, slot.entry, slot.fan, at.hub.clock.now_ms())?;
            // Whoever composes for this socket sends for it too, one after the other: what is taken as told here will be.
            let now_ms = board.announced_ms(slot.sale);
            let told_ms = slot.shown.announced_ms.swap(now_ms, Ordering::Relaxed);
            sight.view.announcement = announcement(board, slot.sale, told_ms);
            // Taken under the lock under which it is marked, so that this frame and no other tells the change.
            Some((sight, slot.take_changed_at(), told_ms != now_ms))
        })
        .flatten()?;
    let shown = &slot.shown;
    if !announced && kind == Kind::Ahead && own_ms == 0 && shown.ahead.load(Ordering::Relaxed) == sight.view.ahead {
        return None;
    }
    if kind != Kind::First {
        let turned = shown.turn.load(Ordering::Relaxed) != sight.turn;
        sight.view.changed_at_ms = own_ms.max(if turned { sight.turned_at_ms } else { 0 });
    }
    sight.view.estimate = slot.telling().tell(&sight, sight.view.server_now_ms);
    at.room.outlook.tell(&mut sight.view, slot.sale, slot.entry);
    // Never a reason for a frame: within `alive_every_ms` there is one anyway, at each page's own moment.
    sight.view.log_head = at.room.heads.newer(slot.sale, shown.head_seq.load(Ordering::Relaxed));
    if let Some(head) = &sight.view.log_head {
        shown.head_seq.store(head.seq, Ordering::Relaxed);
    }
    showing(slot, &sight, at.hub.monotonic_ms());
    let changed_at_ms = sight.view.changed_at_ms;
    let push =
        Push { v: VERSION, epoch: sight.epoch, seq: sight.seq, message: push::Message::Place(Box::new(sight.view)) };
    let text = serde_json::to_string(&push).ok()?;
    Some((text, (changed_at_ms > 0).then_some(changed_at_ms)))
}

/// Hands a frame to the system. While it cannot be taken, the sweep may dismiss the socket; what becomes due meanwhile is
/// told afterwards, in one frame.
async fn send(at: &Entered, socket: &mut WebSocket, message: Message) -> Result<(), Farewell> {
    at.slot.stuck_ms.store(at.hub.monotonic_ms(), Ordering::Relaxed);
    let mut sending = pin!(socket.send(message));
    loop {
        tokio::select! {
            biased;
            sent = &mut sending => {
                at.slot.stuck_ms.store(0, Ordering::Relaxed);
                return sent.map_err(|_| Farewell::Gone);
            }
            () = at.slot.bell.notified() => if let Some(why) = at.slot.farewell() {
                return Err(why);
            },
        }
    }
}

/// Any frame is a sign of life.
async fn heard(at: &Entered, socket: &mut WebSocket, bucket: &mut Bucket, message: &Message) -> Result<(), Farewell> {
    if !bucket.take(at) {
        return Err(Farewell::Limited);
    }
    at.heard();
    let detail = match message {
        Message::Text(text) => match serde_json::from_str::<Pull>(text) {
            Ok(Pull { message: PullMessage::Ping, .. }) => None,
            Ok(Pull { message: PullMessage::Hello { .. }, .. }) => Some("hello is said once, as the first message"),
            Err(_) => Some("only `ping` is understood after hello"),
        },
        Message::Binary(_) => Some("messages are JSON texts"),
        _ => None,
    };
    if let Some(detail) = detail {
        let known = at.room.read(|board| look(board, at.slot.sale, at.slot.entry, at.slot.fan, 0)).flatten();
        let (epoch, seq) = known.map_or_else(Default::default, |sight| (sight.epoch, sight.seq));
        let message = push::Message::Problem { code: "invalid-request".to_owned(), detail: detail.to_owned() };
        let text = serde_json::to_string(&Push { v: VERSION, epoch, seq, message }).unwrap_or_default();
        send(at, socket, Message::text(text)).await?;
    }
    // The bell may have been heard while the answer was on its way.
    rung(at, socket).await
}

/// Limits what a client may say.
struct Bucket {
    left: f64,
    at_ms: u64,
}

impl Bucket {
    fn full(at: &Entered) -> Self {
        Self { left: f64::from(at.hub.config.messages_burst), at_ms: at.hub.monotonic_ms() }
    }

    fn take(&mut self, at: &Entered) -> bool {
        let (config, now_ms) = (&at.hub.config, at.hub.monotonic_ms());
        let gained = now_ms.saturating_sub(self.at_ms) as f64 * f64::from(config.messages_per_minute) / 60_000.0;
        self.left = (self.left + gained).min(f64::from(config.messages_burst)) - 1.0;
        self.at_ms = now_ms;
        self.left >= 0.0
    }
}
