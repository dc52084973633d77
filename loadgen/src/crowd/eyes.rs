//! A fan's windows onto a place: sockets that come back by themselves, or polling. A window is a task of its own, so that the
//! moment of a message is the moment it came, whatever the fan is doing.

use std::sync::Arc;
use std::time::Duration;

use chassis::retry::Backoff;
use chassis::secret::{Secret, unreadable_json};
use contracts::ids::PlaceId;
use contracts::log::ToldHead;
use contracts::places::{Listen, Seq, View};
use contracts::push::{Message as Said, Pull, PullMessage, Push, VERSION, close};
use futures_util::{SinkExt as _, StreamExt as _};
use serde::Deserialize;
use tokio::sync::watch;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::diary::{Diary, Sight, Via, What};
use super::live::Live;
use crate::api::caller::{Ears as _, Refusal};
use crate::api::socket::{self, NoSocket, Socket};
use crate::api::{Answer, Ask, Caller};

/// A poll that takes longer is a gap in the watching.
const GAP_MS: i64 = 1_000;

/// What a window is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Watch. Another number than before: lose the socket first, as a tunnel or a changed network does.
    Look(u32),
    /// Close it and stay silent.
    Away,
}

/// The newest that was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct News {
    /// The sale's epoch.
    pub epoch: i64,
    /// What the node had seen.
    pub seq: Seq,
    /// The place.
    pub view: View,
}

/// The answer to a poll.
#[derive(Debug, Deserialize)]
struct Polled {
    epoch: i64,
    seq: Seq,
    view: View,
}

/// A window.
#[derive(Debug, Clone)]
pub struct Eye {
    /// Its number among the fan's.
    pub number: u8,
    /// From where.
    pub caller: Caller,
    /// Which place.
    pub place: PlaceId,
    /// The paper that opens it.
    pub receipt: Secret,
    /// Where to listen.
    pub listen: Listen,
    /// What the join's answer had seen.
    pub seq: Seq,
    /// How often to give a sign of life at least.
    pub sign_every: Duration,
    /// Where to write.
    pub diary: Diary,
    /// The crowd's numbers.
    pub live: Arc<Live>,
}

enum Ended {
    /// Come back after this.
    Again(Duration),
    /// Never with this paper.
    Never,
}

impl Eye {
    /// Watches by socket until the orders' sender is gone or the place's news are over.
    pub async fn watch(self, mut orders: watch::Receiver<Order>, news: watch::Sender<Option<News>>) {
        let mut backoff = Backoff::new(50, 1_000);
        let mut last: Option<(i64, Seq)> = None;
        loop {
            while *orders.borrow_and_update() == Order::Away {
                if orders.changed().await.is_err() {
                    return;
                }
            }
            let url = self.listen.socket.clone();
            let wait = match socket::connect(&url, self.caller.device.source).await {
                Ok(socket) => {
                    backoff.reset();
                    match self.attend(socket, &mut orders, &news, &mut last).await {
                        Some(Ended::Again(wait)) => wait + backoff.delay(),
                        Some(Ended::Never) => return,
                        None => continue,
                    }
                }
                Err(NoSocket::Refused(status, wait_s)) => {
                    self.refused(status, "upgrade", wait_s.is_some());
                    Duration::from_secs(wait_s.unwrap_or(0).min(10)) + backoff.delay()
                }
                Err(NoSocket::Failed(reason)) => {
                    self.refused(0, &reason, false);
                    backoff.delay()
                }
            };
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                changed = orders.changed() => if changed.is_err() { return },
            }
        }
    }

    fn refused(&self, status: u16, code: &str, retry_after: bool) {
        let what = "socket".to_owned();
        self.diary.refused(Refusal { what, status, code: code.to_owned(), retry_after, expected: false });
    }

    /// Reads a socket until it or the orders change. Nothing: the orders changed.
    async fn attend(
        &self,
        mut socket: Socket,
        orders: &mut watch::Receiver<Order>,
        news: &watch::Sender<Option<News>>,
        last: &mut Option<(i64, Seq)>,
    ) -> Option<Ended> {
        let hello = PullMessage::Hello {
            receipt: self.receipt.expose().to_owned(),
            epoch: last.map(|(epoch, _)| epoch),
            seq: Some(last.map_or(self.seq, |(_, seq)| seq)),
            estimate: None,
        };
        if socket.send(said(hello)).await.is_err() {
            return Some(Ended::Again(Duration::ZERO));
        }
        let mut sign = tokio::time::interval(self.sign_every);
        sign.tick().await;
        let mut greeted = false;
        let ended = loop {
            tokio::select! {
                changed = orders.changed() => {
                    drop(changed);
                    break None;
                }
                _ = sign.tick() => if socket.send(said(PullMessage::Ping)).await.is_err() {
                    break Some(Ended::Again(Duration::ZERO));
                },
                message = socket.next() => {
                    let at_ms = self.caller.clock.now_ms();
                    match message {
                        Some(Ok(Message::Text(text))) => {
                            let via = if greeted { Via::Push } else { Via::First };
                            if !greeted {
                                greeted = true;
                                self.diary.note_at(at_ms, What::Connected { eye: self.number, place: self.place });
                            }
                            self.read(&text, at_ms, via, news, last);
                        }
                        Some(Ok(Message::Close(frame))) => break Some(self.closed(frame)),
                        Some(Ok(_)) => {}
                        Some(Err(_)) | None => break Some(Ended::Again(Duration::ZERO)),
                    }
                }
            }
        };
        if greeted {
            self.diary.note(What::Gone { eye: self.number, place: self.place });
        }
        if ended.is_none() && !matches!(*orders.borrow(), Order::Look(_)) {
            // Going away on purpose is said; a lost network is not.
            let _ = tokio::time::timeout(Duration::from_secs(1), socket.close(None)).await;
        }
        ended
    }

    fn read(
        &self,
        text: &str,
        at_ms: i64,
        via: Via,
        news: &watch::Sender<Option<News>>,
        last: &mut Option<(i64, Seq)>,
    ) {
        match serde_json::from_str::<Push>(text) {
            Ok(Push { epoch, seq, message: Said::Place(view), .. }) => {
                *last = Some((epoch, seq));
                self.saw(at_ms, via, News { epoch, seq, view: *view }, news);
            }
            // Whoever picks asks for the map when they need it.
            Ok(Push { message: Said::Seats(_), .. }) => {}
            Ok(Push { message: Said::Problem { code, .. }, .. }) => self.refused(422, &code, false),
            Err(fault) => self.refused(500, &format!("unreadable push: {}", unreadable_json(&fault)), false),
        }
    }

    fn saw(&self, at_ms: i64, via: Via, new: News, news: &watch::Sender<Option<News>>) {
        let sight = Sight::from(&new.view);
        self.diary.note_at(
            at_ms,
            What::Saw { eye: self.number, via, place: self.place, epoch: new.epoch, seq: new.seq, sight },
        );
        if let Some(head) = &new.view.log_head {
            self.diary.note_at(at_ms, What::TheHead(ToldHead::clone(head)));
        }
        if !matches!(new.view.state, contracts::places::PlaceState::Waiting) {
            self.live.moved(new.view.changed_at_ms);
        }
        // Windows may be served by nodes that are not equally far: what is older does not replace what is newer.
        news.send_if_modified(|newest| {
            let newer = newest.as_ref().is_none_or(|old| new.seq.covers(&old.seq) || new.epoch > old.epoch);
            if newer {
                *newest = Some(new);
            }
            newer
        });
    }

    fn closed(&self, frame: Option<CloseFrame>) -> Ended {
        let Some(frame) = frame else { return Ended::Again(Duration::ZERO) };
        match u16::from(frame.code) {
            close::GOING_AWAY => {
                // "After `reason` milliseconds, spread out": somewhere within them.
                let within_ms = frame.reason.parse::<u64>().unwrap_or(500).min(10_000);
                Ended::Again(Backoff::new(within_ms, within_ms).delay())
            }
            close::BAD_RECEIPT => {
                self.refused(close::BAD_RECEIPT, "bad-receipt", false);
                Ended::Never
            }
            close::ENDED => Ended::Never,
            close::LIMITED => {
                self.refused(429, "socket-limited", true);
                Ended::Again(Duration::from_secs(10))
            }
            _ => Ended::Again(Duration::ZERO),
        }
    }

    /// Polls until the orders' sender is gone.
    pub async fn poll(self, mut orders: watch::Receiver<Order>, news: watch::Sender<Option<News>>) {
        let mut last = (0, self.seq);
        let mut greeted = false;
        let every = self.sign_every.min(Duration::from_millis(1_500));
        loop {
            let looking = matches!(*orders.borrow_and_update(), Order::Look(_));
            if looking {
                let (epoch, seq) = last;
                let url = format!(
                    "{}?epoch={epoch}&joins={}&pace={}&seats={}",
                    self.listen.poll, seq.joins, seq.pace, seq.seats
                );
                let ask = Ask::new("poll", reqwest::Method::GET, url).bearer(self.receipt.expose());
                let asked_ms = self.caller.clock.now_ms();
                match self.caller.send::<Polled>(ask, &self.diary).await {
                    Answer::Ok(_, polled) => {
                        let at_ms = self.caller.clock.now_ms();
                        // Whoever waits so long for an answer was not heard of meanwhile.
                        if greeted && at_ms - asked_ms > GAP_MS {
                            greeted = false;
                            self.diary.note_at(asked_ms, What::Gone { eye: self.number, place: self.place });
                        }
                        if !greeted {
                            greeted = true;
                            self.diary.note_at(at_ms, What::Connected { eye: self.number, place: self.place });
                        }
                        last = (polled.epoch, polled.seq);
                        self.saw(
                            at_ms,
                            Via::Poll,
                            News { epoch: polled.epoch, seq: polled.seq, view: polled.view },
                            &news,
                        );
                    }
                    Answer::Refused(problem) => {
                        self.diary.note(What::Lost { place: self.place, code: problem.code.clone() });
                        return;
                    }
                    Answer::GaveUp => {}
                }
            } else if greeted {
                greeted = false;
                self.diary.note(What::Gone { eye: self.number, place: self.place });
            }
            tokio::select! {
                () = tokio::time::sleep(every) => {}
                changed = orders.changed() => if changed.is_err() { return },
            }
        }
    }
}

fn said(message: PullMessage) -> Message {
    let text = serde_json::to_string(&Pull { v: VERSION, message }).unwrap_or_default();
    Message::text(text)
}
