//! The provider as its clients see it: the real executable, its real store, over real HTTP.

mod crash;
mod faults;
mod harness;
mod intents;
mod keys;
mod page;
mod refunds;
mod webhooks;
