
use std::time::Instant;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use store::pace::Tune;
use crate::stage::Stage;

fn rss_kb() -> u64 {
    let s = std::fs::read_to_string("/proc/self/status").unwrap();
    s.lines().find_map(|l| l.strip_prefix("VmRSS:")).unwrap().trim().trim_end_matches(" kB").trim().parse().unwrap()
}
fn cpu() -> f64 {
    let s = std::fs::read_to_string("/proc/self/stat").unwrap();
    let f: Vec<&str> = s.rsplit(") ").next().unwrap().split(' ').collect();
    (f[11].parse::<f64>().unwrap() + f[12].parse::<f64>().unwrap()) / 100.0
}
fn frame(text: &str) -> Vec<u8> {
    let n = text.len();
    let mut v = vec![0x81, 0x80 | 126, (n >> 8) as u8, n as u8, 0, 0, 0, 0];
    v.extend(text.as_bytes());
    v
}
async fn one(addr: std::net::SocketAddr, receipt: String, i: i64) -> TcpStream {
    let sock = tokio::net::TcpSocket::new_v4().unwrap(); sock.bind(std::net::SocketAddr::from(([127, 0, 1, 1 + (i / 1500) as u8], 0))).unwrap();
    let mut s = sock.connect(addr).await.unwrap();
    s.write_all(format!("GET /v1/live/socket HTTP/1.1\r\nHost: {addr}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n").as_bytes()).await.unwrap();
    let mut b = [0; 1024];
    let n = s.read(&mut b).await.unwrap();
    assert!(b[..n].starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&b[..n]));
    s.write_all(&frame(&format!(r#"{{"v":1,"type":"hello","data":{{"receipt":"{receipt}"}}}}"#))).await.unwrap();
    let n = s.read(&mut b).await.unwrap();
    assert!(n > 100);
    s
}
fn changed(b: &[u8]) -> i64 {
    let t = String::from_utf8_lossy(b);
    let k = "\"changed_at_ms\":";
    t.rfind(k).map_or(-1, |i| t[i + k.len()..].split([',', '}']).next().unwrap().parse().unwrap())
}
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn load() {
    let n: usize = std::fs::read_to_string("/tmp/rt_n").ok().and_then(|s| s.trim().parse().ok()).unwrap_or(7000);
    let stage = Stage::with(|c| { c.max_sockets = 100_000; }).await;
    sqlx::query("update event set capacity = 1000000").execute(stage.store.pool()).await.unwrap();
    let mut fans = Vec::new();
    while fans.len() < n { fans.extend(stage.join(1000.min(n - fans.len())).await); }
    let addr = stage.address;
    println!("before {} kB", rss_kb());
    let t = Instant::now();
    let mut socks = Vec::new();
    for chunk in fans.chunks(100) {
        let mut set = tokio::task::JoinSet::new();
        for f in chunk { let (e, r) = (f.entry, f.receipt.clone()); set.spawn(async move { (e, one(addr, r, e).await) }); }
        while let Some(x) = set.join_next().await { socks.push(x.unwrap()); }
    }
    println!("connected {} in {:?}, rss {} kB", socks.len(), t.elapsed(), rss_kb());
    let c0 = cpu(); let t0 = Instant::now();
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    println!("idle cpu {:.3} cores", (cpu() - c0) / t0.elapsed().as_secs_f64());
    let clock = stage.clock.clone();
    let (tx, mut rx) = tokio::sync::mpsc::unbounded_channel();
    let mut set = tokio::task::JoinSet::new();
    for (e, mut s) in socks {
        let (tx, clock) = (tx.clone(), clock.clone());
        set.spawn(async move {
            let mut b = vec![0; 1024];
            loop {
                let Ok(k) = s.read(&mut b).await else { return };
                if k == 0 { return }
                let at = changed(&b[..k]);
                let _ = tx.send((e, at, clock.now_ms()));
            }
        });
    }
    let mut drain = async |label: &str, quiet: u64| {
        let mut delays = Vec::new(); let mut all = 0; let t = Instant::now(); let mut last = t.elapsed();
        while let Ok(Some((_, at, now))) = tokio::time::timeout(std::time::Duration::from_millis(quiet), rx.recv()).await {
            all += 1; last = t.elapsed();
            if at > 0 { delays.push(now - at); }
            if t.elapsed().as_secs() > 14 { break }
        }
        delays.sort_unstable();
        let p = |q: f64| delays.get((delays.len() as f64 * q) as usize).copied().unwrap_or(-1);
        println!("{label}: frames {all} in {last:?}, with change {}; p50 {} p99 {} max {:?}", delays.len(), p(0.5), p(0.99), delays.last());
    };
    drain("settle", 1500).await;
    let c0 = cpu();
    stage.tune(Tune::Pause, "x").await; drain("pause", 1500).await;
    println!("pause cpu {:.3}s", cpu() - c0);
    stage.tune(Tune::Resume, "x").await; drain("resume", 1500).await;
    let mut next = 1;
    for k in [1i64, 50, 500] {
        let e: Vec<i64> = (next..next + k).collect(); next += k;
        stage.admit(&e, &[]).await;
        drain(&format!("admit {k}"), 1500).await;
    }
    for _ in 0..20 { let e: Vec<i64> = (next..next + 20).collect(); next += 20; stage.admit(&e, &[]).await; tokio::time::sleep(std::time::Duration::from_millis(100)).await; }
    drain("admit 20x20 with everybody's ahead", 4000).await;
    println!("rss {} kB", rss_kb());
    drop(set);
}
