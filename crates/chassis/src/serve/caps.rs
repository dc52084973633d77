//! How many connections are open, in all, per address and per network.

use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use metrics::{Counter, Gauge};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::ListenerConfig;
use crate::address::{Network, limit_key, network_key};
use crate::metrics::{CONNECTIONS, CONNECTIONS_REFUSED_TOTAL};

/// Counts the connections of one listener against its caps. Cloning is cheap.
#[derive(Clone)]
pub(super) struct Caps {
    inner: Arc<Inner>,
}

struct Inner {
    max: usize,
    max_per_address: usize,
    max_per_network: usize,
    uncapped: Vec<Network>,
    open: Mutex<Open>,
    gauge: Gauge,
    refused_total: Counter,
    refused_address: Counter,
    refused_network: Counter,
}

#[derive(Default)]
struct Open {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
    by_network: HashMap<IpAddr, usize>,
}

/// One connection's share of the caps, given back when dropped.
pub(super) struct Permit {
    inner: Arc<Inner>,
    /// `None` where no cap per address holds.
    address: Option<IpAddr>,
    /// `None` there and for IPv4.
    network: Option<IpAddr>,
}

impl Caps {
    pub(super) fn new(config: &ListenerConfig) -> Self {
        let refused = |reason: &'static str| metrics::counter!(CONNECTIONS_REFUSED_TOTAL, "reason" => reason);
        let inner = Inner {
            max: config.max_connections,
            max_per_address: config.max_connections_per_address,
            max_per_network: config.max_connections_per_network,
            uncapped: config.uncapped.clone(),
            open: Mutex::default(),
            gauge: metrics::gauge!(CONNECTIONS),
            refused_total: refused("total"),
            refused_address: refused("address"),
            refused_network: refused("network"),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Room for a connection from `address`, or `None` (counted) if a cap is reached.
    pub(super) fn admit(&self, address: IpAddr) -> Option<Permit> {
        let inner = &self.inner;
        let capped = !inner.uncapped.iter().any(|network| network.contains(address));
        let (address, network) = (capped.then(|| limit_key(address)), network_key(address).filter(|_| capped));
        let mut open = inner.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.total >= inner.max {
            inner.refused_total.increment(1);
            return None;
        }
        if is_full(&open.by_address, address, inner.max_per_address) {
            inner.refused_address.increment(1);
            return None;
        }
        if is_full(&open.by_network, network, inner.max_per_network) {
            inner.refused_network.increment(1);
            return None;
        }
        open.total += 1;
        count(&mut open.by_address, address);
        count(&mut open.by_network, network);
        inner.gauge.increment(1);
        Some(Permit { inner: Arc::clone(inner), address, network })
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.inner.gauge.decrement(1);
        let mut open = self.inner.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.total -= 1;
        discount(&mut open.by_address, self.address);
        discount(&mut open.by_network, self.network);
    }
}

fn is_full(counts: &HashMap<IpAddr, usize>, key: Option<IpAddr>, max: usize) -> bool {
    key.and_then(|key| counts.get(&key)).is_some_and(|count| *count >= max)
}

fn count(counts: &mut HashMap<IpAddr, usize>, key: Option<IpAddr>) {
    if let Some(key) = key {
        *counts.entry(key).or_default() += 1;
    }
}

/// Keys without connections are forgotten, or a scan would fill the map.
fn discount(counts: &mut HashMap<IpAddr, usize>, key: Option<IpAddr>) {
    let Some(key) = key else { return };
    if let Some(count) = counts.get_mut(&key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

/// A stream that carries its permit, so that the connection keeps counting after an upgrade, when hyper's task has
/// ended and the socket lives on elsewhere.
pub(super) struct Counted<S> {
    stream: S,
    _permit: Permit,
}

impl<S> Counted<S> {
    pub(super) fn new(stream: S, permit: Permit) -> Self {
        Self { stream, _permit: permit }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::Caps;
    use crate::serve::ListenerConfig;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn caps(total: usize, per_address: usize) -> Caps {
        Caps::new(&ListenerConfig {
            max_connections: total,
            max_connections_per_address: per_address,
            uncapped: vec!["10.0.0.0/8".parse().unwrap()],
            ..ListenerConfig::default()
        })
    }

    #[test]
    fn ipv6_neighbours_share_a_cap_and_give_it_back() {
        let caps = caps(100, 2);
        let _one = caps.admit(ip("2001:db8::1")).unwrap();
        let two = caps.admit(ip("2001:db8::2")).unwrap();
        assert!(caps.admit(ip("2001:db8::3")).is_none());
        let _other = caps.admit(ip("2001:db8:0:1::3")).unwrap();
        drop(two);
        assert!(caps.admit(ip("2001:db8::3")).is_some());
    }

    #[test]
    fn a_48_full_of_64s_has_a_cap_and_ipv4_has_none_but_its_own() {
        let caps = Caps::new(&ListenerConfig {
            max_connections_per_address: 2,
            max_connections_per_network: 3,
            uncapped: vec!["2001:db8:ffff::/48".parse().unwrap()],
            ..ListenerConfig::default()
        });
        let mut kept: Vec<_> = (1..=3).map(|n| caps.admit(ip(&format!("2001:db8:0:{n}::1"))).unwrap()).collect();
        assert!(caps.admit(ip("2001:db8:0:4::1")).is_none());
        let _other = caps.admit(ip("2001:db8:1::1")).unwrap();
        let _proxies: Vec<_> = (0..9).map(|_| caps.admit(ip("2001:db8:ffff::1")).unwrap()).collect();
        let _v4: Vec<_> = (1..=9).map(|n| caps.admit(ip(&format!("192.0.2.{n}"))).unwrap()).collect();
        drop(kept.pop());
        assert!(caps.admit(ip("2001:db8:0:4::1")).is_some());
        drop(kept);
        assert_eq!(caps.inner.open.lock().unwrap().by_network.len(), 1, "only the other's is kept");
    }

    #[test]
    fn the_total_holds_for_the_uncapped_too() {
        let caps = caps(3, 1);
        let kept: Vec<_> = (0..3).map(|_| caps.admit(ip("10.1.1.1")).unwrap()).collect();
        assert!(caps.admit(ip("10.1.1.1")).is_none());
        drop(kept);
        assert!(caps.admit(ip("192.0.2.1")).is_some());
        assert!(caps.inner.open.lock().unwrap().by_address.is_empty());
    }
}
