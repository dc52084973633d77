//! Seat maps over HTTP, with real stores behind them.

mod desk;
mod maps;
