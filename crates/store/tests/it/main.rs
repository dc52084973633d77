//! The store on real servers: what it promises, what it does when things break, and that its checks see what is wrong.

mod history;
mod sound;
mod world;
