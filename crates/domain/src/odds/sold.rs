//! How many seats of a tier end up sold.

use super::BySize;

/// The exact way costs parties times seats; beyond this the normal distribution is near enough.
const EXACT_MAX: u64 = 200_000;

/// The seats of a tier and who may pay for them.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sold {
    /// Seats free or held.
    seats: u64,
    /// (seats each, how many parties, the chance that one pays), and where each wave of them ends.
    parties: Vec<(u64, u64, f64)>,
    waves: Vec<usize>,
    mean: f64,
    variance: f64,
    /// The chance that exactly so many are sold; empty where that is not computed.
    exact: Vec<f64>,
}

impl Sold {
    /// So many seats, some of them held.
    pub fn new(seats: u64, held: &BySize, held_pays: f64) -> Self {
        let mut sold =
            Self { seats, parties: Vec::new(), waves: Vec::new(), mean: 0.0, variance: 0.0, exact: Vec::new() };
        sold.add(held, held_pays);
        sold.waves.push(sold.parties.len());
        sold
    }

    /// Adds parties; answers how many seats they pay for on average, if there is room. [`Sold::settle`] has to follow.
    pub fn add(&mut self, by_size: &BySize, pays: f64) -> f64 {
        let mut mean = 0.0;
        for (count, size) in by_size.iter().zip(1u64..).filter(|(count, _)| **count > 0) {
            self.parties.push((size, u64::from(*count), pays));
            let expected = f64::from(*count) * size as f64 * pays;
            mean += expected;
            self.variance += expected * size as f64 * (1.0 - pays);
        }
        self.mean += mean;
        mean
    }

    /// Computes the distribution of what was added: those since the last time come after those before.
    pub fn settle(&mut self) {
        self.waves.push(self.parties.len());
        self.exact.clear();
        let count: u64 = self.parties.iter().map(|(_, count, _)| count).sum();
        if count.saturating_mul(self.seats + 1) > EXACT_MAX {
            return;
        }
        let mut sold = vec![0.0; self.seats as usize + 1];
        sold[0] = 1.0;
        let begins = std::iter::once(0).chain(self.waves.iter().copied());
        let waves = begins.zip(&self.waves).map(|(from, to)| &self.parties[from..*to]);
        for (size, pays) in waves.flat_map(evenly) {
            for from in (0..sold.len().saturating_sub(size)).rev() {
                let moved = sold[from] * pays;
                sold[from] -= moved;
                sold[from + size] += moved;
            }
        }
        self.exact = sold;
    }

    /// How many seats are wanted beyond those there are, on average.
    pub fn turned_away(&self) -> f64 {
        if !self.exact.is_empty() {
            let sold: f64 = self.exact.iter().enumerate().map(|(sold, chance)| sold as f64 * chance).sum();
            return (self.mean - sold).max(0.0);
        }
        let spread = self.variance.sqrt();
        let over = self.mean - self.seats as f64;
        if spread < 1e-9 {
            return over.max(0.0);
        }
        // The normal loss function.
        let z = over / spread;
        let density = (-z * z / 2.0).exp() / std::f64::consts::TAU.sqrt();
        (spread * (density + z * normal(z))).max(0.0)
    }

    /// The chance that at least so many are left.
    pub fn left_at_least(&self, need: u64) -> f64 {
        let Some(most) = self.seats.checked_sub(need) else { return 0.0 };
        if !self.exact.is_empty() {
            return self.exact[..=most as usize].iter().sum::<f64>().clamp(0.0, 1.0);
        }
        let spread = self.variance.sqrt();
        let room = most as f64 - self.mean;
        if spread < 1e-9 { if room >= 0.0 { 1.0 } else { 0.0 } } else { normal((room + 0.5) / spread) }
    }
}

/// One after another (seats, chance), each kind spread evenly over all: how a line that nobody sorted by party goes in.
fn evenly(parties: &[(u64, u64, f64)]) -> Vec<(usize, f64)> {
    let each = |(size, count, pays): &(u64, u64, f64)| {
        let (size, count, pays) = (*size as usize, *count, *pays);
        (0..count).map(move |nth| ((nth as f64 + 0.5) / count as f64, size, pays))
    };
    let mut line: Vec<_> = parties.iter().flat_map(each).collect();
    line.sort_by(|(a, ..), (b, ..)| a.total_cmp(b));
    line.into_iter().map(|(_, size, pays)| (size, pays)).collect()
}

/// The normal distribution function, by the error function's approximation 7.1.26 of Abramowitz and Stegun (1964): within
/// 1.5e-7.
fn normal(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let series = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    let tail = series.iter().fold(0.0, |sum, part| (sum + part) * t) * (-x * x).exp() / 2.0;
    if z < 0.0 { tail } else { 1.0 - tail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_normal_distribution_is_the_tables() {
        for (z, share) in [(0.0, 0.5), (1.0, 0.841_344_746), (-1.96, 0.024_997_895), (3.0, 0.998_650_102), (-9.0, 0.0)]
        {
            assert!((normal(z) - share).abs() < 2e-7, "{z}: {}", normal(z));
        }
    }

    #[test]
    fn both_ways_agree_where_they_meet() {
        let parties = [200, 150, 20, 40, 0, 0, 0, 2];
        for pays in [0.3, 0.6, 0.9] {
            let mut exact = Sold::new(440, &[0; 8], 0.0);
            exact.add(&parties, pays);
            let mut near = exact.clone();
            exact.settle();
            assert!(!exact.exact.is_empty());
            near.exact.clear();
            for need in [1, 50, 120, 200, 300] {
                let (exact, near) = (exact.left_at_least(need), near.left_at_least(need));
                assert!((exact - near).abs() < 0.02, "{pays} {need}: {exact} {near}");
            }
            let (exact, near) = (exact.turned_away(), near.turned_away());
            assert!((exact - near).abs() < 1.0, "{pays}: {exact} {near}");
        }
    }
}
