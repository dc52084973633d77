//! The rules together, in seeded schedules of everything that happens to a line, against naive oracles.

mod pace;
