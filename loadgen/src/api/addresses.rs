//! Source addresses: fans come from many, as they would from outside, so that limits per address are met as in life.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// Fans behind one address, about as a household or an office.
pub const FANS_PER_ADDRESS: u32 = 20;

/// One address with its keep-alive connections. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Device {
    /// Its connections.
    pub http: reqwest::Client,
    /// The address that its sockets bind; nothing where the server is not on this machine.
    pub source: Option<IpAddr>,
}

/// The addresses of a crowd.
#[derive(Debug)]
pub struct Addresses(Vec<Device>);

impl Addresses {
    /// Enough addresses for `fans` people. `first` keeps the crowd's processes apart. Only a server on the loopback can be
    /// reached from made-up addresses; from elsewhere all fans share the machine's own.
    pub fn new(base: &str, first: u32, fans: u32) -> anyhow::Result<Self> {
        let local = base.contains("//127.") || base.contains("//localhost");
        let count = fans.div_ceil(FANS_PER_ADDRESS).clamp(1, 800);
        let devices = (0..count).map(|n| Device::new(local.then(|| address(first + n))));
        Ok(Self(devices.collect::<anyhow::Result<_>>()?))
    }

    /// The address of the fan with this number.
    pub fn of(&self, fan: u32) -> Device {
        self.0[fan as usize % self.0.len()].clone()
    }
}

impl Device {
    /// A device at an address.
    pub fn new(source: Option<IpAddr>) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            .local_address(source)
            .no_proxy()
            // Everything is on this machine and unencrypted; without this, each client reads the system's certificates.
            .tls_certs_only(std::iter::empty())
            .pool_max_idle_per_host(6)
            .pool_idle_timeout(Duration::from_secs(10))
            .tcp_nodelay(true)
            .build()?;
        Ok(Self { http, source })
    }
}

/// 127.0.x.y for a number, leaving 127.0.0.y to programs that are no fans.
fn address(number: u32) -> IpAddr {
    let (x, y) = (number / 250 % 254 + 1, number % 250 + 1);
    IpAddr::V4(Ipv4Addr::new(127, 0, x as u8, y as u8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_differ_and_stay_in_the_loopback() {
        let all: std::collections::HashSet<_> = (0..5_000).map(address).collect();
        assert_eq!(all.len(), 5_000);
        assert!(all.iter().all(IpAddr::is_loopback));
    }
}
