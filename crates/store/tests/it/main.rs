//! The store on real servers: what it promises, what it does when things break, and that its checks see what is wrong.

mod agree;
mod allotments;
mod blocks;
mod choice;
mod clock;
mod draw;
mod entry;
mod faults;
mod follow;
mod gifts;
mod halls;
mod history;
mod joins;
mod log;
mod mending;
mod offers;
mod pace;
mod planted;
mod planted_blocks;
mod schedule;
mod sound;
mod standing;
mod transfers;
mod tuning;
mod twins;
mod world;
