//! What a fan is told, computed from the board: the same for sockets and polls.

use std::collections::BTreeMap;

use contracts::announcements::Announcement;
use contracts::bookings::ExchangeState;
use contracts::ids::BookingId;
use contracts::places::{HoldView, PlaceState, Question, Seq, View};
use contracts::sales::SaleState;
use domain::estimate::Range;
use store::exchanges::ExchangeNow;
use store::feed::{Ending, HoldNow, HoldState, SaleNow};
use store::mirror::{SaleMirror, Standing};
use uuid::Uuid;

use crate::board::Board;

/// A place as this node sees it, and as of when.
#[derive(Debug)]
pub struct Sight {
    /// The rebuild of the event's copy in Redis.
    pub epoch: i64,
    /// What this node has seen.
    pub seq: Seq,
    /// What the fan is told; `changed_at_ms` is 0, the estimate is left to [`crate::telling`], the head to [`crate::heads`].
    pub view: View,
    /// The wait as it is estimated now.
    pub fresh: Option<Range>,
    /// The rate that the estimate is of.
    pub rate_version: i64,
    /// The sale's turn behind it.
    pub turn: u64,
    /// When that turn was decided.
    pub turned_at_ms: i64,
}

/// The place as of what the board knows, for a fan who has or once had it; nothing while the board does not know it.
pub fn look(board: &Board, sale_id: Uuid, entry: i64, fan: Uuid, now_ms: i64) -> Option<Sight> {
    let mirror = &board.mirror;
    let sale = mirror.sales.get(&sale_id)?;
    let pulse = board.pulse(sale_id)?;
    if sale.order.last() < entry {
        return None;
    }
    let standing = sale.place(entry).standing;
    let (state, booking) = match standing {
        _ if !sale.is_with(entry, fan) => (PlaceState::Transferred, None),
        Standing::Waiting => (PlaceState::Waiting, None),
        Standing::Skipped => (PlaceState::Skipped, None),
        Standing::Standing => (PlaceState::Standing, None),
        Standing::Holding(booking) => (PlaceState::Holding, Some(booking)),
        Standing::Ended(how, booking) => (ended(how), booking),
    };
    let in_line = matches!(state, PlaceState::Waiting | PlaceState::Skipped);
    let ahead = if in_line { ahead(sale, entry) } else { 0 };
    let hold = match standing {
        Standing::Holding(booking) if state == PlaceState::Holding => {
            mirror.holds.get(&booking).map(|hold| hold_view(hold, &sale.now, now_ms))
        }
        _ => None,
    };
    let told = sale.told.get(&entry).filter(|_| state == PlaceState::Standing);
    let shops_until_ms = told.and_then(|told| told.shops_until_ms);
    let view = View {
        state,
        ahead,
        waiting: sale.order.waiting(),
        estimate: None,
        chances: Vec::new(),
        sold_out_for_you: false,
        sale: pulse.state(),
        pause_reason: pulse.pause_reason(),
        announcement: None,
        log_head: None,
        stopped: pulse.stopped(),
        opens_at_ms: matches!(pulse.state(), SaleState::Scheduled | SaleState::Lobby).then_some(sale.now.opens_at_ms),
        hold,
        shops_until_ms: shops_until_ms.map(|until_ms| sale.now.told_deadline_ms(until_ms, now_ms)),
        shops_frozen: shops_until_ms.and(sale.now.frozen.as_ref()).map(|frozen| frozen.reason.clone()),
        kept_until_ms: told.and_then(|told| told.gathers_until_ms).filter(|until_ms| *until_ms > now_ms),
        question: told
            .and_then(|told| told.question.as_ref())
            .filter(|asked| asked.until_ms > now_ms)
            .map(|asked| Box::new(question(asked))),
        booking_id: booking.map(BookingId),
        changed_at_ms: 0,
        server_now_ms: now_ms,
    };
    let seq = Seq { joins: sale.joins, pace: sale.pace, seats: mirror.seats };
    Some(Sight {
        epoch: mirror.epoch,
        seq,
        view,
        fresh: pulse.wait(ahead).filter(|_| in_line),
        rate_version: pulse.rate_version,
        turn: pulse.turn,
        turned_at_ms: pulse.changed_at_ms,
    })
}

/// What is announced in the sale, with its texts unless the page was told them.
pub fn announcement(board: &Board, sale: Uuid, told_ms: i64) -> Option<Announcement> {
    let now = board.mirror.sales.get(&sale)?.now.announcement.as_ref()?;
    let texts = if now.at_ms == told_ms { BTreeMap::new() } else { now.texts.clone() };
    Some(Announcement { at_ms: now.at_ms, texts })
}

/// How many are ahead. Nobody in the lobby has a number before all have one: until then nobody is.
pub fn ahead(sale: &SaleMirror, entry: i64) -> u64 {
    if sale.course().awaits_draw() { 0 } else { sale.order.ahead(entry) }
}

/// Whether nothing more is expected of a place in this state.
pub const fn is_over(state: PlaceState) -> bool {
    !matches!(state, PlaceState::Waiting | PlaceState::Skipped | PlaceState::Standing | PlaceState::Holding)
}

const fn ended(how: Ending) -> PlaceState {
    match how {
        Ending::Booked => PlaceState::Booked,
        Ending::Lapsed => PlaceState::Lapsed,
        Ending::Released => PlaceState::Released,
        Ending::Failed => PlaceState::Failed,
        Ending::Left => PlaceState::Left,
        Ending::Removed => PlaceState::Removed,
        Ending::SoldOut => PlaceState::SoldOut,
        Ending::Idle => PlaceState::Idle,
        Ending::Refunded => PlaceState::Refunded,
    }
}

fn question(asked: &store::feed::Question) -> Question {
    let store::feed::Question { seats, tiers, apart, until_ms } = asked.clone();
    Question { seats, tiers, apart, until_ms }
}

fn hold_view(hold: &HoldNow, sale: &SaleNow, now_ms: i64) -> HoldView {
    HoldView {
        booking_id: BookingId(hold.booking),
        deadline_ms: sale.told_deadline_ms(hold.deadline_ms, now_ms),
        frozen: sale.frozen.as_ref().map(|frozen| frozen.reason.clone()),
        seats: hold.seats.len() as u32,
        paying: hold.state != HoldState::Held,
        declined: hold.declined,
        can_extend: !hold.extended && matches!(hold.state, HoldState::Held | HoldState::Paying),
        exchange: (hold.state == HoldState::Held && !sale.picks).then(|| exchange(hold.exchange)),
    }
}

/// What a fan is told of an exchange of held seats.
const fn exchange(now: ExchangeNow) -> ExchangeState {
    match now {
        ExchangeNow::Not => ExchangeState::Possible,
        ExchangeNow::Asked => ExchangeState::Looking,
        ExchangeNow::Nothing => ExchangeState::Nothing,
        ExchangeNow::Done => ExchangeState::Done,
    }
}
