//! Finding a booking without the token that made it: e-mail address and reference together, and not many tries.

use std::net::IpAddr;
use std::num::NonZeroU32;

use axum::extract::State;
use chassis::address::{limit_key, network_key};
use chassis::http::ClientAddr;
use contracts::bookings::{Booking, FindBooking};
use contracts::problem::Problem;
use contracts::server::Json;
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use store::bookings::Which;

use super::view::{self, For};
use super::{App, Refusal};
use crate::metrics::FINDS_LIMITED_TOTAL;

/// Addresses remembered at once; beyond that, the old ones are forgotten right away.
const ADDRESSES_MAX: usize = 100_000;
/// Tries in one go.
const BURST: u32 = 5;
/// How many times as much a /48 may try as one address.
const NETWORK_TIMES: u32 = 10;

/// Counts tries per address (a whole IPv4 address, or the /64 of an IPv6 one) and, wider, per IPv6 /48.
pub struct Limiter {
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    networks: DefaultKeyedRateLimiter<IpAddr>,
    clock: DefaultClock,
}

impl Limiter {
    pub fn new(per_minute: u32) -> Self {
        let limiter = |times: u32| {
            let at_least_one = |n: u32| NonZeroU32::new(n.saturating_mul(times)).unwrap_or(NonZeroU32::MIN);
            RateLimiter::keyed(Quota::per_minute(at_least_one(per_minute)).allow_burst(at_least_one(BURST)))
        };
        Self { addresses: limiter(1), networks: limiter(NETWORK_TIMES), clock: DefaultClock::default() }
    }

    /// Forgets addresses that may try at will again.
    pub fn forget(&self) {
        for limits in [&self.addresses, &self.networks] {
            limits.retain_recent();
            limits.shrink_to_fit();
        }
    }

    pub fn try_once(&self, address: IpAddr) -> Result<(), Problem> {
        self.count(&self.addresses, limit_key(address))?;
        network_key(address).map_or(Ok(()), |network| self.count(&self.networks, network))
    }

    fn count(&self, limits: &DefaultKeyedRateLimiter<IpAddr>, key: IpAddr) -> Result<(), Problem> {
        if limits.len() >= ADDRESSES_MAX {
            limits.retain_recent();
        }
        limits.check_key(&key).map_err(|until| {
            metrics::counter!(FINDS_LIMITED_TOTAL).increment(1);
            let wait = until.wait_time_from(self.clock.now());
            Problem::limited(u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1))
        })
    }
}

/// Finds a booking by e-mail address and reference together.
#[utoipa::path(post, path = "/v1/bookings/find", tag = "bookings",
    request_body = FindBooking,
    responses((status = 200, body = Booking, description = "The booking")))]
pub async fn find(
    State(app): State<App>,
    ClientAddr(address): ClientAddr,
    Json(ask): Json<FindBooking>,
) -> Result<Json<Booking>, Refusal> {
    app.0.limiter.try_once(address)?;
    // Whatever does not fit is answered alike, so that nothing can be learnt from it.
    let reference = reference(&ask.reference).ok_or(Refusal::NoBooking)?;
    let which = Which::Found { email: ask.email.trim(), reference: &reference };
    let row = app.store.bookings(which, 1).await?.pop().ok_or(Refusal::NoBooking)?;
    Ok(Json(view::booking(&app, row, For::Owner)?))
}

/// The reference as it was made, from what somebody typed: Crockford's base 32 forgives case, hyphens, O, I and L.
pub fn reference(typed: &str) -> Option<String> {
    let plain: String = typed
        .chars()
        .filter(|it| !matches!(it, ' ' | '-'))
        .take(9)
        .map(|it| match it.to_ascii_uppercase() {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect();
    (plain.len() == 8 && plain.bytes().all(|it| it.is_ascii_alphanumeric())).then_some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_read_as_people_type_them() {
        assert_eq!(reference("ab12-o0il").as_deref(), Some("AB120011"));
        assert_eq!(reference(" AB12 C3D4 ").as_deref(), Some("AB12C3D4"));
        for bad in ["", "AB12C3D", "AB12C3D45", "AB12C3D€"] {
            assert_eq!(reference(bad), None, "{bad}");
        }
    }

    #[test]
    fn an_address_may_try_a_few_times() {
        let limiter = Limiter::new(1);
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        for _ in 0..BURST {
            limiter.try_once(one).unwrap();
        }
        let problem = limiter.try_once(one).unwrap_err();
        assert_eq!((problem.status, problem.retry_after_s.is_some_and(|s| s > 10)), (429, true));
        limiter.try_once(other).unwrap();
    }

    #[test]
    fn the_many_addresses_of_one_network_may_try_a_few_times_together() {
        let limiter = Limiter::new(1);
        let of_network = |network: u16, n: u16| IpAddr::from([0x2001, 0xdb8, network, n, 0, 0, 0, 1]);
        let refused = (0..1_000).position(|n| limiter.try_once(of_network(0, n)).is_err());
        assert!(refused.is_some_and(|n| n >= 50), "{refused:?}");
        limiter.try_once(of_network(1, 0)).unwrap();
    }
}
