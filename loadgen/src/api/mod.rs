//! The public API from outside: HTTP and sockets, from many source addresses, patient with a server that is away.

pub mod addresses;
pub mod caller;
pub mod provider;
pub mod socket;

pub use addresses::{Addresses, Device};
pub use caller::{Answer, Ask, Caller, Refusal};
