//! A whole sale: what is left alone when nearly everything is sold.

use std::collections::VecDeque;

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::*;
use crate::seats::{choose, lone_seats};

/// Of a hundred parties so many are of one, two, … six.
type Mix = [u32; 6];
const EVEN: Mix = [16, 17, 17, 17, 17, 16];
/// As parties are: hardly anybody comes alone.
const USUAL: Mix = [5, 50, 12, 23, 4, 6];

/// Sections of thirty rows, two stretches of different lengths in each; better seats in the middle of a row.
fn arena(sections: u16) -> Hall {
    let mut stretches = Vec::new();
    let mut first = 0;
    for section in 0..sections {
        for row in 0..30 {
            for (side, len) in [(0, 12 + row % 5), (1, 17 + row % 4)] {
                let seat = |nth: u16| SeatSpec {
                    tier: (section / 10) as u8,
                    quality: u32::from(section * 1_000 + row * 30 + if side == 0 { len - nth } else { nth }),
                    accessible: false,
                    companion: false,
                };
                let seats: Vec<SeatSpec> = (0..len).map(seat).collect();
                stretches.push(Stretch { section, row, first, seats });
                first += Seat::from(len);
            }
        }
    }
    Hall::new(stretches, Vec::new()).unwrap()
}

fn size(chance: &mut StdRng, mix: Mix) -> u8 {
    let all: u32 = mix.iter().sum();
    let mut nth = chance.random_range(0..all);
    let larger = mix.into_iter().take_while(|share| {
        let passed = nth >= *share;
        nth = nth.saturating_sub(*share);
        passed
    });
    larger.count() as u8 + 1
}

type Choose = fn(&Hall, &Free, u8) -> Option<Vec<Seat>>;

/// Sells until 99 % are sold; a party for which nothing fits goes home. Of a hundred holds so many come free again a while later.
/// Answers the lone free seats then, as a share of the capacity.
fn sold_out(hall: &Hall, mix: Mix, lapses: u32, choose: Choose) -> f64 {
    let mut chance = StdRng::seed_from_u64(1);
    let mut free = Free::all(hall);
    let mut holds = VecDeque::new();
    let capacity = hall.capacity();
    for _ in 0..10 * capacity {
        if free.count() <= capacity / 100 {
            return f64::from(lone_seats(hall, &free)) / f64::from(capacity);
        }
        if let Some(seats) = choose(hall, &free, size(&mut chance, mix)) {
            assert!(seats.iter().all(|&seat| free.take(seat)));
            if chance.random_range(0..100) < lapses {
                holds.push_back(seats);
            }
        }
        if holds.len() > 200 {
            holds.pop_front().into_iter().flatten().for_each(|seat| assert!(free.give(seat)));
        }
    }
    panic!("the hall is not sold out: {} free", free.count());
}

fn best(hall: &Hall, free: &Free, size: u8) -> Option<Vec<Seat>> {
    choose(hall, free, &party(size), 0).map(|choice| choice.seats)
}

/// The best seats side by side, whatever they leave.
fn first_fit(hall: &Hall, free: &Free, size: u8) -> Option<Vec<Seat>> {
    let run = |first: Seat| first..first + Seat::from(size);
    let together = |&first: &Seat| {
        run(first).all(|seat| free.contains(seat))
            && hall.block_of(first).first == hall.block_of(first + Seat::from(size) - 1).first
    };
    let first = free.iter().filter(together).min_by_key(|&first| hall.cost(first, size.into()))?;
    Some(run(first).collect())
}

#[test]
fn few_seats_are_left_alone_when_nearly_all_are_sold() {
    let hall = arena(21);
    assert!(hall.capacity() >= 20_000);
    for (mix, lapses) in [(EVEN, 0), (EVEN, 30), (USUAL, 0), (USUAL, 10), (USUAL, 30)] {
        let lone = sold_out(&hall, mix, lapses, best);
        eprintln!(
            "{} seats, parties {mix:?}, {lapses} of 100 holds lapse: {:.3} % are free and alone",
            hall.capacity(),
            100.0 * lone
        );
        assert!(lone <= 0.005, "{lone}");
    }
}

#[test]
fn few_seats_are_left_alone_when_nearly_all_are_sold_without_the_single_seat_rule() {
    let lone = sold_out(&arena(4), USUAL, 10, first_fit);
    eprintln!("without the rule {:.3} % are free and alone", 100.0 * lone);
    assert!(lone > 0.005, "{lone}");
}
