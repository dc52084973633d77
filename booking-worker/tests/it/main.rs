//! The role against real stores and a real provider process's worth of payment-mock.

mod blocks;
mod crashes;
mod exchanges;
mod fans;
mod gifts;
mod late;
mod paying;
mod provider;
mod seating;
mod webhooks;
mod world;
