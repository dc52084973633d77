//! How good seats are by where the stage is.

use std::f64::consts::FRAC_PI_2;

/// The quality of the worst seat.
pub const WORST: u32 = 1_000_000;

/// Where a show takes place, in the same coordinates as the seats.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stage {
    /// The middle of its edge.
    pub at: (f64, f64),
    /// Some point straight ahead of it; nothing for a stage without a front, in the round.
    pub faces: Option<(f64, f64)>,
}

/// The quality of each seat, from 0 to [`WORST`], lower is better: by its distance from the stage, and as if it were further away
/// the further it is off the axis, by a quarter at 45°, twice as far at 90°, five times as far behind the stage.
#[must_use]
pub fn qualities(stage: &Stage, seats: &[(f64, f64)]) -> Vec<u32> {
    let from_stage = |(x, y): (f64, f64)| (x - stage.at.0, y - stage.at.1);
    let axis = stage.faces.map(from_stage).map(|(x, y)| y.atan2(x));
    let apparent = |&seat: &(f64, f64)| {
        let (x, y) = from_stage(seat);
        let off = axis.map_or(0.0, |axis| {
            let turned = (y.atan2(x) - axis).abs();
            turned.min(4.0 * FRAC_PI_2 - turned)
        });
        x.hypot(y) * (1.0 + (off / FRAC_PI_2).powi(2))
    };
    let apparent: Vec<f64> = seats.iter().map(apparent).collect();
    let furthest = apparent.iter().copied().fold(0.0, f64::max);
    let part = |distance: f64| if furthest > 0.0 { (distance / furthest * f64::from(WORST)).round() as u32 } else { 0 };
    apparent.into_iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_and_straight_ahead_is_good() {
        let stage = Stage { at: (100.0, 50.0), faces: Some((100.0, 60.0)) };
        // Straight ahead at 10 and at 20, at 45° and 90° on either side at 10, and behind.
        let diagonal = 50f64.sqrt();
        let seats = [
            (0.0, 10.0),
            (0.0, 20.0),
            (diagonal, diagonal),
            (-diagonal, diagonal),
            (10.0, 0.0),
            (-10.0, 0.0),
            (0.0, -10.0),
        ];
        let seats = seats.map(|(x, y)| (100.0 + x, 50.0 + y));
        assert_eq!(qualities(&stage, &seats), [200_000, 400_000, 250_000, 250_000, 400_000, 400_000, WORST]);
        // In the round only the distance counts.
        let round = Stage { faces: None, ..stage };
        assert_eq!(qualities(&round, &seats), [500_000, WORST, 500_000, 500_000, 500_000, 500_000, 500_000]);
        assert_eq!(qualities(&round, &[(100.0, 50.0)]), [0]);
        assert!(qualities(&round, &[]).is_empty());
    }
}
