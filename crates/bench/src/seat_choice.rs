//! What the choice of the best seats costs in a stadium of 60,000 seats, at four stages of its sale.

use std::hint::black_box;
use std::time::Instant;

use anyhow::Context as _;
use domain::seats::{Free, Hall, Seat, SeatSpec, Stretch, Wish, choose, lone_seats};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use crate::{Figure, middle};

/// Choices in a round.
const CHOICES: u32 = 2_000;
const STAGES: [(u32, &str); 4] =
    [(0, "seat-choice-0"), (50, "seat-choice-50"), (90, "seat-choice-90"), (99, "seat-choice-99")];

pub fn run(rounds: u32) -> anyhow::Result<Vec<Figure>> {
    let hall = stadium()?;
    let mut figures = Vec::new();
    for (sold, name) in STAGES {
        let free = sold_to(&hall, sold);
        let (mut values, mut limits, mut each) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..rounds {
            let mut chance = StdRng::seed_from_u64(round.into());
            let begun = Instant::now();
            for _ in 0..CHOICES {
                let wish = party(&mut chance);
                let one = Instant::now();
                black_box(choose(&hall, &free, &wish, 0));
                each.push(one.elapsed().as_secs_f64() * 1_000.0);
            }
            values.push(begun.elapsed().as_secs_f64() * 1e6 / f64::from(CHOICES));
            limits.push(look_at_each(&hall, &free));
        }
        each.sort_by(f64::total_cmp);
        let at = |share: f64| each[((each.len() - 1) as f64 * share) as usize];
        let ((value, spread, _), (limit, ..)) = (middle(values), middle(limits));
        eprintln!(
            "{sold} % sold: {value:.1} µs a choice, {limit:.1} µs to look at each seat, {} free seats alone",
            lone_seats(&hall, &free)
        );
        figures.push(Figure {
            name,
            value,
            unit: "µs",
            limit_name: "one look at each seat of the hall",
            limit,
            ratio: value / limit,
            target: 1.0,
            better: "lower",
            p50_ms: at(0.5),
            p99_ms: at(0.99),
            rounds,
            spread,
        });
    }
    Ok(figures)
}

/// Sixty sections of forty rows, twenty-five seats each in two stretches; of every section the first row has wheelchair places.
fn stadium() -> anyhow::Result<Hall> {
    let mut stretches = Vec::new();
    let mut first: Seat = 0;
    for section in 0..60 {
        for row in 0..40 {
            for len in [12, 13] {
                let spec = |nth: Seat| SeatSpec {
                    tier: (section / 15) as u8,
                    quality: first + nth,
                    accessible: row == 0 && nth == 0,
                    companion: row == 0 && nth == 1,
                };
                stretches.push(Stretch { section, row, first, seats: (0..len).map(spec).collect() });
                first += len;
            }
        }
    }
    Hall::new(stretches, Vec::new()).context("a hall")
}

/// A party of one to six that takes any tier, and sits apart if it must.
fn party(chance: &mut StdRng) -> Wish {
    let party = chance.random_range(1..=6);
    Wish { party, tiers: 0, other_tiers: true, apart: true, fewer: false, accessible: false }
}

/// What is free when so many of a hundred seats are sold, by the choice itself; a tenth of the holds came free again.
fn sold_to(hall: &Hall, percent: u32) -> Free {
    let mut chance = StdRng::seed_from_u64(1);
    let mut free = Free::all(hall);
    let left = hall.capacity() - hall.capacity() / 100 * percent;
    let mut holds = std::collections::VecDeque::new();
    while free.count() > left {
        let Some(choice) = choose(hall, &free, &party(&mut chance), 0) else { break };
        for &seat in &choice.seats {
            free.take(seat);
        }
        if chance.random_range(0..10) == 0 {
            holds.push_back(choice.seats);
        }
        if holds.len() > 100 {
            for seat in holds.pop_front().into_iter().flatten() {
                free.give(seat);
            }
        }
    }
    free
}

/// Microseconds for asking of each seat whether it is free.
fn look_at_each(hall: &Hall, free: &Free) -> f64 {
    const TIMES: u32 = 200;
    let begun = Instant::now();
    for _ in 0..TIMES {
        let free = black_box(free);
        black_box((0..hall.capacity()).filter(|&seat| free.contains(seat)).count());
    }
    begun.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES)
}
