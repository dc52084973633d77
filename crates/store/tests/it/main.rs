//! The store on real servers: what it promises, what it does when things break, and that its checks see what is wrong.

mod faults;
mod follow;
mod history;
mod joins;
mod log;
mod mending;
mod offers;
mod pace;
mod schedule;
mod sound;
mod twins;
mod world;
