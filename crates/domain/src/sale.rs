//! What a sale is doing: derived from its windows, its draw, its tuning and its seats, never kept.

/// What a published sale is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Its lobby, or else its doors, open later.
    Scheduled,
    /// Fans gather without numbers.
    Lobby,
    /// The lobby is closed and its numbers are not drawn yet.
    Drawing,
    /// People are let in.
    Open,
    /// An operator holds everybody; places are kept.
    Paused,
    /// Nobody joins any more; who stands in line is still let in.
    Closing,
    /// Its wait is over.
    Closed,
    /// Every seat is sold and paid.
    SoldOut,
}

impl State {
    /// Whether people are let in.
    #[must_use]
    pub const fn admits(self) -> bool {
        matches!(self, Self::Open | Self::Closing)
    }
}

/// All that decides what a sale is doing, but the time. Times are milliseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Course {
    /// When fans may gather before the opening; nothing for a sale without a lobby.
    pub lobby_opens_at_ms: Option<i64>,
    /// When people begin to be let in.
    pub opens_at_ms: i64,
    /// When nobody can join any more.
    pub closes_at_ms: i64,
    /// Until when those who wait at the close are let in; nothing for not at all.
    pub wait_ends_at_ms: Option<i64>,
    /// Whether the lobby's places get their numbers by a draw.
    pub draws: bool,
    /// Whether they have them.
    pub drawn: bool,
    /// Whether an operator holds everybody.
    pub paused: bool,
    /// Whether every seat is sold and paid.
    pub sold_out: bool,
}

impl Course {
    /// When joining begins.
    #[must_use]
    pub fn joins_from_ms(&self) -> i64 {
        self.lobby_opens_at_ms.unwrap_or(self.opens_at_ms)
    }

    /// When the last place is let in at the latest.
    #[must_use]
    pub fn ends_at_ms(&self) -> i64 {
        self.wait_ends_at_ms.unwrap_or(self.closes_at_ms)
    }

    /// Whether nobody may be let in before a draw.
    #[must_use]
    pub fn awaits_draw(&self) -> bool {
        self.draws && self.lobby_opens_at_ms.is_some() && !self.drawn
    }

    /// What the sale is doing.
    #[must_use]
    pub fn state(&self, now_ms: i64) -> State {
        if self.sold_out {
            State::SoldOut
        } else if now_ms < self.joins_from_ms() {
            State::Scheduled
        } else if now_ms < self.opens_at_ms {
            State::Lobby
        } else if now_ms >= self.ends_at_ms() {
            State::Closed
        } else if self.awaits_draw() {
            State::Drawing
        } else if self.paused {
            State::Paused
        } else if now_ms >= self.closes_at_ms {
            State::Closing
        } else {
            State::Open
        }
    }

    /// The moments at which the clock alone changes what the sale is doing, ascending.
    #[must_use]
    pub fn moments_ms(&self) -> [i64; 4] {
        [self.joins_from_ms(), self.opens_at_ms, self.closes_at_ms, self.ends_at_ms()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COURSE: Course = Course {
        lobby_opens_at_ms: Some(100),
        opens_at_ms: 200,
        closes_at_ms: 300,
        wait_ends_at_ms: Some(400),
        draws: true,
        drawn: false,
        paused: false,
        sold_out: false,
    };

    #[test]
    fn the_clock_and_the_draw_lead_through_all_states() {
        let states = |course: Course| [99, 100, 199, 200, 299, 300, 399, 400].map(|now_ms| course.state(now_ms));
        use State::{Closed, Closing, Drawing, Lobby, Open, Paused, Scheduled, SoldOut};
        assert_eq!(states(COURSE), [Scheduled, Lobby, Lobby, Drawing, Drawing, Drawing, Drawing, Closed]);
        let drawn = Course { drawn: true, ..COURSE };
        assert_eq!(states(drawn), [Scheduled, Lobby, Lobby, Open, Open, Closing, Closing, Closed]);
        assert_eq!(states(Course { draws: false, ..COURSE }), states(drawn));
        let paused = Course { paused: true, ..drawn };
        assert_eq!(states(paused), [Scheduled, Lobby, Lobby, Paused, Paused, Paused, Paused, Closed]);
        let plain = Course { lobby_opens_at_ms: None, wait_ends_at_ms: None, ..COURSE };
        assert_eq!(states(plain), [Scheduled, Scheduled, Scheduled, Open, Open, Closed, Closed, Closed]);
        assert_eq!(Course { sold_out: true, ..COURSE }.state(0), SoldOut);
    }
}
