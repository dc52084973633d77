//! `usher up`: the whole system, with a private Redis and Postgres where no URLs are given.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use chassis::secret::Secret;
use chassis::tasks::{TaskKind, Tasks};
use rand::RngExt as _;
use store::servers::{PrivatePostgres, PrivateRedis, Programs};
use tokio::sync::Mutex;

use crate::config::Config;
use crate::roles::{self, Role};
use crate::split;

/// Options of `usher up`.
#[derive(Debug, Clone, clap::Args)]
pub struct Up {
    /// The public port on 127.0.0.1.
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// Where everything is kept.
    #[arg(long, default_value = ".usher")]
    data: PathBuf,
    /// Each role as a process of its own, behind nginx.
    #[arg(long)]
    split: bool,
    /// Processes that serve sockets, each up to 12,000; above one they get a port of their own.
    #[arg(long, default_value_t = 1)]
    realtime_processes: u16,
    /// Settings; `USHER_…` variables win over them.
    #[arg(long)]
    config: Option<PathBuf>,
}

/// The private servers, where there are any.
struct Servers {
    redis: Option<Arc<Mutex<PrivateRedis>>>,
    postgres: Option<Arc<Mutex<PrivatePostgres>>>,
}

/// Starts everything, says `ready`, runs until told to stop, stops everything.
pub async fn run(options: Up) -> anyhow::Result<()> {
    let mut config = Config::load(options.config.as_deref())?;
    chassis::logs::init(config.logs.clone())?;
    config.listen = SocketAddr::from(([127, 0, 0, 1], options.port));
    // Said at once, before servers are started for nothing.
    drop(chassis::serve::bind(config.listen, false, 1)?);
    let data = absolute(&options.data)?;
    fs::create_dir_all(data.join("run")).with_context(|| format!("{} cannot be made", data.join("run").display()))?;
    split::end_leftovers(&data).await;
    if config.secrets.is_empty() {
        config.secrets = vec![own_secret(&data)?];
    }
    let tasks = Tasks::new();
    let servers = start_servers(&mut config, &data, &tasks).await?;
    let outcome = serve(&options, config, &data, tasks).await;
    servers.stop().await;
    outcome
}

async fn serve(options: &Up, mut config: Config, data: &Path, tasks: Tasks) -> anyhow::Result<()> {
    let stores = config.stores()?;
    write(&data.join("run/postgres.url"), &stores.database_url)?;
    write(&data.join("run/redis.url"), &stores.redis_url)?;
    let pool = store::connect_postgres(&stores.database_url, 1)
        .await
        .context("Postgres cannot be reached; check DATABASE_URL")?;
    store::migrate(&pool).await?;
    pool.close().await;
    if options.realtime_processes > 1 {
        let shared = split::spare_address()?;
        config.gateway.live_base = Some(format!("http://{shared}"));
        for nth in 1..=options.realtime_processes {
            let child = split::realtime(&config, options.config.as_deref(), data, shared, nth)?;
            tasks.spawn(TaskKind::Service, "realtime process", child.keep(tasks.soft()));
        }
    }
    if options.split {
        return split::run(config, options.config.as_deref(), data, tasks).await;
    }
    write(&data.join("run/usher.pid"), &format!("{}\n", std::process::id()))?;
    roles::run(config, &Role::ALL, tasks, |address| println!("ready http://{address}")).await
}

async fn start_servers(config: &mut Config, data: &Path, tasks: &Tasks) -> anyhow::Result<Servers> {
    let mut servers = Servers { redis: None, postgres: None };
    if config.database_url.is_none() {
        let postgres = PrivatePostgres::start(data, &Programs::find()?, true).await?;
        config.database_url = Some(Secret::from(postgres.url().to_owned()));
        let postgres = Arc::new(Mutex::new(postgres));
        servers.postgres = Some(postgres.clone());
        let stop = tasks.soft();
        tasks.spawn(TaskKind::Service, "private postgres", async move { Ok(postgres.lock().await.run(stop).await?) });
    }
    if config.redis_url.is_none() {
        let redis = PrivateRedis::start(data, &Programs::find()?).await?;
        config.redis_url = Some(Secret::from(redis.url().to_owned()));
        let redis = Arc::new(Mutex::new(redis));
        servers.redis = Some(redis.clone());
        let stop = tasks.soft();
        tasks.spawn(TaskKind::Service, "private redis", async move { Ok(redis.lock().await.run(stop).await?) });
    }
    Ok(servers)
}

impl Servers {
    /// After everything that speaks to them has stopped.
    async fn stop(self) {
        if let Some(redis) = self.redis.and_then(Arc::into_inner)
            && let Err(fault) = redis.into_inner().stop().await
        {
            tracing::warn!(%fault, "the private redis did not stop in order");
        }
        if let Some(postgres) = self.postgres.and_then(Arc::into_inner)
            && let Err(fault) = postgres.into_inner().stop().await
        {
            tracing::warn!(%fault, "the private postgres did not stop in order");
        }
    }
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("{} is no usable folder", path.display()))
}

pub fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    fs::write(path, text).with_context(|| format!("{} cannot be written", path.display()))
}

/// The installation's own secret: made once, readable by its owner only.
fn own_secret(data: &Path) -> anyhow::Result<Secret> {
    let path = data.join("usher.secret");
    if let Ok(text) = fs::read_to_string(&path) {
        return Ok(Secret::from(text.trim().to_owned()));
    }
    let secret = {
        use std::fmt::Write as _;
        let bytes: [u8; 32] = rand::rng().random();
        bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    };
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("{} cannot be written", path.display()))?;
    file.write_all(secret.as_bytes())?;
    Ok(Secret::from(secret))
}
