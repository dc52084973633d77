//! How well estimates were kept.

use super::Range;

/// Buckets end below these numbers of people ahead; the last is open.
pub const AHEAD_BOUNDS: [u64; 6] = [10, 100, 1_000, 10_000, 100_000, 1_000_000];

/// Relative errors are counted in steps of a twentieth up to 1, of a quarter up to 3, and beyond.
const ERRORS: usize = 29;

/// As many numbers are a bucket.
const BUCKET: usize = 3 + ERRORS;

/// As many numbers are a whole record, for keeping it.
pub const COUNTS: usize = (AHEAD_BOUNDS.len() + 1) * BUCKET;

/// A wait shorter than this is compared as if it were this long, in seconds: nobody minds a wait of two seconds for one.
const LEAST_S: u32 = 10;

/// The waits of those who had about as many ahead of them when they were told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Bucket {
    /// Ended within the range told, its ends included.
    pub within: u64,
    /// Ended before it.
    pub sooner: u64,
    /// Ended after it.
    pub later: u64,
    errors: [u64; ERRORS],
}

impl Bucket {
    /// How many waits were compared.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.within + self.sooner + self.later
    }

    /// The share that ended within the range told; nothing for an empty bucket.
    #[must_use]
    pub fn share_within(&self) -> Option<f64> {
        (self.count() > 0).then(|| self.within as f64 / self.count() as f64)
    }

    /// The error that this share of the waits stays below, relative to the wait, of the middle of the range told: 0.5 for the
    /// median, 0.9 for nine tenths. Exact to a step of the count; at most 3. Nothing for an empty bucket.
    #[must_use]
    pub fn error(&self, share: f64) -> Option<f64> {
        let wanted = (share.clamp(0.0, 1.0) * self.count() as f64).ceil().max(1.0) as u64;
        let mut sum = 0;
        let at = self.errors.iter().position(|count| {
            sum += count;
            sum >= wanted
        })?;
        Some(upper(at))
    }

    fn merge(&mut self, other: &Self) {
        self.within += other.within;
        self.sooner += other.sooner;
        self.later += other.later;
        for (mine, theirs) in self.errors.iter_mut().zip(other.errors) {
            *mine += theirs;
        }
    }
}

/// The error record of a sale: what was told, at joining or at any other point, against the wait that followed. Of constant
/// size; records of several nodes are merged in any order. Only waits without a reason of their own belong in it: no pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Record {
    buckets: [Bucket; AHEAD_BOUNDS.len() + 1],
}

impl Record {
    /// A fan with so many ahead was told `told`, and was let in `waited_s` seconds later.
    pub fn note(&mut self, ahead: u64, told: Range, waited_s: u32) {
        let bucket = &mut self.buckets[AHEAD_BOUNDS.partition_point(|bound| *bound <= ahead)];
        let count = if waited_s < told.low_s {
            &mut bucket.sooner
        } else if waited_s > told.high_s {
            &mut bucket.later
        } else {
            &mut bucket.within
        };
        *count += 1;
        let off_s = f64::from(told.low_s.midpoint(told.high_s).abs_diff(waited_s));
        bucket.errors[step(off_s / f64::from(waited_s.max(LEAST_S)))] += 1;
    }

    /// The buckets, those with the fewest ahead first.
    #[must_use]
    pub const fn buckets(&self) -> &[Bucket; AHEAD_BOUNDS.len() + 1] {
        &self.buckets
    }

    /// All of it as one bucket.
    #[must_use]
    pub fn all(&self) -> Bucket {
        let mut all = Bucket::default();
        self.buckets.iter().for_each(|bucket| all.merge(bucket));
        all
    }

    /// Takes another node's record in.
    pub fn merge(&mut self, other: &Self) {
        for (mine, theirs) in self.buckets.iter_mut().zip(&other.buckets) {
            mine.merge(theirs);
        }
    }

    /// The record as plain counts, for keeping.
    #[must_use]
    pub fn counts(&self) -> [u64; COUNTS] {
        let mut counts = [0; COUNTS];
        for (part, bucket) in counts.chunks_exact_mut(BUCKET).zip(&self.buckets) {
            part[..3].copy_from_slice(&[bucket.within, bucket.sooner, bucket.later]);
            part[3..].copy_from_slice(&bucket.errors);
        }
        counts
    }

    /// A record from its counts; nothing if they are not as many, or do not add up.
    #[must_use]
    pub fn from_counts(counts: &[u64]) -> Option<Self> {
        if counts.len() != COUNTS {
            return None;
        }
        let mut record = Self::default();
        for (part, bucket) in counts.chunks_exact(BUCKET).zip(&mut record.buckets) {
            (bucket.within, bucket.sooner, bucket.later) = (part[0], part[1], part[2]);
            bucket.errors.copy_from_slice(&part[3..]);
            let sum = |part: &[u64]| part.iter().try_fold(0u64, |sum, count| sum.checked_add(*count));
            if sum(&part[..3])? != sum(&part[3..])? {
                return None;
            }
        }
        Some(record)
    }
}

/// The step of an error.
fn step(error: f64) -> usize {
    if error < 1.0 { (error * 20.0) as usize } else { (20 + ((error - 1.0) * 4.0) as usize).min(ERRORS - 1) }
}

/// Where a step ends; the open last one, where it begins.
fn upper(step: usize) -> f64 {
    match step {
        0..20 => (step + 1) as f64 / 20.0,
        20..28 => 1.0 + (step - 19) as f64 / 4.0,
        _ => 3.0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_record_tells_how_well_was_told() {
        let mut record = Record::default();
        let told = Range { low_s: 80, high_s: 120 };
        for waited_s in [70, 80, 95, 100, 104, 120, 121, 200] {
            record.note(10, told, waited_s);
        }
        let bucket = record.buckets()[1];
        assert_eq!((bucket.within, bucket.sooner, bucket.later), (5, 1, 2));
        assert_eq!(bucket.share_within(), Some(0.625));
        assert_eq!((bucket.error(0.5), bucket.error(0.9)), (Some(0.2), Some(0.55)));
        assert_eq!((record.buckets()[0].error(0.5), record.buckets()[0].share_within()), (None, None));
        record.note(0, Range { low_s: 0, high_s: u32::MAX }, 0);
        record.note(u64::MAX, Range { low_s: 0, high_s: 0 }, u32::MAX);
        assert_eq!((record.buckets()[0].error(0.5), record.buckets()[6].error(0.5)), (Some(3.0), Some(1.25)));
    }

    proptest! {
        /// Merged in any split, kept and read again, a record is the same.
        #[test]
        fn records_merge(notes in prop::collection::vec((0u64..2_000_000, 0u32..9_000, 0u32..9_000, 0u32..20_000), 0..100), at in 0usize..100) {
            let note = |notes: &[(u64, u32, u32, u32)]| {
                let mut record = Record::default();
                for (ahead, low_s, over, waited_s) in notes {
                    record.note(*ahead, Range { low_s: *low_s, high_s: low_s + over }, *waited_s);
                }
                record
            };
            let (first, second) = notes.split_at(at.min(notes.len()));
            let mut merged = note(second);
            merged.merge(&note(first));
            prop_assert_eq!(merged, note(&notes));
            prop_assert_eq!(merged.all().count(), notes.len() as u64);
            prop_assert_eq!(Record::from_counts(&merged.counts()), Some(merged));
            let mut counts = merged.counts();
            counts[0] += 1;
            prop_assert_eq!(Record::from_counts(&counts), None);
        }
    }
}
