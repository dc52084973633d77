//! An event's clicks: those that can only lose are told so from a look; the others are gathered for a moment, and held in one
//! transaction, one at a time.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chassis::clock::Clock;
use metrics::{counter, histogram};
use store::picks::{Pick, Picked};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::shop::Shop;
use crate::metrics::{PICK_SECONDS, PICKS};

/// Clicks of one event that wait, at most.
pub const WAITING_MAX: usize = 8_192;
/// Clicks held in one transaction, at most.
const BATCH: usize = 512;
/// Clicks whose seats seem to be gone, looked at at once, at most.
const LOST_BATCH: usize = 2_048;
/// How long the first click of a group waits for others.
const GATHER: Duration = Duration::from_millis(1);
/// How long a stopping process waits for clicks of requests that are still being answered.
const LINGER: Duration = Duration::from_millis(250);

/// What a fan wants to hold from now on.
#[derive(Debug)]
pub struct Click {
    pub place: Uuid,
    pub fan: Uuid,
    /// Ascending, distinct.
    pub seats: Vec<u32>,
    /// Whether it was found that the seats may be had after all, though they seemed to be gone.
    pub looked_at: bool,
    pub answer: oneshot::Sender<Answer>,
}

impl Click {
    /// Whether anybody waits for the answer: a request that was given up must not come after the next one.
    fn is_awaited(&self) -> bool {
        !self.answer.is_closed()
    }

    fn pick(&self, booking: Uuid, reference: String) -> Pick {
        Pick { place: self.place, fan: self.fan, booking, reference, seats: self.seats.clone() }
    }
}

/// What came of it.
#[derive(Debug)]
pub enum Answer {
    Picked(Picked),
    /// The store is away, or what is free is not known yet: nothing has changed.
    Away,
    /// Too many wait: nothing has changed.
    Busy,
    Broken,
}

/// Sorts what is clicked, until fans pick in the event no longer: whose seats seem to be gone is told so without waiting for those
/// who may get theirs; these go on to be held.
pub async fn sort(
    shop: Arc<Shop>,
    mut clicked: mpsc::Receiver<Click>,
    hopeful: mpsc::Sender<Click>,
    soft: CancellationToken,
) -> anyhow::Result<()> {
    // However this ends, even by a panic, nobody goes on clicking here.
    let _over = shop.over.clone().drop_guard();
    let mut group: Vec<Click> = Vec::with_capacity(LOST_BATCH);
    let mut stopping = false;
    loop {
        tokio::select! {
            taken = clicked.recv_many(&mut group, LOST_BATCH) => if taken == 0 { return Ok(()) },
            () = soft.cancelled(), if !stopping => stopping = true,
            () = shop.over.cancelled() => clicked.close(),
            // Closed first, so that nothing can come between the last look and the end; then what came is served.
            () = tokio::time::sleep(LINGER), if stopping => clicked.close(),
        }
        let go_on = |clicks: Vec<Click>| {
            for click in clicks {
                if let Err(full) = hopeful.try_send(click) {
                    answer_all(vec![full.into_inner()], "busy", || Answer::Busy);
                }
            }
        };
        group.retain(Click::is_awaited);
        let (lost, others) = group.drain(..).partition(|click| shop.seems_lost(click));
        go_on(others);
        go_on(answer_lost(&shop, lost).await);
    }
}

/// Answers those who cannot get what they want, and leaves those who may.
async fn answer_lost(shop: &Shop, mut group: Vec<Click>) -> Vec<Click> {
    if group.is_empty() {
        return group;
    }
    let Some(kept) = shop.kept() else {
        return answer_all(group, "away", || Answer::Away);
    };
    let picks: Vec<Pick> = group.iter().map(|click| click.pick(Uuid::nil(), String::new())).collect();
    let done = match shop.store.lost_picks(shop.event, &picks, &|seat| kept.contains(seat)).await {
        Ok(done) => done,
        Err(fault) => {
            tracing::warn!(event = %shop.event, %fault, "what is lost cannot be told for the moment");
            // The transaction judges, or says that it cannot.
            for click in &mut group {
                click.looked_at = true;
            }
            return group;
        }
    };
    let mut going_on = Vec::new();
    for (mut click, lost) in group.into_iter().zip(done) {
        if let Some(lost) = lost {
            tell(click, lost);
        } else {
            click.looked_at = true;
            going_on.push(click);
        }
    }
    going_on
}

/// Holds what is clicked, group by group, until nothing more can come. What seems lost by now is looked at again by `sort`.
pub async fn hold(shop: Arc<Shop>, clock: Clock, mut hopeful: mpsc::Receiver<Click>) -> anyhow::Result<()> {
    let _over = shop.over.clone().drop_guard();
    let mut group: Vec<Click> = Vec::with_capacity(BATCH);
    // Since it came somebody else may have got its seats.
    let take = |click: Click, group: &mut Vec<Click>| {
        if !click.is_awaited() {
            return;
        }
        match shop.seems_lost(&click).then(|| shop.clicks.try_reserve()) {
            Some(Ok(place)) => place.send(click),
            _ => group.push(click),
        }
    };
    loop {
        if group.is_empty() {
            let Some(first) = hopeful.recv().await else { return Ok(()) };
            if hopeful.is_empty() {
                tokio::time::sleep(GATHER).await;
            }
            take(first, &mut group);
        }
        while group.len() < BATCH {
            let Ok(next) = hopeful.try_recv() else { break };
            take(next, &mut group);
        }
        if group.is_empty() {
            continue;
        }
        let later = at_once(&mut group);
        group = serve(&shop, &clock, std::mem::take(&mut group)).await;
        group.extend(later);
    }
}

/// Leaves one click of each place in the group, the first; the others wait for the next.
fn at_once(group: &mut Vec<Click>) -> Vec<Click> {
    let mut places = HashSet::with_capacity(group.len());
    let (first, later) = group.drain(..).partition(|click| places.insert(click.place));
    *group = first;
    later
}

/// Holds a group and answers everyone in it but those who are to be asked again at once.
async fn serve(shop: &Shop, clock: &Clock, group: Vec<Click>) -> Vec<Click> {
    let began = Instant::now();
    let Some(kept) = shop.kept() else {
        return answer_all(group, "away", || Answer::Away);
    };
    let picks: Vec<Pick> =
        group.iter().map(|click| click.pick(chassis::ids::new(clock), chassis::ids::reference())).collect();
    let done = match shop.store.pick(shop.event, &picks, &|seat| kept.contains(seat)).await {
        Ok(done) => done,
        // Chance gave two bookings the same reference: nothing was held, and the next try draws anew.
        Err(fault) if fault.is_conflict("booking_reference_unique") => return group,
        Err(fault) if fault.is_away() => {
            tracing::warn!(event = %shop.event, %fault, clicks = group.len(), "nothing was held: the store is away");
            return answer_all(group, "away", || Answer::Away);
        }
        Err(fault) => {
            tracing::error!(event = %shop.event, %fault, clicks = group.len(), "nothing was held");
            return answer_all(group, "broken", || Answer::Broken);
        }
    };
    histogram!(PICK_SECONDS).record(began.elapsed());
    let mut again = Vec::new();
    for (click, picked) in group.into_iter().zip(done) {
        if picked == Picked::Again {
            again.push(click);
            continue;
        }
        tell(click, picked);
    }
    again
}

fn tell(click: Click, picked: Picked) {
    let outcome = match &picked {
        Picked::Held(_) => "held",
        Picked::Taken { .. } => "taken",
        _ => "refused",
    };
    counter!(PICKS, "outcome" => outcome).increment(1);
    // Who went away meanwhile holds the seats all the same.
    drop(click.answer.send(Answer::Picked(picked)));
}

fn answer_all(group: Vec<Click>, outcome: &'static str, answer: impl Fn() -> Answer) -> Vec<Click> {
    counter!(PICKS, "outcome" => outcome).increment(group.len() as u64);
    for click in group {
        drop(click.answer.send(answer()));
    }
    Vec::new()
}
