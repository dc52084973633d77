//! The program from outside: its command line, and the whole system in one process.

mod command_line;
mod draw;
mod openapi;
mod up;
