//! The command line.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use chassis::secret::Secret;
use chassis::tasks::Tasks;
use clap::{Parser, Subcommand};
use store::Store;

use crate::config::Config;
use crate::roles::{self, Role};
use crate::{doctor, draw, log, openapi, up};

/// A virtual waiting room that ends with a ticket.
#[derive(Debug, Parser)]
#[command(name = "usher", version, about, args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    /// Run these roles in this process, with the stores that DATABASE_URL and REDIS_URL name.
    #[arg(long, value_enum, num_args = 1.., required = true)]
    role: Vec<Role>,
    /// Settings; `USHER_…` variables win over them.
    #[arg(long)]
    config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the whole system, with a private Redis and Postgres where no URLs are given.
    Up(up::Up),
    /// Apply the migrations that are missing.
    Migrate(Stores),
    /// Settings.
    Config {
        #[command(subcommand)]
        what: ConfigCommand,
    },
    /// Print the OpenAPI document.
    Openapi {
        /// Print the JSON Schema of seat maps instead.
        #[arg(long)]
        seat_map: bool,
    },
    /// Check every invariant on the live stores; exits with 1 when one is broken.
    Verify {
        #[command(flatten)]
        stores: Stores,
        /// One JSON object instead of lines.
        #[arg(long)]
        json: bool,
        /// For how long, in milliseconds, holds may have outlived their deadline because a store was away.
        #[arg(long, default_value_t = 1_000)]
        slack_ms: i64,
    },
    /// A sale's log: fetch it, check it.
    Log {
        #[command(subcommand)]
        what: log::LogCommand,
    },
    /// Make every running event's copy in Redis anew.
    Rebuild(Stores),
    /// Say what this machine lacks.
    Doctor,
    /// The published draw of a sale's lobby; needs no store and no network.
    Draw {
        #[command(subcommand)]
        what: draw::Draw,
    },
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Read the settings, check them, and print them with the secrets left out.
    Check {
        /// The file; `USHER_…` variables win over it.
        #[arg(long)]
        config: Option<PathBuf>,
    },
}

/// Which stores a command works on.
#[derive(Debug, clap::Args)]
struct Stores {
    /// Settings; `USHER_…` variables win over them.
    #[arg(long)]
    config: Option<PathBuf>,
    /// The data folder of a running `usher up`, whose private servers are used.
    #[arg(long)]
    data: Option<PathBuf>,
}

impl Stores {
    async fn open(&self) -> anyhow::Result<Store> {
        let mut config = Config::load(self.config.as_deref())?;
        if let Some(data) = &self.data {
            let url = |name: &str| -> anyhow::Result<Option<Secret>> {
                let path = data.join("run").join(name);
                let text = std::fs::read_to_string(&path)
                    .with_context(|| format!("{} cannot be read; is `usher up` running there?", path.display()))?;
                Ok(Some(Secret::from(text.trim().to_owned())))
            };
            config.database_url = url("postgres.url")?;
            config.redis_url = url("redis.url")?;
        }
        config.pool_max = 4;
        Ok(Store::open(&config.stores()?).await?)
    }
}

/// Parses, runs, and turns what went wrong into one line.
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(fault) => {
            eprintln!("usher: the runtime cannot start: {fault}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(dispatch(cli)) {
        Ok(code) => code,
        Err(fault) => {
            eprintln!("usher: {fault:#}");
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(cli: Cli) -> anyhow::Result<ExitCode> {
    let Some(command) = cli.command else { return run_roles(cli.config.as_deref(), &cli.role).await };
    match command {
        Command::Up(options) => up::run(options).await?,
        Command::Migrate(stores) => {
            store::migrate(stores.open().await?.pool()).await?;
            println!("the database is up to date");
        }
        Command::Config { what: ConfigCommand::Check { config } } => {
            let config = Config::load(config.as_deref())?;
            config.secrets()?;
            println!("{}", serde_json::to_string_pretty(&config)?);
        }
        Command::Openapi { seat_map: false } => println!("{}", openapi::document().to_pretty_json()?),
        Command::Openapi { seat_map: true } => {
            println!("{}", serde_json::to_string_pretty(&contracts::seat_map::json_schema())?);
        }
        Command::Verify { stores, json, slack_ms } => return verify(&stores, json, slack_ms).await,
        Command::Log { what } => return log::run(what).await,
        Command::Rebuild(stores) => {
            let store = stores.open().await?;
            for event in store.running_events().await? {
                let epoch = store.rebuild(event).await?;
                println!("event {event}: epoch {}", epoch.number);
            }
        }
        Command::Doctor => return Ok(doctor::run()),
        Command::Draw { what } => return draw::run(what),
    }
    Ok(ExitCode::SUCCESS)
}

async fn run_roles(file: Option<&Path>, roles: &[Role]) -> anyhow::Result<ExitCode> {
    let config = Config::load(file)?;
    chassis::logs::init(config.logs.clone())?;
    roles::run(config, roles, Tasks::new(), |address| println!("ready http://{address}")).await?;
    Ok(ExitCode::SUCCESS)
}

async fn verify(stores: &Stores, json: bool, slack_ms: i64) -> anyhow::Result<ExitCode> {
    let report = stores.open().await?.verify_allowing(slack_ms).await?;
    let violations: Vec<String> = report
        .violations
        .iter()
        .map(|violation| format!("{} (invariant {}): {}", violation.check, violation.invariant, violation.what))
        .collect();
    if json {
        println!("{}", serde_json::json!({"checked": report.checked, "violations": violations}));
    } else {
        for violation in &violations {
            println!("{violation}");
        }
        println!("{} checks, {} violations", report.checked.len(), violations.len());
    }
    Ok(if report.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
