//! How long a fan still waits, as an honest range, how it is shown, and how well it was kept.
//!
//! A [`Forecast`] is made once for a sale, a few times a second; [`Forecast::of`] then answers each fan in nanoseconds.
//! [`Shown`] is what a fan is told of it: rounded, and not jumping. A [`Record`] compares what was told with what came.

mod record;
mod shown;

#[cfg(test)]
mod tests;

pub use record::{AHEAD_BOUNDS, Bucket, COUNTS, Record};
pub use shown::{Change, Shown};

use crate::pacing::Tuning;

/// A wait is not estimated further than this, in seconds.
pub const LONGEST_S: u32 = 7 * 24 * 3_600;

/// Between this quantile and its mirror lie eight tenths of a normal distribution.
const QUANTILE: f64 = 1.2816;

/// What the pace may drift by that its history does not show, as a relative standard deviation.
const DRIFT: f64 = 0.1;

/// At twice its share a minute's worth may go in within the first half, and nobody in the second.
const BURST_S: f64 = 30.0;

/// Before anything was measured, the pace may be this share of the one that is set.
const UNMEASURED: f64 = 1.0 / 3.0;

/// As many fans have to have been allowed in, and none come, for a line to be said to stand still.
const STALLED: f64 = 10.0;

/// A table of the pace to come has at most so many minutes.
const TABLE_MINUTES: i64 = 24 * 60;

/// One minute of the past.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Minute {
    /// How many were let in.
    pub admitted: u32,
    /// How many the pace would have let in ([`crate::pacing::InForce::per_minute`], for as much of the minute as doors were
    /// open, nobody was held and somebody waited); 0 says nothing.
    pub allowed: f64,
}

/// What an estimate goes by.
#[derive(Debug, Clone, Copy)]
pub struct Outlook<'a> {
    /// Now, in milliseconds since 1970, as are the next two.
    pub now_ms: i64,
    /// When the sale opens, or opened.
    pub opens_at_ms: i64,
    /// When a pause ends, if that is known.
    pub resumes_at_ms: Option<i64>,
    /// The last minutes, each of the 60 seconds before the one before it, the newest first.
    pub minutes: &'a [Minute],
    /// The knobs.
    pub tuning: &'a Tuning,
    /// [`crate::pacing::ShowUp::share`].
    pub show_up: f64,
    /// [`crate::pacing::Brake::factor`].
    pub brake: f64,
}

/// A wait in seconds: with about eight chances in ten it is in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Hardly sooner.
    pub low_s: u32,
    /// Hardly later.
    pub high_s: u32,
}

/// Why no honest range can be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// Nobody is let in, and until when is not known.
    Paused,
    /// Somebody could be let in, and nobody is: all seats are held, or something is wrong.
    Stalled,
    /// Longer than [`LONGEST_S`].
    TooLong,
}

/// The pace to come and how sure it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Forecast {
    known: Result<Pace, Unknown>,
}

#[derive(Debug, Clone, PartialEq)]
struct Pace {
    /// Until anybody is let in, in seconds.
    delay_s: f64,
    /// At the pace that is set: how many will have been let in by the end of each minute after that, while it changes.
    table: Vec<f64>,
    /// And per second from then on.
    then_per_second: f64,
    /// The measured share of that pace, at best and at worst.
    fast: f64,
    slow: f64,
    /// The squared relative spread of single minutes, and of their mean.
    minute_spread: f64,
    mean_spread: f64,
}

impl Forecast {
    /// Made for a sale from its outlook.
    ///
    /// The measured minutes give the share of the set pace that really goes in: over all of them, and over the newest quarter,
    /// so that a change is seen in one end of the range before the other believes it. The range around them is log-normal, of
    /// eight chances in ten, its variance being that of the mean, that of the minutes to come (which average out over a long
    /// wait), and a tenth of drift. The rate as a hard cap bounds it from below.
    #[must_use]
    pub fn new(outlook: &Outlook<'_>) -> Self {
        Self { known: pace(outlook) }
    }

    /// The wait of a fan with so many ahead.
    ///
    /// # Errors
    /// [`Unknown`] says why there is none.
    pub fn of(&self, ahead: u64) -> Result<Range, Unknown> {
        let pace = self.known.as_ref().map_err(|why| *why)?;
        let ahead = ahead as f64;
        let middle_s = pace.time_s(ahead + 1.0, (pace.fast * pace.slow).sqrt());
        let minutes = ((middle_s - pace.delay_s) / 60.0).max(1.0);
        let spread = (pace.mean_spread + pace.minute_spread / minutes + DRIFT * DRIFT).sqrt();
        let factor = (QUANTILE * spread).exp();
        let low_s = (pace.time_s(ahead, (pace.fast * factor).min(1.0)) - BURST_S).max(pace.delay_s);
        let high_s = pace.time_s(ahead + 1.0, pace.slow / factor) + BURST_S;
        // The far end may be further than is ever said; the near one may not.
        if low_s >= f64::from(LONGEST_S) {
            return Err(Unknown::TooLong);
        }
        Ok(Range { low_s: low_s as u32, high_s: high_s.ceil().min(f64::from(LONGEST_S)) as u32 })
    }
}

impl Pace {
    /// When so many will have been let in, at this share of the set pace, in seconds from now.
    fn time_s(&self, fans: f64, share: f64) -> f64 {
        let target = fans / share;
        let full = self.table.partition_point(|by_then| *by_then < target);
        let before = if full == 0 { 0.0 } else { self.table[full - 1] };
        let per_second = match self.table.get(full) {
            Some(by_then) => (by_then - before) / 60.0,
            None => self.then_per_second,
        };
        self.delay_s + full as f64 * 60.0 + (target - before) / per_second
    }
}

fn pace(outlook: &Outlook<'_>) -> Result<Pace, Unknown> {
    let paused = outlook.tuning.held || outlook.tuning.stopped;
    let resumes_ms = match (paused, outlook.resumes_at_ms) {
        (true, None) => return Err(Unknown::Paused),
        (true, Some(at)) => at,
        (false, _) => outlook.now_ms,
    };
    let from_ms = outlook.now_ms.max(outlook.opens_at_ms).max(resumes_ms);
    let open = Tuning { held: false, stopped: false, ..outlook.tuning.clone() };
    let per_minute = |at_ms: i64| open.in_force(at_ms, outlook.show_up, outlook.brake).per_minute;
    let changing_ms = open.ramp.steps().last().map_or(0, |step| step.at_ms.saturating_sub(from_ms)).max(0);
    let minutes = (changing_ms / 60_000 + i64::from(changing_ms % 60_000 > 0)).min(TABLE_MINUTES);
    let mut sum = 0.0;
    let table = (0..minutes)
        .map(|nth| {
            // The middle of each of its six parts stands for it.
            let parts = (0..6).map(|part| per_minute(from_ms.saturating_add(nth * 60_000 + part * 10_000 + 5_000)));
            sum += parts.sum::<f64>() / 6.0;
            sum
        })
        .collect();
    let then_per_second = per_minute(from_ms.saturating_add(minutes * 60_000)) / 60.0;
    if then_per_second <= 0.0 {
        return Err(Unknown::Stalled);
    }
    let delay_s = from_ms.saturating_sub(outlook.now_ms) as f64 / 1_000.0;
    let pace = |fast, slow, minute_spread, mean_spread| Pace {
        delay_s,
        table,
        then_per_second,
        fast,
        slow,
        minute_spread,
        mean_spread,
    };
    let measured: Vec<_> = outlook.minutes.iter().filter(|minute| minute.allowed >= 1.0).collect();
    let admitted = |of: &[&Minute]| of.iter().map(|minute| f64::from(minute.admitted)).sum::<f64>();
    let allowed = |of: &[&Minute]| of.iter().map(|minute| minute.allowed).sum::<f64>();
    if admitted(&measured) == 0.0 {
        let stalled = measured.len() >= 2 && allowed(&measured) >= STALLED;
        return if stalled { Err(Unknown::Stalled) } else { Ok(pace(1.0, UNMEASURED, 0.0, 0.0)) };
    }
    let newest = &measured[..measured.len().div_ceil(4)];
    let overall = admitted(&measured) / allowed(&measured);
    // Half a fan more, so that a standstill just begun is a long wait and not an endless one.
    let lately = (admitted(newest) + 0.5) / allowed(newest);
    let squares = measured.iter().map(|minute| (f64::from(minute.admitted) / minute.allowed / overall - 1.0).powi(2));
    let count = measured.len() as f64;
    // One minute alone says nothing of the spread: a third.
    let spread = if measured.len() < 2 { 1.0 / 9.0 } else { squares.sum::<f64>() / (count - 1.0) };
    Ok(pace(overall.max(lately).min(1.0), overall.min(lately).min(1.0), spread, spread / count))
}
