//! Seat maps to sell: an arena of any size, in four tiers, with aisles, wheelchair places and a standing area.

use contracts::seat_map::{FORMAT, MapSeat, MapTier, Row, SeatMap, Section, StandingArea};

/// A ring of blocks: what fans call it, its tier, its share of the seats in percent, the seats in one of its rows.
const RINGS: [(&str, &str, u32, u32); 4] = [
    ("Front", "front", 15, 24),
    ("Lower", "lower", 30, 28),
    ("Upper", "upper", 35, 32),
    ("Gallery", "gallery", 20, 30),
];
/// Rows in a block.
const ROWS: u32 = 20;

fn tier(id: &str, name: &str, price_minor: i64) -> MapTier {
    MapTier { id: id.to_owned(), name: name.to_owned(), price_minor, fee_minor: price_minor / 20, color: None }
}

/// An arena with `seated` seats and `standing` standing places.
#[must_use]
pub fn arena(name: &str, seated: u32, standing: u32) -> SeatMap {
    let tiers = vec![
        tier("front", "Front block", 14_500),
        tier("lower", "Lower tier", 9_800),
        tier("upper", "Upper tier", 6_400),
        tier("gallery", "Gallery", 3_900),
        tier("floor", "Standing floor", 7_900),
    ];
    let mut sections = Vec::new();
    let mut left = seated;
    for (place, (ring, tier, share, width)) in RINGS.into_iter().enumerate() {
        let last = place + 1 == RINGS.len();
        let seats = if last { left } else { (seated * share / 100).min(left) };
        left -= seats;
        sections.extend(ring_of_blocks(ring, tier, seats, width, f64::from(place as u32)));
    }
    let standing =
        (standing > 0).then(|| StandingArea { name: "Floor".to_owned(), tier: "floor".to_owned(), capacity: standing });
    let standing: Vec<_> = standing.into_iter().collect();
    let used = |tier: &MapTier| {
        standing.iter().any(|area| area.tier == tier.id)
            || sections.iter().flat_map(|s: &Section| &s.rows).flat_map(|r| &r.seats).any(|seat| seat.tier == tier.id)
    };
    let tiers = tiers.into_iter().filter(used).collect();
    SeatMap { format: FORMAT.to_owned(), name: name.to_owned(), tiers, sections, standing, ..SeatMap::default() }
}

fn ring_of_blocks(ring: &str, tier: &str, seats: u32, width: u32, ring_number: f64) -> Vec<Section> {
    let mut blocks = Vec::new();
    let mut left = seats;
    while left > 0 {
        let block = blocks.len() as u32;
        let mut rows = Vec::new();
        while left > 0 && (rows.len() as u32) < ROWS {
            let row = rows.len() as u32;
            let in_row = left.min(width);
            left -= in_row;
            let seats = (0..in_row).map(|seat| MapSeat {
                label: (seat + 1).to_string(),
                tier: tier.to_owned(),
                x: f64::from(block * (width + 4) + seat),
                y: ring_number * f64::from(ROWS + 4) + f64::from(row),
                aisle_after: seat + 1 == in_row / 2 && in_row > 8,
                accessible: row == 0 && seat == 0 && in_row == width,
                ..MapSeat::default()
            });
            rows.push(Row { label: (row + 1).to_string(), seats: seats.collect(), ..Row::default() });
        }
        blocks.push(Section { name: format!("{ring} {}", block + 1), rows, ..Section::default() });
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arenas_of_any_size_are_sound_and_have_the_size_asked_for() {
        for (seated, standing) in [(12_000, 3_000), (1, 0), (0, 1), (17, 3), (300, 40), (1_350, 150)] {
            let map = arena("Arena", seated, standing);
            assert_eq!(map.faults(), Vec::<String>::new());
            assert_eq!(map.units(), u64::from(seated + standing));
        }
        let map = arena("Arena", 12_000, 3_000);
        assert_eq!(map.tiers.len(), 5);
        assert!(map.sections.iter().flat_map(|s| &s.rows).flat_map(|r| &r.seats).any(|seat| seat.aisle_after));
    }
}
