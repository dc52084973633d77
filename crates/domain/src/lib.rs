//! The rules of Usher without I/O: who is next, how many may go in, which seats a party gets, how a lobby is drawn.
//!
//! Nothing here knows a clock, a socket or a store; `now` comes in, decisions go out.

pub mod access;
pub mod draw;
pub mod estimate;
pub mod evenness;
pub mod line;
pub mod odds;
pub mod order;
pub mod pacing;
pub mod preview;
pub mod sale;
pub mod seats;
