//! Roles as processes of their own behind nginx: started, watched, restarted when they die, stopped by process id.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use chassis::retry::Backoff;
use chassis::tasks::{TaskKind, Tasks};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::Command;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::roles::Role;
use crate::up::write;

/// How long a process may take to stop before it is ended.
const STOP_PATIENCE: Duration = Duration::from_secs(12);
/// How long everything may take to be ready.
const READY_PATIENCE: Duration = Duration::from_mins(1);
const TEMPLATE: &str = include_str!("../../deploy/nginx/split.conf");

/// A process that this one keeps alive.
pub struct Child {
    name: String,
    program: PathBuf,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
    pid_file: PathBuf,
}

/// Runs every role as a process of its own until told to stop.
pub async fn run(config: Config, file: Option<&Path>, data: &Path, tasks: Tasks) -> anyhow::Result<()> {
    let nginx = find_nginx().context("nginx is missing, which --split needs: apt-get install nginx-light")?;
    let mut names = Vec::new();
    let mut probes = Vec::new();
    let apart = config.gateway.live_base.is_some();
    for role in Role::ALL {
        let (address, probe) = (spare_address()?, spare_address()?);
        names.push((role, address));
        probes.push(probe);
        // Behind the ingress every connection comes from it, and its word for the client's address is taken.
        let mut variables = vec![
            ("USHER_HTTP__TRUSTED_PROXIES".to_owned(), r#"["127.0.0.1"]"#.to_owned()),
            ("USHER_LISTENER__UNCAPPED".to_owned(), r#"["127.0.0.1"]"#.to_owned()),
        ];
        if apart {
            variables
                .extend(config.gateway.live_base.clone().map(|base| ("USHER_GATEWAY__LIVE_BASE".to_owned(), base)));
        }
        if role == Role::QueueGateway && config.gateway.public_url.is_none() {
            variables.push(("USHER_GATEWAY__PUBLIC_URL".to_owned(), format!("http://{}", config.listen)));
        }
        let child = role_process(&config, file, data, role, role.name().to_owned(), address, probe, variables)?;
        tasks.spawn(TaskKind::Service, role.name(), child.keep(tasks.soft()));
    }
    let dir = data.join("nginx");
    fs::create_dir_all(&dir).with_context(|| format!("{} cannot be made", dir.display()))?;
    let conf = dir.join("nginx.conf");
    write(&conf, &nginx_conf(&dir, config.listen, &names))?;
    let ingress = Child {
        name: "nginx".to_owned(),
        program: nginx,
        arguments: ["-p", &dir.display().to_string(), "-e", "stderr", "-c", &conf.display().to_string()]
            .map(str::to_owned)
            .to_vec(),
        variables: Vec::new(),
        pid_file: data.join("run/nginx.pid"),
    };
    tasks.spawn(TaskKind::Service, "nginx", ingress.keep(tasks.soft()));
    let (stop, listen) = (tasks.soft(), config.listen);
    tasks.spawn(TaskKind::Job, "waiting for the roles", async move {
        if let Some(ready) = stop.run_until_cancelled(until_ready(listen, &probes)).await {
            match ready {
                Ok(()) => println!("ready http://{listen}"),
                Err(fault) => tracing::error!(%fault, "not ready"),
            }
        }
        Ok(())
    });
    tasks.run_until_stopped(STOP_PATIENCE + Duration::from_secs(3)).await?;
    Ok(())
}

/// One of several processes that serve sockets on a shared address.
pub fn realtime(
    config: &Config,
    file: Option<&Path>,
    data: &Path,
    shared: SocketAddr,
    nth: u16,
) -> anyhow::Result<Child> {
    let variables = vec![("USHER_SHARE_LISTEN".to_owned(), "true".to_owned())];
    role_process(config, file, data, Role::Realtime, format!("realtime-{nth}"), shared, spare_address()?, variables)
}

#[expect(clippy::too_many_arguments, reason = "one call site per kind of process, each argument of a type of its own")]
fn role_process(
    config: &Config,
    file: Option<&Path>,
    data: &Path,
    role: Role,
    name: String,
    address: SocketAddr,
    probe: SocketAddr,
    mut variables: Vec<(String, String)>,
) -> anyhow::Result<Child> {
    let stores = config.stores()?;
    let secrets = config.secrets()?;
    variables.extend([
        ("DATABASE_URL".to_owned(), stores.database_url),
        ("REDIS_URL".to_owned(), stores.redis_url),
        ("USHER_SECRETS".to_owned(), format!("{secrets:?}")),
        ("USHER_LISTEN".to_owned(), address.to_string()),
        ("USHER_PRIVATE_LISTEN".to_owned(), probe.to_string()),
        // Five processes share one Postgres.
        ("USHER_POOL_MAX".to_owned(), (config.pool_max / 2).max(4).to_string()),
    ]);
    let mut arguments = vec!["--role".to_owned(), role.name().to_owned()];
    if let Some(file) = file {
        arguments.extend(["--config".to_owned(), file.display().to_string()]);
    }
    let program = std::env::current_exe().context("this program's own path is not known")?;
    Ok(Child { pid_file: data.join("run").join(format!("{name}.pid")), name, program, arguments, variables })
}

impl Child {
    /// Keeps the process alive until told to stop, then stops it.
    pub async fn keep(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut backoff = Backoff::new(50, 2_000);
        loop {
            let started = Instant::now();
            let mut process = self.spawn()?;
            let pid = process.id().context("a process just started has an id")?;
            write(&self.pid_file, &format!("{pid}\n"))?;
            tokio::select! {
                status = process.wait() => {
                    let status = status.map_or_else(|fault| fault.to_string(), |status| status.to_string());
                    tracing::warn!(process = self.name, status, "a process died and is started again");
                    metrics::counter!("usher_process_restarts_total", "process" => self.name.clone()).increment(1);
                }
                () = stop.cancelled() => {
                    signal(pid, Signal::TERM);
                    if timeout(STOP_PATIENCE, process.wait()).await.is_err() {
                        tracing::warn!(process = self.name, "a process did not stop in time and is ended");
                        process.kill().await?;
                    }
                    // Nobody runs under this name any more.
                    drop(fs::remove_file(&self.pid_file));
                    return Ok(());
                }
            }
            if started.elapsed() > Duration::from_secs(5) {
                backoff.reset();
            }
            tokio::select! {
                () = tokio::time::sleep(backoff.delay()) => {}
                () = stop.cancelled() => return Ok(()),
            }
        }
    }

    fn spawn(&self) -> anyhow::Result<tokio::process::Child> {
        // The kernel ends it with this process, however this one ends; its own group keeps Ctrl-C for us to handle.
        Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "--"])
            .arg(&self.program)
            .args(&self.arguments)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("{} cannot be started", self.name))
    }
}

fn nginx_conf(dir: &Path, listen: SocketAddr, names: &[(Role, SocketAddr)]) -> String {
    // As root the workers stay root too: another user could not enter a private data folder.
    let user = if rustix::process::geteuid().is_root() { "user root root;" } else { "" };
    let mut conf = TEMPLATE
        .replace("{{user}}", user)
        .replace("{{dir}}", &dir.display().to_string())
        .replace("{{listen}}", &listen.to_string());
    for (role, address) in names {
        conf = conf.replace(&format!("{{{{{}}}}}", role.name()), &address.to_string());
    }
    conf
}

async fn until_ready(listen: SocketAddr, probes: &[SocketAddr]) -> anyhow::Result<()> {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(1)).no_proxy().build()?;
    let until = Instant::now() + READY_PATIENCE;
    let mut waiting: Vec<String> = probes.iter().map(|probe| format!("http://{probe}/readyz")).collect();
    waiting.push(format!("http://{listen}/v1/events"));
    while let Some(url) = waiting.last() {
        ensure!(Instant::now() < until, "{url} does not answer after {READY_PATIENCE:?}");
        match client.get(url).send().await {
            Ok(answer) if answer.status().is_success() => drop(waiting.pop()),
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    Ok(())
}

/// An address on loopback that nobody listens on. Its port is below those that the system gives to whoever asks for any, such as
/// every connection that goes out: one of them may be taken before it is listened on.
pub fn spare_address() -> anyhow::Result<SocketAddr> {
    let mut some = (0..100).map(|_| SocketAddr::from(([127, 0, 0, 1], rand::random_range(15_000..32_000))));
    some.find(|address| std::net::TcpListener::bind(address).is_ok()).context("no spare port on 127.0.0.1")
}

/// Where nginx is, if it is installed.
pub fn find_nginx() -> Option<PathBuf> {
    ["/usr/sbin/nginx", "/usr/bin/nginx", "/usr/local/sbin/nginx"]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.exists())
}

/// Ends what a killed `usher up` left running in this folder: by process id, after looking at what each process is.
pub async fn end_leftovers(data: &Path) {
    let Ok(entries) = fs::read_dir(data.join("run")) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        let ours = name == "nginx" || name.starts_with("realtime-") || Role::ALL.iter().any(|role| role.name() == name);
        if !ours || path.extension().is_none_or(|kind| kind != "pid") {
            continue;
        }
        if let Some(pid) = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse::<u32>().ok())
            && is_ours(pid, data)
        {
            tracing::warn!(process = name, pid, "ending what an earlier run left behind");
            signal(pid, Signal::TERM);
            let until = Instant::now() + Duration::from_secs(5);
            while is_ours(pid, data) && Instant::now() < until {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            if is_ours(pid, data) {
                signal(pid, Signal::KILL);
            }
        }
        drop(fs::remove_file(path));
    }
}

fn is_ours(pid: u32, data: &Path) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let line = String::from_utf8_lossy(&line).into_owned();
    (line.contains("usher\0--role\0"))
        || (line.contains("nginx") && line.contains(&*data.join("nginx").to_string_lossy()))
}

fn signal(pid: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // One that is gone needs no signal.
        let _gone = kill_process(pid, signal);
    }
}
