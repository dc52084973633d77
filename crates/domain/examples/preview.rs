//! How long a preview of a large line takes: `cargo run --release -p domain --example preview [WAITING]`.

use std::time::Instant;

use domain::pacing::{Brake, Knobs, Tuning};
use domain::preview::{Behaviour, Situation, preview};

fn main() {
    let waiting = std::env::args().nth(1).and_then(|given| given.parse().ok()).unwrap_or(1_000_000);
    let parties: Vec<u8> = (0..waiting).map(|nth: u32| 1 + (nth.wrapping_mul(2_654_435_761) >> 30) as u8).collect();
    let now_ms = 1_800_000_000_000;
    let situation = Situation {
        now_ms,
        opens_at_ms: now_ms,
        closes_at_ms: now_ms + 7 * 86_400_000,
        recent: &[],
        holding: &[],
        standing: &[],
        waiting: &parties,
        free: waiting.saturating_mul(2),
        accessible: 0,
        gather_ms: 15_000,
        answer_ms: 45_000,
        brake: Brake::default(),
    };
    let tuning = |rate_per_minute| Tuning::new(Knobs { rate_per_minute, max_active: 50_000 });
    for (now, proposed) in [(600, 1_200), (6_000, 9_000), (60_000, 90_000)] {
        let begun = Instant::now();
        let both = preview(&situation, &tuning(now), &tuning(proposed), &Behaviour::default(), 10, 1);
        println!("{waiting} waiting, {now} to {proposed} a minute: {:?}\n  {both:?}", begun.elapsed());
    }
}
