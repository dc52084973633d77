//! Whether a draw looks like one: entries against the numbers they got.

use crate::draw::Numbers;

/// Groups that entries and numbers are each divided into.
const GROUPS: i64 = 10;
/// Draws smaller than this are too small to tell: fewer than five expected in each of the hundred cells.
const SIZE_MIN: i64 = 500;

/// Pearson's test that numbers do not depend on entries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evenness {
    /// Pearson's statistic, Σ (observed − expected)² ÷ expected, over tenths of the entries by tenths of the numbers.
    pub chi_square: f64,
    /// (10 − 1)².
    pub degrees: u32,
    /// The statistic as a standard normal deviate, by Wilson and Hilferty's cube-root approximation (PNAS 17, 1931, 684–688).
    /// A true draw is beyond ±3.29 once in a thousand times; far above says uneven, far below says too even.
    pub deviate: f64,
}

/// Tests a draw; nothing for one too small to tell.
#[must_use]
pub fn evenness(numbers: &Numbers) -> Option<Evenness> {
    let size = numbers.size();
    if size < SIZE_MIN {
        return None;
    }
    let group = |nth: i64| ((nth - 1) * GROUPS / size) as usize;
    let mut seen = [[0_u32; GROUPS as usize]; GROUPS as usize];
    let mut sizes = [0_u32; GROUPS as usize];
    for entry in 1..=size {
        seen[group(entry)][group(numbers.number(entry))] += 1;
        sizes[group(entry)] += 1;
    }
    let mut chi_square = 0.0;
    for (row, of_row) in seen.iter().zip(sizes) {
        for (count, of_column) in row.iter().zip(sizes) {
            let expected = f64::from(of_row) * f64::from(of_column) / size as f64;
            chi_square += (f64::from(*count) - expected).powi(2) / expected;
        }
    }
    let degrees = ((GROUPS - 1) * (GROUPS - 1)) as u32;
    let ninth = 2.0 / (9.0 * f64::from(degrees));
    let deviate = ((chi_square / f64::from(degrees)).cbrt() - (1.0 - ninth)) / ninth.sqrt();
    Some(Evenness { chi_square, degrees, deviate })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn true_draws_are_even_and_their_deviates_are_spread_as_they_should_be() {
        let deviates: Vec<f64> =
            (0..200_u8).map(|seed| evenness(&Numbers::draw(&[seed; 32], 1_003)).unwrap().deviate).collect();
        let mean = deviates.iter().sum::<f64>() / 200.0;
        let spread = (deviates.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / 199.0).sqrt();
        // Five standard errors: 5/√200 and about 5/√400.
        assert!(mean.abs() < 0.36 && (spread - 1.0).abs() < 0.25, "{mean} {spread}");
        assert!(evenness(&Numbers::draw(&[1; 32], 499)).is_none());
    }

    #[test]
    fn the_statistic_is_that_of_a_plain_count() {
        let numbers = Numbers::draw(&[9; 32], 1_000);
        let mut table = std::collections::HashMap::<(i64, i64), f64>::new();
        for entry in 1..=1_000 {
            *table.entry(((entry - 1) / 100, (numbers.number(entry) - 1) / 100)).or_default() += 1.0;
        }
        let plain: f64 =
            (0..100).map(|cell| table.get(&(cell / 10, cell % 10)).map_or(10.0, |n| (n - 10.0).powi(2) / 10.0)).sum();
        assert!((evenness(&numbers).unwrap().chi_square - plain).abs() < 1e-9);
    }
}
