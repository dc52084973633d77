//! What the commands take.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// The command line.
#[derive(Debug, Parser)]
#[command(name = "loadgen", about = "Simulated crowds, the demo sale, the outsider's checker and benches", version)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start everything with a demo sale and a crowd, until stopped.
    Up(UpArgs),
    /// Run one whole sale without a browser and judge it.
    Demo(DemoArgs),
    /// Run demos with something killed, every kind, many seeds.
    Chaos(ChaosArgs),
    /// Measure, against a limit measured in the same run.
    Bench(BenchArgs),
    /// A share of a crowd: orders on standard input, diaries on standard output.
    #[command(hide = true)]
    Crowd,
    /// The limit of the joins bench: a handler that does nothing, served by axum as it comes.
    #[command(hide = true)]
    EmptyHandler(EmptyArgs),
}

/// `loadgen up`.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// Where to listen.
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    /// Where everything is kept between runs.
    #[arg(long, default_value = ".usher")]
    pub data: PathBuf,
    /// How many simulated fans come during the sale.
    #[arg(long, default_value_t = 1_500)]
    pub fans: u32,
    /// Send no simulated fans.
    #[arg(long)]
    pub no_crowd: bool,
    /// Throw away what earlier runs left in the data folder.
    #[arg(long)]
    pub fresh: bool,
    /// Run each role as a process of its own.
    #[arg(long)]
    pub split: bool,
    /// Decides the crowd's characters.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// What a demo can kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "kebab-case")]
pub enum Role {
    /// The door.
    QueueGateway,
    /// The pace.
    Admission,
    /// Seat maps and lapses.
    Inventory,
    /// Seating, bookings and payments.
    BookingWorker,
    /// Sockets.
    Realtime,
    /// The payment provider.
    PaymentMock,
    /// The private Redis.
    Redis,
    /// The private Postgres.
    Postgres,
}

impl Role {
    /// Its word, as in its pid file.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::QueueGateway => "queue-gateway",
            Self::Admission => "admission",
            Self::Inventory => "inventory",
            Self::BookingWorker => "booking-worker",
            Self::Realtime => "realtime",
            Self::PaymentMock => "payment-mock",
            Self::Redis => "redis",
            Self::Postgres => "postgres",
        }
    }

    /// Whether it is one of Usher's roles, which have a process of their own only when run apart.
    #[must_use]
    pub const fn needs_split(self) -> bool {
        !matches!(self, Self::PaymentMock | Self::Redis | Self::Postgres)
    }
}

/// `loadgen demo`.
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// How many people come.
    #[arg(long, default_value_t = 800)]
    pub fans: u32,
    /// How many seats and standing places there are; without it, three for eight fans.
    #[arg(long)]
    pub seats: Option<u32>,
    /// Over how many seconds the sale sells out, about: more for very large ones. Without it, two minutes at most.
    #[arg(long, value_parser = clap::value_parser!(u32).range(35..=3_600))]
    pub lasts: Option<u32>,
    /// Run each role as a process of its own.
    #[arg(long)]
    pub split: bool,
    /// Kill this once, at a random moment in the middle of the sale.
    #[arg(long)]
    pub kill: Option<Role>,
    /// How often to kill it, ten seconds apart or more.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=4))]
    pub times: u8,
    /// Have an operator change the pace three times and pause once.
    #[arg(long)]
    pub operate: bool,
    /// Ask for a preview of twice the pace, set it, and hold what comes against it.
    #[arg(long)]
    pub preview: bool,
    /// Let the fans pick their seats on the live map.
    #[arg(long)]
    pub pick: bool,
    /// Empty Redis once, at a random moment in the middle of the sale.
    #[arg(long)]
    pub empty_redis: bool,
    /// Decides every fan's character and every random moment.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Only JSON on standard output. It is always the last line; this is for those who want to say so.
    #[arg(long)]
    pub json: bool,
    /// Where everything is kept; without it, a fresh temporary folder.
    #[arg(long)]
    pub data: Option<PathBuf>,
    /// Keep the folder, with the logs and what every fan saw.
    #[arg(long)]
    pub keep: bool,
}

/// `loadgen chaos`.
#[derive(Debug, Args)]
pub struct ChaosArgs {
    /// How many seeds per kind of fault.
    #[arg(long, default_value_t = 10)]
    pub seeds: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    pub from: u64,
    /// How many people come to each sale.
    #[arg(long, default_value_t = 800)]
    pub fans: u32,
    /// How many seats each sale has.
    #[arg(long, default_value_t = 300)]
    pub seats: u32,
    /// Only these kinds of fault: a role's name, or `empty-redis`.
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
}

/// `loadgen bench`.
#[derive(Debug, Args)]
pub struct BenchArgs {
    /// Which: `joins`, `lapse`, `draw`, `admit`, `line-growth`, `preview`, `seat-choice`. All without a name.
    pub names: Vec<String>,
    /// Only JSON on standard output.
    #[arg(long)]
    pub json: bool,
    /// Rounds of each measurement.
    #[arg(long, default_value_t = 3)]
    pub rounds: u32,
    /// How long one round of joins lasts.
    #[arg(long, default_value_t = 5)]
    pub seconds: u64,
    /// Decides everything that is random.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// `loadgen empty-handler`.
#[derive(Debug, Args)]
pub struct EmptyArgs {
    /// Where to listen.
    #[arg(long)]
    pub port: u16,
    /// The file whose bytes are the reply.
    #[arg(long)]
    pub reply: PathBuf,
}
