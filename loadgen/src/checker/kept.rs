//! Check that nothing acknowledged is lost: places, admissions, holds, bookings, tickets.

use std::collections::BTreeMap;

use contracts::bookings::BookingState;
use contracts::places::PlaceState;

use super::tales::{HoldTale, PlaceTale, is_end};
use super::{History, Tales};
use crate::crowd::diary::What;

/// What a fan was told stays true: their place is found again, never goes back a step, and a paid booking keeps its tickets.
#[must_use]
pub fn acknowledged_not_lost(history: &History, tales: &Tales<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for story in &history.stories {
        for record in &story.records {
            match &record.what {
                What::Lost { place, code } => {
                    found.push(format!("fan {} asked for {place} and got: {code}", story.fan));
                }
                What::Found { asked, place, entry, state } => {
                    let Some(tale) = tales.places.get(place) else {
                        found.push(format!("fan {} asked for {asked} and got {place}, never given before", story.fan));
                        continue;
                    };
                    if !tale.fans.contains(&story.fan) {
                        found.push(format!(
                            "fan {} asked for {asked} and got {place} of fans {:?}",
                            story.fan, tale.fans
                        ));
                    }
                    if !tale.entries.contains(entry) {
                        found.push(format!("{place} was entry {:?} and is now {entry}", tale.entries));
                    }
                    let end = tale.sights.iter().rev().map(|seen| seen.sight.state).find(|state| is_end(*state));
                    if let Some(end) = end.filter(|end| undone(*end, *state)) {
                        found.push(format!("{place} had ended as {end:?} and is now {state:?}"));
                    }
                }
                _ => {}
            }
        }
    }
    for (id, tale) in &tales.places {
        if let Some((before, after)) = step_back(tale) {
            found.push(format!("{id} was {before:?}, then {after:?}"));
        }
    }
    for (id, hold) in &tales.holds {
        if let Some(what) = ticket_lost(hold) {
            found.push(format!("{id} of fan {} {what}", hold.fan));
        }
    }
    found
}

/// Whether an end was taken back. Only money arriving too late may turn one unpaid end into a booking or a refund.
const fn undone(end: PlaceState, now: PlaceState) -> bool {
    match end {
        PlaceState::Booked => !matches!(now, PlaceState::Booked | PlaceState::Refunded),
        _ => !is_end(now),
    }
}

const fn rank(state: PlaceState) -> u8 {
    match state {
        PlaceState::Waiting | PlaceState::Skipped => 0,
        PlaceState::Standing => 1,
        PlaceState::Holding => 2,
        _ => 3,
    }
}

/// A step back seen through one window.
fn step_back(tale: &PlaceTale<'_>) -> Option<(PlaceState, PlaceState)> {
    let mut last: BTreeMap<u8, PlaceState> = BTreeMap::new();
    for seen in &tale.sights {
        let now = seen.sight.state;
        if let Some(before) = last.insert(seen.eye, now)
            && (rank(now) < rank(before) || (is_end(before) && undone(before, now)))
        {
            return Some((before, now));
        }
    }
    None
}

fn ticket_lost(hold: &HoldTale<'_>) -> Option<String> {
    let mut paid: Option<Vec<_>> = None;
    let mut looks = hold.looks.clone();
    looks.sort_by_key(|look| look.server_now_ms);
    for look in looks {
        let tickets: Vec<_> = look.tickets.iter().map(|ticket| ticket.ticket).collect();
        match (&paid, look.state) {
            (Some(before), BookingState::Paid) if *before != tickets => return Some("changed its tickets".to_owned()),
            (_, BookingState::Paid) => paid = Some(tickets),
            (_, BookingState::Refunded) => return None,
            (Some(_), state) => return Some(format!("was paid and is now {state:?}")),
            (None, _) => {}
        }
    }
    let newest = hold.newest()?;
    (hold.booked_ms.is_some() && newest.state != BookingState::Paid && newest.server_now_ms > hold.booked_ms?)
        .then(|| format!("was shown as booked and is {:?}", newest.state))
}

#[cfg(test)]
mod tests {
    use contracts::bookings::BookingState;
    use contracts::places::PlaceState;

    use crate::checker::scene::{self, told};
    use crate::crowd::diary::What;

    const NAME: &str = "acknowledged-not-lost";

    #[test]
    fn a_place_that_is_not_found_again_is_told() {
        let mut history = scene::clean();
        let lost = What::Lost { place: scene::place(4), code: "not-found".to_owned() };
        history.stories[4].records.push(scene::at(20_000, lost));
        assert!(told(&history, NAME).contains("got: not-found"));
    }

    #[test]
    fn another_place_or_entry_is_told() {
        let mut history = scene::clean();
        scene::each(&mut history, 4, |what| {
            if let What::Found { entry, .. } = what {
                *entry = 99;
            }
        });
        assert!(told(&history, NAME).contains("is now 99"));
        scene::each(&mut history, 4, |what| {
            if let What::Found { place, entry, .. } = what {
                (*place, *entry) = (scene::place(0), 1);
            }
        });
        assert!(told(&history, NAME).contains("of fans [0]"));
    }

    #[test]
    fn an_admission_taken_back_is_told() {
        let mut history = scene::clean();
        history.stories[3].records.push(scene::waiting(20_000, 3, 0));
        assert!(told(&history, NAME).contains("was Booked, then Waiting"));
    }

    #[test]
    fn a_paid_booking_that_is_paid_no_more_is_told() {
        let mut history = scene::clean();
        let mut later = scene::look(0, 1, BookingState::Lapsed, 30_000);
        later.tickets.clear();
        history.stories[0].records.push(scene::at(30_000, What::Booking(later)));
        assert!(told(&history, NAME).contains("was paid and is now Lapsed"));
    }

    #[test]
    fn an_end_taken_back_is_told() {
        let mut history = scene::clean();
        scene::each(&mut history, 1, |what| {
            if let What::Found { state, .. } = what {
                *state = PlaceState::Holding;
            }
        });
        assert!(told(&history, NAME).contains("had ended as Lapsed and is now Holding"), "{}", told(&history, NAME));
    }
}
