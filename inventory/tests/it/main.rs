//! Seat maps and picking over HTTP, with real stores behind them.

mod blocks;
mod desk;
mod maps;
mod picking;
