//! The chassis over real sockets: what a client sees, and how a process ends.

mod edge;
mod lifecycle;
mod listener;
mod settings;
mod wire;
