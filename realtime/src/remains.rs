//! What remains of an event's tiers at a fan's turn: computed for a few points of each line, and looked up for each fan.

use std::collections::HashMap;

use contracts::places::TierChance;
use domain::odds::{BySize, Demand, Odds, Tier, certain_sold_out};
use domain::seats::{MAX_PARTY, TierMask, Wish};
use store::waiting::{Asked, Stock};
use uuid::Uuid;

/// Each point of a line for which chances are computed is so many times as far back as the one before.
const APART: f64 = 1.5;
/// Different wishes told apart in a line; the rarer ones count as those who take anything.
const KINDS: usize = 64;

/// The wish of a place.
pub const fn wish(asked: &Asked) -> Wish {
    let Asked { party, tiers, accepts } = *asked;
    Wish {
        party,
        tiers,
        other_tiers: accepts.other_tiers,
        apart: accepts.apart,
        fewer: accepts.fewer,
        accessible: accepts.accessible,
    }
}

/// Every so many-th place of a line, in order, and the admitted who have no seats yet.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// Who stands before the line.
    pub standing: Vec<Asked>,
    /// Of those who wait.
    pub waiting: Vec<Asked>,
    /// How many each of them stands for.
    pub weight: f64,
    /// What the sale's allotment leaves it, if it has one.
    pub share: Option<Share>,
}

/// What an allotment leaves a sale.
#[derive(Debug, Clone, Copy, Default)]
pub struct Share {
    /// Seats that it may still take.
    pub free: u32,
    /// Its own holds that are not paid.
    pub held: BySize,
}

impl Share {
    /// As a tier from which everybody in the sale takes, wherever they sit.
    const fn tier(self, held_pays: f64) -> Tier {
        // Where accessible seats are is for the tiers to say.
        Tier { free: self.free, held: self.held, held_pays, accessible: u32::MAX, kept: 0, releases: true }
    }
}

/// What remains of an event, as of a moment.
#[derive(Debug, Default)]
pub struct Remains {
    codes: Vec<String>,
    tiers: Vec<Tier>,
    /// Of sales with an allotment.
    shares: HashMap<Uuid, Tier>,
    lines: HashMap<Uuid, Table>,
}

/// Percents by point of the line, tier, and party.
#[derive(Debug, Default)]
struct Table {
    points: Vec<(u64, Vec<[u8; MAX_PARTY as usize]>)>,
}

impl Remains {
    /// From an event's stock and its lines.
    ///
    /// What stands ahead is known by a sample of the line: with its two thousand places the share of a wish is off by at most
    /// a fiftieth, nineteen times in twenty. The odds themselves are within some hundredths for a single tier, fifteen for
    /// several. Taken to pay is the share of all who held seats so far and paid, most at first; that some ahead will not come
    /// at all is not counted, nor refunds. A sale's allotment is looked at by itself, as a tier in which all in the sale sit, and the
    /// smaller of the two chances is told; where other sales run beside, their allotments leave this one's to it.
    pub fn new(stock: &Stock, lines: HashMap<Uuid, Sample>) -> Self {
        // As if eight of ten had paid before.
        let pays = (stock.paid as f64 + 8.0) / ((stock.paid + stock.unpaid) as f64 + 10.0);
        let tiers: Vec<Tier> = stock
            .tiers
            .iter()
            .map(|tier| Tier {
                free: tier.free,
                held: tier.held,
                held_pays: pays,
                accessible: tier.accessible,
                kept: tier.kept,
                releases: stock.releases,
            })
            .collect();
        let shares = lines.iter().filter_map(|(sale, sample)| Some((*sale, sample.share?.tier(pays)))).collect();
        let lines = lines.into_iter().map(|(sale, sample)| (sale, Table::new(&tiers, &sample, pays))).collect();
        Self { codes: stock.tiers.iter().map(|tier| tier.code.clone()).collect(), tiers, shares, lines }
    }

    /// The chances of a place with so many ahead, in the tiers it wishes for, or in all if it wishes for none. Who needs an
    /// accessible seat, where those are never released, is told only what is certain: the line ahead is hardly after them.
    pub fn chances(&self, sale: Uuid, ahead: u64, wish: &Wish) -> Vec<TierChance> {
        let Some(table) = self.lines.get(&sale) else { return Vec::new() };
        let party = if wish.fewer { 1 } else { wish.party.clamp(1, MAX_PARTY) };
        let wished = |nth: usize| wish.tiers == 0 || wish.tiers & (1 << nth) != 0;
        let tiers = self.codes.iter().enumerate().filter(|(nth, _)| wished(*nth));
        tiers
            .filter_map(|(nth, code)| {
                let percent = table.percent(ahead, nth, party)?;
                let alone = Wish { tiers: 1 << nth, other_tiers: false, ..*wish };
                let percent = if certain_sold_out(&self.tiers, &alone) || self.share_is_gone(sale, wish) {
                    0
                } else if wish.accessible && !self.tiers[nth].releases {
                    return None;
                } else if wish.accessible {
                    percent.clamp(5, 95)
                } else {
                    percent
                };
                Some(TierChance { tier: code.clone(), percent })
            })
            .collect()
    }

    /// Whether nothing that this fan would take can come free any more.
    pub fn is_sold_out_for(&self, sale: Uuid, wish: &Wish) -> bool {
        !self.tiers.is_empty() && (certain_sold_out(&self.tiers, wish) || self.share_is_gone(sale, wish))
    }

    fn share_is_gone(&self, sale: Uuid, wish: &Wish) -> bool {
        self.shares.get(&sale).is_some_and(|share| certain_sold_out(&[*share], &Wish { tiers: 0, ..*wish }))
    }
}

impl Table {
    fn new(tiers: &[Tier], sample: &Sample, pays: f64) -> Self {
        let kinds = Kinds::of(sample);
        let mut points: Vec<(u64, Vec<[u8; MAX_PARTY as usize]>)> = Vec::new();
        let last = (sample.waiting.len() as f64 * sample.weight).ceil() as u64;
        let mut ahead = 0;
        loop {
            let demands = kinds.before(sample, ahead, pays);
            let odds = Odds::new(tiers, &demands);
            let share = sample.share.map(|share| {
                let all: Vec<Demand> = demands.iter().map(|demand| Demand { wants: 0, ..*demand }).collect();
                Odds::new(&[share.tier(pays)], &all)
            });
            let before = points.last().map(|(_, percents)| percents);
            let percents: Vec<_> = (0..tiers.len())
                .map(|nth| {
                    std::array::from_fn(|party| {
                        let alone = Wish {
                            party: party as u8 + 1,
                            tiers: 1 << nth,
                            other_tiers: false,
                            apart: true,
                            fewer: false,
                            accessible: false,
                        };
                        let any = Wish { tiers: 0, ..alone };
                        let of_share = share.as_ref().map_or(100, |share| share.chance(&any).percent());
                        let percent = odds.chance(&alone).percent().min(of_share);
                        // More ahead never leaves more: the two ways of computing differ by a hair.
                        before.map_or(percent, |before: &Vec<[u8; MAX_PARTY as usize]>| percent.min(before[nth][party]))
                    })
                })
                .collect();
            let hopeless = percents.iter().flatten().all(|percent| *percent <= 5);
            points.push((ahead, percents));
            if ahead >= last || hopeless {
                return Self { points };
            }
            ahead = ((ahead as f64 * APART) as u64).max(ahead + 1).min(last);
        }
    }

    /// Between two points on the straight line between them, in the same honest steps; beyond the last, that.
    fn percent(&self, ahead: u64, tier: usize, party: u8) -> Option<u8> {
        let at = |nth: usize| Some(*self.points.get(nth)?.1.get(tier)?.get(usize::from(party) - 1)?);
        let next = self.points.partition_point(|(point, _)| *point < ahead);
        let Some(after) = at(next) else { return at(next.checked_sub(1)?) };
        if next == 0 || self.points[next].0 == ahead {
            return Some(after);
        }
        let (before, from, to) = (at(next - 1)?, self.points[next - 1].0, self.points[next].0);
        if before == after {
            return Some(before);
        }
        let part = (ahead - from) as f64 / (to - from) as f64;
        let between = f64::from(before) + (f64::from(after) - f64::from(before)) * part;
        Some(((between / 5.0) as u8 * 5).clamp(5, 95))
    }
}

/// The wishes told apart.
struct Kinds(HashMap<(TierMask, bool), usize>);

impl Kinds {
    fn of(sample: &Sample) -> Self {
        let mut counts: HashMap<(TierMask, bool), usize> = HashMap::new();
        for asked in sample.standing.iter().chain(&sample.waiting) {
            *counts.entry(kind(asked)).or_default() += 1;
        }
        let mut common: Vec<_> = counts.into_iter().collect();
        common.sort_unstable_by_key(|(kind, count)| (std::cmp::Reverse(*count), *kind));
        Self(common.into_iter().take(KINDS).enumerate().map(|(nth, (kind, _))| (kind, nth)).collect())
    }

    /// Who stands before one with so many ahead.
    fn before(&self, sample: &Sample, ahead: u64, pays: f64) -> Vec<Demand> {
        let none = Demand { parties: [0; MAX_PARTY as usize], wants: 0, other_tiers: true, pays };
        let mut sums = vec![[0.0; MAX_PARTY as usize]; self.0.len() + 1];
        let mut add = |asked: &Asked, weight: f64| {
            let nth = self.0.get(&kind(asked)).copied().unwrap_or(self.0.len());
            sums[nth][usize::from(asked.party.clamp(1, MAX_PARTY)) - 1] += weight;
        };
        sample.standing.iter().for_each(|asked| add(asked, 1.0));
        let mut left = ahead as f64;
        for asked in &sample.waiting {
            if left <= 0.0 {
                break;
            }
            add(asked, left.min(sample.weight));
            left -= sample.weight;
        }
        let mut demands = vec![none; sums.len()];
        for ((wants, other_tiers), nth) in &self.0 {
            (demands[*nth].wants, demands[*nth].other_tiers) = (*wants, *other_tiers);
        }
        for (demand, sums) in demands.iter_mut().zip(sums) {
            demand.parties = sums.map(|sum: f64| sum.round() as u32);
        }
        demands.retain(|demand| demand.parties.iter().any(|count| *count > 0));
        demands
    }
}

const fn kind(asked: &Asked) -> (TierMask, bool) {
    (asked.tiers, asked.accepts.other_tiers)
}

#[cfg(test)]
mod tests {
    use store::joins::Accepts;
    use store::waiting::TierStock;

    use super::*;

    fn asks(party: u8, tiers: u32, other_tiers: bool) -> Asked {
        Asked { party, tiers, accepts: Accepts { other_tiers, apart: true, ..Accepts::default() } }
    }

    fn tier(code: &str, free: u32) -> TierStock {
        TierStock { code: code.to_owned(), free, held: [0; 8], accessible: 0, kept: 0 }
    }

    fn remains(frees: [u32; 2], sample: Sample) -> (Remains, Uuid) {
        let sale = Uuid::from_u128(1);
        let tiers = vec![tier("a", frees[0]), tier("b", frees[1])];
        let stock = Stock { tiers, releases: true, ..Stock::default() };
        (Remains::new(&stock, HashMap::from([(sale, sample)])), sale)
    }

    fn percents(remains: &Remains, sale: Uuid, ahead: u64, asked: Asked) -> Vec<(String, u8)> {
        let chances = remains.chances(sale, ahead, &wish(&asked));
        chances.into_iter().map(|chance| (chance.tier, chance.percent)).collect()
    }

    #[test]
    fn chances_fall_along_the_line_and_are_of_the_wished_tiers() {
        // A thousand couples for tier a, each standing for two.
        let sample = Sample { waiting: vec![asks(2, 1, false); 500], weight: 2.0, ..Sample::default() };
        let (remains, sale) = remains([1_000, 10], sample);
        let mut before = 100;
        for ahead in 0..=1_100 {
            let told = percents(&remains, sale, ahead, asks(2, 1, false));
            assert_eq!((told.len(), told[0].0.as_str()), (1, "a"));
            assert!(told[0].1 <= before && told[0].1.is_multiple_of(5), "{ahead}: {told:?}");
            before = told[0].1;
        }
        assert_eq!(percents(&remains, sale, 0, asks(2, 1, false)), [("a".to_owned(), 100)]);
        assert_eq!(before, 5, "eight of ten pay for two of a thousand seats: hardly, and not certain");
        let any = percents(&remains, sale, 1_000, asks(2, 0, false));
        assert_eq!(any, [("a".to_owned(), 5), ("b".to_owned(), 95)]);
        assert!(percents(&remains, Uuid::nil(), 0, asks(1, 0, false)).is_empty());
    }

    #[test]
    fn nothing_left_of_what_a_fan_takes_is_told_as_such_and_something_is_not() {
        let (remains, sale) = remains([0, 3], Sample::default());
        assert!(remains.is_sold_out_for(sale, &wish(&asks(2, 1, false))));
        assert!(!remains.is_sold_out_for(sale, &wish(&asks(2, 1, true))));
        assert!(!remains.is_sold_out_for(sale, &wish(&asks(2, 0, false))));
        assert!(remains.is_sold_out_for(sale, &wish(&asks(4, 0, false))));
        assert_eq!(percents(&remains, sale, 0, asks(2, 0, false)), [("a".to_owned(), 0), ("b".to_owned(), 100)]);
        assert!(!Remains::default().is_sold_out_for(sale, &wish(&asks(2, 1, false))), "nothing is known yet");
    }

    #[test]
    fn kept_seats_that_are_never_released_are_told_to_none_but_who_needs_them() {
        let sale = Uuid::from_u128(1);
        let kept = TierStock { accessible: 2, kept: 2, ..tier("a", 2) };
        let stock = Stock { tiers: vec![kept, tier("b", 0)], releases: false, ..Stock::default() };
        let crowd = Sample { waiting: vec![asks(1, 0, false); 100], weight: 1.0, ..Sample::default() };
        let remains = Remains::new(&stock, HashMap::from([(sale, crowd)]));
        let mut needs_one = asks(1, 0, false);
        needs_one.accepts.accessible = true;
        assert!(remains.is_sold_out_for(sale, &wish(&asks(1, 0, false))));
        assert!(!remains.is_sold_out_for(sale, &wish(&needs_one)));
        let told = |asked| percents(&remains, sale, 50, asked);
        assert_eq!(told(asks(1, 0, false)), [("a".to_owned(), 0), ("b".to_owned(), 0)]);
        assert_eq!(told(needs_one), [("b".to_owned(), 0)]);
    }

    #[test]
    fn an_allotment_bounds_what_the_tiers_would_give() {
        // Ten couples ahead each, plenty of seats, and twelve of them for this sale.
        let share = |free, pairs_held| Some(Share { free, held: [0, pairs_held, 0, 0, 0, 0, 0, 0] });
        let of = |share| Sample { waiting: vec![asks(2, 0, false); 10], weight: 1.0, share, ..Sample::default() };
        let (remains, sale) = remains([1_000, 1_000], of(share(12, 0)));
        let told = |ahead| percents(&remains, sale, ahead, asks(2, 1, false))[0].1;
        assert_eq!((told(0), told(4)), (100, 100));
        assert!(told(7) < 100 && told(10) < told(7), "{} {}", told(7), told(10));
        assert!(!remains.is_sold_out_for(sale, &wish(&asks(2, 0, false))));
        let (remains, sale) = self::remains([1_000, 1_000], of(share(0, 1)));
        assert!(!remains.is_sold_out_for(sale, &wish(&asks(2, 0, false))), "what is held may come back");
        assert!(remains.is_sold_out_for(sale, &wish(&asks(3, 0, true))));
        assert!(!remains.is_sold_out_for(Uuid::nil(), &wish(&asks(3, 0, true))), "of another sale");
        assert_eq!(percents(&remains, sale, 0, asks(3, 1, false)), [("a".to_owned(), 0)]);
    }

    #[test]
    fn rare_wishes_count_as_those_who_take_anything() {
        let waiting: Vec<_> = (1..=200).map(|mask| asks(1, mask, false)).collect();
        let sample = Sample { standing: vec![asks(3, 1, false)], waiting, weight: 1.5, share: None };
        let demands = Kinds::of(&sample).before(&sample, 100, 0.8);
        assert!(demands.len() <= KINDS + 1);
        let parties: u32 = demands.iter().flat_map(|demand| demand.parties).sum();
        assert!((100..=140).contains(&parties), "{parties}: each kind is rounded by itself");
    }
}
