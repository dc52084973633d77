//! How a sale of a size is run so that it ends in time: short holds, and a pace that sells all in a minute or two.

use contracts::sales::{Entry, Ordering, SaleDraft};

/// The sale's shape.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Standing places among the seats.
    pub standing: u32,
    /// The pace.
    pub rate_per_minute: u32,
    /// How many may be inside at once.
    pub max_active: u32,
    /// About how long the sale lasts.
    pub lasts_ms: u64,
}

impl Shape {
    /// For so many seats, sold over so many seconds, or as fast as a small machine can.
    #[must_use]
    pub fn new(seats: u32, lasts_s: Option<u32>) -> Self {
        let lasts_s = lasts_s.unwrap_or_else(|| (30 + seats / 40).clamp(35, 110));
        // A party takes about 2.6 seats, and two of three people let in buy.
        let admissions = seats * 10 / 26 * 3 / 2;
        let rate_per_minute = (admissions * 60 / lasts_s).clamp(90, 600_000);
        Self {
            standing: seats * 15 / 100,
            rate_per_minute,
            max_active: rate_per_minute.max(100),
            lasts_ms: u64::from(lasts_s) * 1_000,
        }
    }

    /// The sale as the promoter writes it.
    #[must_use]
    pub fn draft(&self, opens_at_ms: i64, closes_at_ms: i64) -> SaleDraft {
        SaleDraft {
            name: "General sale".to_owned(),
            lobby_opens_at_ms: None,
            opens_at_ms,
            closes_at_ms,
            wait_ends_at_ms: None,
            ordering: Ordering::DrawThenFifo,
            entry: Entry::Open,
            seating: contracts::sales::Seating::Assign,
            shop_ms: 10_000,
            party_max: 6,
            rate_per_minute: self.rate_per_minute,
            max_active: self.max_active,
            hold_ttl_ms: 7_000,
            extension_ms: 4_000,
            grace_ms: 2_000,
            presence_ms: 6_000,
            gather_ms: 1_500,
            answer_ms: 3_000,
            rejoin: true,
            allotment: None,
            beacon: contracts::sales::Beacon::Public,
            unprovable_after_s: None,
        }
    }
}
