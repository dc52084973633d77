//! `choose` against every subset of the units of small halls.

use proptest::prelude::*;

use super::*;
use crate::seats::{Release, Rung, Score, TierMask, choose};

/// A hall with the description it was made from: the oracle looks at nothing of the hall's own.
#[derive(Debug)]
struct Small {
    hall: Hall,
    units: Vec<Unit>,
    release: Release,
}

#[derive(Debug, Clone, Copy)]
struct Unit {
    spec: SeatSpec,
    block: usize,
    /// Section and row; none in a standing area.
    row: Option<(u16, u16)>,
}

fn small() -> impl Strategy<Value = Small> {
    let tier = || prop_oneof![4 => Just(0_u8), 1 => 1_u8..3];
    // Of ten seats two are accessible, and two are companions'.
    let seat = (tier(), 0_u32..6, 0_u8..10).prop_map(|(tier, quality, kind)| SeatSpec {
        tier,
        quality,
        accessible: kind < 2,
        companion: (2..4).contains(&kind),
    });
    let alike = (tier(), 0_u32..6, 1_usize..=8)
        .prop_map(|(tier, quality, len)| vec![SeatSpec { tier, quality, accessible: false, companion: false }; len]);
    let seats = prop_oneof![proptest::collection::vec(seat, 1..=6), alike];
    let stretches = proptest::collection::vec((0_u16..2, 0_u16..4, seats), 1..=6);
    let areas = proptest::collection::vec((tier(), 1_u32..=4, 0_u32..6), 0..=2);
    let release = prop_oneof![Just(Release::House), Just(Release::Section), Just(Release::Tier), Just(Release::Never)];
    (stretches, areas, release).prop_map(|(stretches, areas, release)| {
        let (mut units, mut made, mut standing) = (Vec::new(), Vec::new(), Vec::new());
        for (section, row, mut seats) in stretches {
            seats.truncate(12 - units.len());
            if !seats.is_empty() {
                let (block, first) = (made.len(), units.len() as Seat);
                units.extend(seats.iter().map(|&spec| Unit { spec, block, row: Some((section, row)) }));
                made.push(Stretch { section, row, first, seats });
            }
        }
        for (tier, capacity, quality) in areas {
            let (block, first) = (made.len() + standing.len(), units.len() as Seat);
            let capacity = capacity.min(12 - first);
            if capacity > 0 {
                let unit =
                    Unit { spec: SeatSpec { tier, quality, accessible: false, companion: false }, block, row: None };
                units.extend(vec![unit; capacity as usize]);
                standing.push(Area { tier, first, capacity, quality });
            }
        }
        Small { hall: Hall::new(made, standing).unwrap().releasing(release), units, release }
    })
}

fn wish() -> impl Strategy<Value = Wish> {
    let party = prop_oneof![3 => 1_u8..=5, 1 => 6_u8..=8];
    let tiers = prop_oneof![Just(0), 0_u32..8];
    (party, tiers, any::<[bool; 3]>(), proptest::bool::weighted(0.25)).prop_map(
        |(party, tiers, [other_tiers, apart, fewer], accessible)| Wish {
            party,
            tiers,
            other_tiers,
            apart,
            fewer,
            accessible,
        },
    )
}

impl Small {
    fn beside(&self, a: Seat, b: Seat) -> bool {
        let [one, other] = [a, b].map(|seat| self.units[seat as usize]);
        one.block == other.block && (one.row.is_none() || a.abs_diff(b) == 1)
    }

    fn cost(&self, seats: &[Seat]) -> u32 {
        seats.iter().map(|&seat| self.units[seat as usize].spec.quality).sum()
    }

    /// How many groups sit side by side, and whether someone sits alone.
    fn groups(&self, seats: &[Seat]) -> (usize, bool) {
        let joined = seats.windows(2).filter(|pair| self.beside(pair[0], pair[1])).count();
        // Units of an area are ordered, so that each is beside the next one chosen.
        let alone = seats.iter().any(|&seat| !seats.iter().any(|&other| other != seat && self.beside(seat, other)));
        (seats.len() - joined, alone)
    }

    fn singles(&self, free: &[Seat]) -> Vec<Seat> {
        let single = |&&seat: &&Seat| {
            self.units[seat as usize].row.is_some()
                && !free.iter().any(|&other| other != seat && self.beside(seat, other))
        };
        free.iter().filter(single).copied().collect()
    }

    fn new_singles(&self, free: &[Seat], seats: &[Seat]) -> usize {
        let before = self.singles(free);
        let rest: Vec<Seat> = free.iter().copied().filter(|seat| !seats.contains(seat)).collect();
        self.singles(&rest).iter().filter(|seat| !before.contains(seat)).count()
    }

    /// Section, first and last row, if all sit in one section.
    fn place(&self, seats: &[Seat]) -> Option<(u16, u16, u16)> {
        let rows: Option<Vec<(u16, u16)>> = seats.iter().map(|&seat| self.units[seat as usize].row).collect();
        let (first, last) = (*rows.as_ref()?.iter().min()?, *rows.as_ref()?.iter().max()?);
        (first.0 == last.0).then_some((first.0, first.1, last.1))
    }

    fn score(&self, free: &[Seat], seats: &[Seat]) -> Score {
        Score {
            groups: self.groups(seats).0 as u32,
            singles: self.new_singles(free, seats) as u32,
            quality: self.cost(seats).into(),
        }
    }

    /// The rung that the ladder must stop at, and the lowest score there with the seats that have it.
    fn ladder(&self, free: &[Seat], open: &[Seat], size: usize, wish: &Wish) -> Option<(Rung, Score, Vec<Vec<Seat>>)> {
        let accessible = |&&seat: &&Seat| self.units[seat as usize].spec.accessible;
        let subsets: Vec<Vec<Seat>> = (0_u32..1 << open.len())
            .filter(|subset| subset.count_ones() as usize == size)
            .map(|subset| (0..).zip(open).filter(|&(bit, _)| subset >> bit & 1 == 1).map(|(_, &seat)| seat).collect())
            .filter(|seats: &Vec<Seat>| !wish.accessible || seats.iter().any(|seat| accessible(&seat)))
            .collect();
        let best = |rung, among: Vec<&Vec<Seat>>| {
            let score = among.iter().map(|seats| self.score(free, seats)).min()?;
            let are: Vec<Vec<Seat>> =
                among.into_iter().filter(|seats| self.score(free, seats) == score).cloned().collect();
            Some((rung, score, are))
        };
        let together: Vec<_> = subsets.iter().filter(|seats| self.groups(seats).0 == 1).collect();
        if let Some((rung, score, seats)) = best(Rung::Together, together) {
            let lowest = seats.into_iter().min().into_iter().collect();
            return Some((if score.singles == 0 { Rung::TogetherNoSingle } else { rung }, score, lowest));
        }
        if !wish.apart || subsets.is_empty() {
            return None;
        }
        let unsplit: Vec<_> = subsets.iter().filter(|seats| !self.groups(seats).1).collect();
        let rung = if unsplit.is_empty() { Rung::Apart } else { Rung::SplitNobodyAlone };
        let among = if unsplit.is_empty() { subsets.iter().collect() } else { unsplit };
        // In one section, as few rows apart as can be.
        let span = |seats: &[Seat]| self.place(seats).map_or(u16::MAX, |(_, first, last)| last - first);
        let narrowest = among.iter().map(|seats| span(seats)).min()?;
        best(rung, among.into_iter().filter(|seats| span(seats) == narrowest).collect())
    }

    /// Whether a seat is kept, looked up in the rule's own words.
    fn is_kept(&self, seat: Seat, free: &[Seat]) -> bool {
        let unit = |seat: Seat| self.units[seat as usize];
        let section = |seat: Seat| unit(seat).row.map(|(section, _)| section);
        let reserved = |seat: Seat| unit(seat).spec.accessible || unit(seat).spec.companion;
        let rest = |of: &dyn Fn(Seat) -> bool| free.iter().any(|&other| !reserved(other) && of(other));
        let tier = |of: Seat| rest(&|other| unit(other).spec.tier == unit(of).spec.tier);
        let is_near = |&near: &Seat| unit(near).spec.accessible && section(near) == section(seat);
        let nearby: Vec<Seat> = (0..self.units.len() as Seat).filter(is_near).collect();
        reserved(seat)
            && match self.release {
                Release::Never => true,
                Release::House => rest(&|_| true),
                Release::Section => rest(&|other| section(other) == section(seat)),
                Release::Tier => tier(seat) || unit(seat).spec.companion && nearby.into_iter().any(tier),
            }
    }

    fn expected(&self, free: &[Seat], wish: &Wish, barred: TierMask) -> Option<(Rung, Score, Vec<Vec<Seat>>)> {
        let any = TierMask::MAX;
        let wanted = if wish.tiers == 0 { any } else { wish.tiers };
        let acceptable = if wish.other_tiers { any } else { wanted };
        let of = |tiers: TierMask, seat: Seat| tiers >> self.units[seat as usize].spec.tier & 1 == 1;
        let open = |tiers: TierMask| -> Vec<Seat> {
            let may = |seat: &Seat| of(tiers & !barred, *seat) && (wish.accessible || !self.is_kept(*seat, free));
            free.iter().copied().filter(may).collect()
        };
        for size in (if wish.fewer { 1 } else { wish.party }..=wish.party).rev() {
            for (tiers, stage) in [(wanted, None), (acceptable, Some(Rung::OtherTier))] {
                if let Some((rung, score, seats)) = self.ladder(free, &open(tiers), size.into(), wish) {
                    let rung = if size < wish.party { Rung::Fewer } else { stage.unwrap_or(rung) };
                    return Some((rung, score, seats));
                }
            }
        }
        None
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn choose_is_the_best_of_all_subsets(
        small in small(),
        free_bits in any::<u16>(),
        half in any::<u16>(),
        wish in wish(),
        barred in prop_oneof![3 => Just(0), 1 => 0_u32..8],
    ) {
        let seats: Vec<Seat> = (0..small.units.len() as Seat).filter(|seat| (free_bits | half) >> seat & 1 == 1).collect();
        let free = free(&small.hall, seats.iter().copied());
        let choice = choose(&small.hall, &free, &wish, barred);
        match (&choice, small.expected(&seats, &wish, barred)) {
            (None, None) => {}
            (Some(choice), Some((rung, score, any_of))) => {
                prop_assert_eq!((choice.rung, choice.score), (rung, score));
                prop_assert_eq!(Score::of(&small.hall, &free, &choice.seats), score);
                prop_assert!(any_of.contains(&choice.seats), "{:?} is not one of {:?}", choice.seats, any_of);
            }
            (choice, expected) => prop_assert!(false, "chose {:?}, expected {:?}", choice, expected),
        }
        prop_assert_eq!(choice, choose(&small.hall, &free.clone(), &wish, barred));
    }
}
