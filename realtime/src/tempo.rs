//! How fast a sale's line really moved, minute by minute, against how fast it was allowed to.

use std::collections::VecDeque;

use domain::estimate::Minute;

/// The past is kept in slices of this length, so that a minute's end is never older than this.
const SLICE_MS: i64 = 5_000;
/// So many slices are a minute.
const PER_MINUTE: usize = 12;
/// So many are kept: ten minutes.
const KEPT: usize = 10 * PER_MINUTE;
/// Admissions come a little late, and are known for two minutes: slices younger than this are counted anew.
const RECOUNT_MS: i64 = 110_000;

#[derive(Debug, Clone, Copy)]
struct Slice {
    from_ms: i64,
    admitted: u32,
    allowed: f64,
}

/// The last minutes of a line.
#[derive(Debug, Default)]
pub struct Tempo {
    /// The newest first.
    slices: VecDeque<Slice>,
    at_ms: i64,
}

impl Tempo {
    /// With what is known at `now_ms` of a line that stands already: since the first admission known it is taken to have stood
    /// before open doors at this pace.
    pub fn new(admissions: &VecDeque<(i64, u32)>, per_minute: Option<f64>, now_ms: i64) -> Self {
        let mut tempo = Self { slices: VecDeque::new(), at_ms: now_ms };
        if let (Some((first_ms, _)), Some(_)) = (admissions.front(), per_minute) {
            tempo.at_ms = (*first_ms).clamp(now_ms - RECOUNT_MS, now_ms);
            while tempo.at_ms < now_ms {
                let next_ms = (tempo.at_ms + SLICE_MS).min(now_ms);
                tempo.pass(admissions, per_minute, next_ms);
            }
        }
        tempo
    }

    /// Time went by until `now_ms`, in which so many could have been let in per minute; nothing while nobody could.
    pub fn pass(&mut self, admissions: &VecDeque<(i64, u32)>, per_minute: Option<f64>, now_ms: i64) {
        let passed_ms = (now_ms - self.at_ms).max(0);
        let from_ms = std::mem::replace(&mut self.at_ms, now_ms);
        if self.slices.front().is_none_or(|slice| now_ms - slice.from_ms > SLICE_MS) {
            self.slices.push_front(Slice { from_ms, admitted: 0, allowed: 0.0 });
            self.slices.truncate(KEPT);
        }
        if let Some(newest) = self.slices.front_mut() {
            newest.allowed += per_minute.unwrap_or(0.0) * passed_ms as f64 / 60_000.0;
        }
        let mut to_ms = i64::MAX;
        for slice in self.slices.iter_mut().take_while(|slice| slice.from_ms > now_ms - RECOUNT_MS) {
            let within = admissions.iter().filter(|(at, _)| *at > slice.from_ms && *at <= to_ms);
            slice.admitted = within.map(|(_, count)| count).sum();
            to_ms = slice.from_ms;
        }
    }

    /// As an estimate wants them, the newest first; the last may be shorter.
    pub fn minutes(&self) -> Vec<Minute> {
        let minute = |slices: &[Slice]| Minute {
            admitted: slices.iter().map(|slice| slice.admitted).sum(),
            allowed: slices.iter().map(|slice| slice.allowed).sum(),
        };
        let slices: Vec<Slice> = self.slices.iter().copied().collect();
        slices.chunks(PER_MINUTE).map(minute).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_are_what_was_allowed_and_what_came() {
        let mut admissions = VecDeque::new();
        let mut tempo = Tempo::new(&admissions, None, 0);
        for second in 1..=150 {
            admissions.push_back((second * 1_000, 2));
            // Nobody waits in the last half minute.
            tempo.pass(&admissions, (second <= 120).then_some(180.0), second * 1_000);
        }
        let minutes = tempo.minutes();
        let (admitted, allowed) =
            minutes.iter().fold((0, 0.0), |sum, minute| (sum.0 + minute.admitted, sum.1 + minute.allowed));
        assert_eq!(admitted, 300);
        assert!((allowed - 360.0).abs() < 1e-6, "{allowed}");
        assert_eq!((minutes.len(), minutes[0].admitted), (3, 120));
        assert!((minutes[0].allowed - 90.0).abs() < 1e-6, "{minutes:?}");
    }

    #[test]
    fn what_was_admitted_before_we_came_counts_and_silence_says_nothing() {
        let now_ms = 1_000_000;
        let admissions: VecDeque<_> = (1..=30).map(|nth| (now_ms - 60_000 + nth * 2_000, 1)).collect();
        let minutes = Tempo::new(&admissions, Some(60.0), now_ms).minutes();
        // The first known admission begins the count and is not in it.
        assert_eq!(minutes.iter().map(|minute| minute.admitted).sum::<u32>(), 29);
        assert!((minutes.iter().map(|minute| minute.allowed).sum::<f64>() - 58.0).abs() < 1e-6);
        assert!(Tempo::new(&VecDeque::new(), Some(60.0), now_ms).minutes().is_empty());
    }
}
