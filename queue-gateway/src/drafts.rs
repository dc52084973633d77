//! What promoters write, checked field by field, to and from the store's form.

use contracts::ids::{EventId, OrganisationId, SaleId};
use contracts::problem::Problem;
use contracts::sales::{
    AccessibleRelease, Beacon, Entry, Event, EventDraft, Ordering, Publication, Sale, SaleDraft, SaleState, Seating,
    Tier,
};
use domain::sale::State;
use domain::seats::Release;
use store::events;

/// The years 2000 to 2199, in milliseconds since 1970: outside are slips of a factor of a thousand.
pub const TIMES_MS: std::ops::RangeInclusive<i64> = 946_684_800_000..=7_258_118_399_999;

/// Faults found in a document, each beginning with its field.
#[derive(Debug, Default)]
pub struct Faults(Vec<String>);

impl Faults {
    /// One line of text.
    pub fn text(&mut self, field: &str, text: &str, max: usize) {
        self.must(
            !text.trim().is_empty() && text.chars().count() <= max && !text.chars().any(char::is_control),
            || format!("{field}: must be 1 to {max} characters, without line breaks"),
        );
    }

    pub fn time(&mut self, field: &str, at_ms: i64) {
        self.must(TIMES_MS.contains(&at_ms), || {
            format!("{field}: must be milliseconds since 1970, in the years 2000 to 2199")
        });
    }

    pub fn range(&mut self, field: &str, value: i64, range: std::ops::RangeInclusive<i64>) {
        self.must(range.contains(&value), || format!("{field}: must be {} to {}", range.start(), range.end()));
    }

    pub fn must(&mut self, holds: bool, fault: impl FnOnce() -> String) {
        if !holds {
            self.0.push(fault());
        }
    }

    /// Refuses the document if there are any.
    pub fn none(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::invalid(self.0.join("; ")).with_faults(self.0)) }
    }
}

/// Refuses an event that cannot be.
pub fn check_event(draft: &EventDraft) -> Result<(), Problem> {
    let mut faults = Faults::default();
    faults.text("name", &draft.name, 200);
    faults.text("venue", &draft.venue, 200);
    faults.time("starts_at_ms", draft.starts_at_ms);
    faults.must(is_zone(&draft.time_zone), || "time_zone: must be an IANA name, for example Europe/Berlin".to_owned());
    faults.must(draft.currency.len() == 3 && draft.currency.bytes().all(|b| b.is_ascii_uppercase()), || {
        "currency: must be three capital letters (ISO 4217), for example EUR".to_owned()
    });
    if let Some(most) = draft.tickets_per_person {
        faults.range("tickets_per_person", most.into(), 1..=1_000);
    }
    faults.none()
}

/// Refuses a sale that cannot be.
pub fn check_sale(draft: &SaleDraft) -> Result<(), Problem> {
    let mut faults = Faults::default();
    faults.text("name", &draft.name, 100);
    faults.time("opens_at_ms", draft.opens_at_ms);
    faults.time("closes_at_ms", draft.closes_at_ms);
    faults.must(draft.closes_at_ms > draft.opens_at_ms, || "closes_at_ms: must be after opens_at_ms".to_owned());
    if let Some(lobby_ms) = draft.lobby_opens_at_ms {
        faults.time("lobby_opens_at_ms", lobby_ms);
        let lobby = "lobby_opens_at_ms: must be before opens_at_ms, or left out for a sale without a lobby";
        faults.must(lobby_ms < draft.opens_at_ms, || lobby.to_owned());
    }
    if let Some(wait_ms) = draft.wait_ends_at_ms {
        faults.time("wait_ends_at_ms", wait_ms);
        let wait = "wait_ends_at_ms: must be after closes_at_ms, or left out to end the wait at the close";
        faults.must(wait_ms > draft.closes_at_ms, || wait.to_owned());
    }
    faults.must(draft.ordering != Ordering::DrawOnly || draft.lobby_opens_at_ms.is_some(), || {
        "ordering: draw_only needs a lobby; give lobby_opens_at_ms, or choose another ordering".to_owned()
    });
    faults.range("party_max", draft.party_max.into(), 1..=8);
    faults.range("rate_per_minute", draft.rate_per_minute.into(), 1..=600_000);
    faults.range("max_active", draft.max_active.into(), 1..=1_000_000);
    faults.range("hold_ttl_ms", draft.hold_ttl_ms, 2_000..=3_600_000);
    faults.range("extension_ms", draft.extension_ms, 0..=1_800_000);
    faults.range("grace_ms", draft.grace_ms, 0..=3_600_000);
    faults.range("presence_ms", draft.presence_ms, 5_000..=600_000);
    faults.range("shop_ms", draft.shop_ms, 10_000..=3_600_000);
    faults.range("gather_ms", draft.gather_ms, 0..=600_000);
    faults.range("answer_ms", draft.answer_ms, 2_000..=600_000);
    if let Some(allotment) = draft.allotment {
        faults.range("allotment", allotment.into(), 1..=1_000_000);
    }
    if let Some(after_s) = draft.unprovable_after_s {
        faults.range("unprovable_after_s", after_s.into(), 60..=86_400);
        faults.must(draft.beacon == Beacon::Public, || {
            "unprovable_after_s: leave it out where beacon is none; such a draw waits for nothing".to_owned()
        });
    }
    faults.none()
}

/// Whether a text looks like an IANA time zone: words of letters, digits, `_`, `+` and `-`, at most three, between slashes.
fn is_zone(zone: &str) -> bool {
    let word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic())
            && word.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+-".contains(&b))
    };
    zone.len() <= 64 && zone.split('/').count() <= 3 && zone.split('/').all(word)
}

/// As the store keeps it.
pub fn event_to_store(draft: &EventDraft) -> events::EventDraft {
    events::EventDraft {
        name: draft.name.clone(),
        venue: draft.venue.clone(),
        starts_at_ms: draft.starts_at_ms,
        time_zone: draft.time_zone.clone(),
        currency: draft.currency.clone(),
        accessible_release: draft.accessible_release.map(|release| match release {
            AccessibleRelease::House => Release::House,
            AccessibleRelease::Section => Release::Section,
            AccessibleRelease::Tier => Release::Tier,
            AccessibleRelease::Never => Release::Never,
        }),
        tickets_per_person: draft.tickets_per_person,
    }
}

/// As the store keeps it.
pub fn sale_to_store(draft: &SaleDraft) -> events::SaleDraft {
    events::SaleDraft {
        name: draft.name.clone(),
        lobby_opens_at_ms: draft.lobby_opens_at_ms,
        opens_at_ms: draft.opens_at_ms,
        closes_at_ms: draft.closes_at_ms,
        wait_ends_at_ms: draft.wait_ends_at_ms,
        ordering: match draft.ordering {
            Ordering::DrawThenFifo => events::Ordering::DrawThenFifo,
            Ordering::Fifo => events::Ordering::Fifo,
            Ordering::DrawOnly => events::Ordering::DrawOnly,
            Ordering::InvitedFirst => events::Ordering::InvitedFirst,
        },
        entry: match draft.entry {
            Entry::Open => store::entry::Entry::Open,
            Entry::Account => store::entry::Entry::Account,
            Entry::Code => store::entry::Entry::Code,
            Entry::Invited => store::entry::Entry::Invited,
        },
        seating: match draft.seating {
            Seating::Assign => events::Seating::Assign,
            Seating::Pick => events::Seating::Pick,
        },
        shop_ms: draft.shop_ms,
        party_max: draft.party_max,
        rate_per_minute: draft.rate_per_minute,
        max_active: draft.max_active,
        hold_ttl_ms: draft.hold_ttl_ms,
        extension_ms: draft.extension_ms,
        grace_ms: draft.grace_ms,
        presence_ms: draft.presence_ms,
        gather_ms: draft.gather_ms,
        answer_ms: draft.answer_ms,
        rejoin: draft.rejoin,
        allotment: draft.allotment,
        beacon: draft.beacon == Beacon::Public,
        unprovable_after_s: draft.unprovable_after_s,
    }
}

const fn publication(published: bool) -> Publication {
    if published { Publication::Published } else { Publication::Draft }
}

/// As it is answered. Drafts of sales are shown to members only.
pub fn event(row: events::EventRow, with_drafts: bool) -> Event {
    Event {
        event_id: EventId(row.id),
        organisation_id: OrganisationId(row.organisation),
        draft: EventDraft {
            name: row.draft.name,
            venue: row.draft.venue,
            starts_at_ms: row.draft.starts_at_ms,
            time_zone: row.draft.time_zone,
            currency: row.draft.currency,
            accessible_release: row.draft.accessible_release.map(|release| match release {
                Release::House => AccessibleRelease::House,
                Release::Section => AccessibleRelease::Section,
                Release::Tier => AccessibleRelease::Tier,
                Release::Never => AccessibleRelease::Never,
            }),
            tickets_per_person: row.draft.tickets_per_person,
        },
        publication: publication(row.published),
        version: row.version,
        tiers: row
            .tiers
            .into_iter()
            .map(|tier| Tier {
                id: tier.code,
                name: tier.name,
                price_minor: tier.price_minor,
                fee_minor: tier.fee_minor,
                capacity: tier.capacity,
            })
            .collect(),
        capacity: row.capacity,
        sales: row.sales.into_iter().filter(|sale| with_drafts || sale.published).map(sale).collect(),
    }
}

const fn state(state: State) -> SaleState {
    match state {
        State::Scheduled => SaleState::Scheduled,
        State::Lobby => SaleState::Lobby,
        State::Drawing => SaleState::Drawing,
        State::Open => SaleState::Open,
        State::Paused => SaleState::Paused,
        State::Closing => SaleState::Closing,
        State::Closed => SaleState::Closed,
        State::SoldOut => SaleState::SoldOut,
    }
}

/// As it is answered.
pub fn sale(row: events::SaleRow) -> Sale {
    let draft = row.draft;
    Sale {
        sale_id: SaleId(row.id),
        event_id: EventId(row.event),
        draft: SaleDraft {
            name: draft.name,
            lobby_opens_at_ms: draft.lobby_opens_at_ms,
            opens_at_ms: draft.opens_at_ms,
            closes_at_ms: draft.closes_at_ms,
            wait_ends_at_ms: draft.wait_ends_at_ms,
            ordering: match draft.ordering {
                events::Ordering::DrawThenFifo => Ordering::DrawThenFifo,
                events::Ordering::Fifo => Ordering::Fifo,
                events::Ordering::DrawOnly => Ordering::DrawOnly,
                events::Ordering::InvitedFirst => Ordering::InvitedFirst,
            },
            entry: match draft.entry {
                store::entry::Entry::Open => Entry::Open,
                store::entry::Entry::Account => Entry::Account,
                store::entry::Entry::Code => Entry::Code,
                store::entry::Entry::Invited => Entry::Invited,
            },
            seating: match draft.seating {
                events::Seating::Assign => Seating::Assign,
                events::Seating::Pick => Seating::Pick,
            },
            shop_ms: draft.shop_ms,
            party_max: draft.party_max,
            rate_per_minute: draft.rate_per_minute,
            max_active: draft.max_active,
            hold_ttl_ms: draft.hold_ttl_ms,
            extension_ms: draft.extension_ms,
            grace_ms: draft.grace_ms,
            presence_ms: draft.presence_ms,
            gather_ms: draft.gather_ms,
            answer_ms: draft.answer_ms,
            rejoin: draft.rejoin,
            allotment: draft.allotment,
            beacon: if draft.beacon { Beacon::Public } else { Beacon::None },
            unprovable_after_s: draft.unprovable_after_s,
        },
        publication: publication(row.published),
        state: row.state.map_or(SaleState::Draft, state),
        pause_reason: row.pause_reason,
        stopped: row.stopped,
        version: row.version,
        server_now_ms: row.now_ms,
    }
}

#[cfg(test)]
mod tests {
    use super::is_zone;

    #[test]
    fn zones_look_like_zones() {
        for right in ["UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires", "Etc/GMT+5"] {
            assert!(is_zone(right), "{right}");
        }
        for wrong in ["", "/", "Europe/", "+02:00", "Europe/Berlin; drop", "a/b/c/d"] {
            assert!(!is_zone(wrong), "{wrong}");
        }
    }
}
