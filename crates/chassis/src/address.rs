//! Client addresses: which networks are trusted, and how much of an address counts as one client.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An address or a network in CIDR notation, as `10.0.0.0/8` or `::1`. Read from text and written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    bits: u8,
}

/// The text names no address and no network.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no IP address or network such as 10.0.0.0/8")]
pub struct NotANetwork(String);

impl Network {
    /// Whether `address` lies in this network. IPv4 written as IPv6 (`::ffff:10.0.0.1`) counts as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        address.is_ipv4() == self.base.is_ipv4() && prefix(address, self.bits) == self.base
    }
}

impl FromStr for Network {
    type Err = NotANetwork;

    fn from_str(text: &str) -> Result<Self, NotANetwork> {
        let wrong = || NotANetwork(text.to_owned());
        let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
        let address: IpAddr = address.trim().parse().map_err(|_| wrong())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            None => longest,
            Some(bits) => bits.trim().parse().ok().filter(|bits| *bits <= longest).ok_or_else(wrong)?,
        };
        // An IPv4 address written as IPv6 would never match a canonical address.
        if address.to_canonical() != address {
            return Err(wrong());
        }
        Ok(Self { base: prefix(address, bits), bits })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.bits)
    }
}

impl<'de> Deserialize<'de> for Network {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Serialize for Network {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The first `bits` of an address, the rest zero. More bits than the address has keep it whole.
pub fn prefix(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits.into())).unwrap_or(0);
            IpAddr::V4(Ipv4Addr::from_bits(address.to_bits() & mask))
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(bits.into())).unwrap_or(0);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & mask))
        }
    }
}

/// What counts as one client for caps and limits: a whole IPv4 address, or the /64 of an IPv6 one, since a single
/// subscriber is given at least that many addresses.
pub fn limit_key(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        v4 @ IpAddr::V4(_) => v4,
        v6 @ IpAddr::V6(_) => prefix(v6, 64),
    }
}

/// What counts as one network: the /48 of an IPv6 address, since one customer may be given so many /64s. Nothing for IPv4,
/// where an address is scarce.
pub fn network_key(address: IpAddr) -> Option<IpAddr> {
    let address = address.to_canonical();
    address.is_ipv6().then(|| prefix(address, 48))
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::{Network, limit_key, network_key, prefix};

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn ipv6_counts_by_its_64_and_ipv4_whole() {
        assert_eq!(limit_key(ip("2001:db8:1:2:3:4:5:6")), limit_key(ip("2001:db8:1:2::9")));
        assert_ne!(limit_key(ip("2001:db8:1:2::1")), limit_key(ip("2001:db8:1:3::1")));
        assert_ne!(limit_key(ip("192.0.2.1")), limit_key(ip("192.0.2.2")));
        assert_eq!(limit_key(ip("::ffff:192.0.2.1")), ip("192.0.2.1"));
    }

    #[test]
    fn ipv6_has_a_wider_network_and_ipv4_has_none() {
        assert_eq!(network_key(ip("2001:db8:1:2:3:4:5:6")), Some(ip("2001:db8:1::")));
        assert_ne!(network_key(ip("2001:db8:1::1")), network_key(ip("2001:db8:2::1")));
        for v4 in ["192.0.2.1", "::ffff:192.0.2.1"] {
            assert_eq!(network_key(ip(v4)), None);
        }
    }

    #[test]
    fn networks_contain_their_addresses_only() {
        assert!(network("10.0.0.0/8").contains(ip("10.200.3.4")));
        assert!(network("10.1.2.3/8").contains(ip("::ffff:10.9.9.9")));
        assert!(!network("10.0.0.0/8").contains(ip("11.0.0.1")));
        assert!(!network("0.0.0.0/0").contains(ip("::1")));
        assert!(network("0.0.0.0/0").contains(ip("203.0.113.9")));
        assert!(network("::1").contains(ip("::1")) && !network("::1").contains(ip("::2")));
        assert!(network("2001:db8::/32").contains(ip("2001:db8:ffff::1")));
    }

    #[test]
    fn what_is_no_network_is_refused_by_name() {
        for text in ["", "10.0.0.0/33", "10.0.0", "::/129", "10.0.0.0/x", "::ffff:10.0.0.1"] {
            let error = text.parse::<Network>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{text}`")), "{error}");
        }
    }

    #[test]
    fn a_prefix_of_nothing_is_zero() {
        assert_eq!(prefix(ip("255.1.2.3"), 0), ip("0.0.0.0"));
        assert_eq!(prefix(ip("255.1.2.3"), 40), ip("255.1.2.3"));
    }
}
