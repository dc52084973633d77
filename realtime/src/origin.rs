//! Whose pages may open sockets here. Browsers send cookies and open sockets to anybody; only their `Origin` tells whose page
//! it was. Clients that are no browsers send none, and could send any.

use axum::http::{HeaderMap, header};

/// Whether a page of the request's `Origin` may connect.
pub fn is_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    if allowed.iter().any(|known| known.eq_ignore_ascii_case(origin)) {
        return true;
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let (Some((scheme, authority)), Some(host)) = (origin.split_once("://"), host) else { return false };
    // An address need not name its scheme's own port.
    let port = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
    let plain = |authority: &str| authority.strip_suffix(port).unwrap_or(authority).to_ascii_lowercase();
    !authority.is_empty() && plain(authority) == plain(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(origin: Option<&str>, host: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, host.parse().unwrap());
        if let Some(origin) = origin {
            headers.insert(header::ORIGIN, origin.parse().unwrap());
        }
        is_allowed(&headers, &["https://shop.example".to_owned()])
    }

    #[test]
    fn same_host_and_listed_origins_may_and_others_may_not() {
        assert!(asked(None, "live.example"));
        assert!(asked(Some("https://live.example"), "live.example"));
        assert!(asked(Some("https://LIVE.example:443"), "live.example"));
        assert!(asked(Some("http://127.0.0.1:8080"), "127.0.0.1:8080"));
        assert!(asked(Some("https://shop.example"), "live.example"));
        for stranger in
            ["https://live.example.evil", "http://shop.example", "null", "https://", "file://", "live.example"]
        {
            assert!(!asked(Some(stranger), "live.example"), "{stranger}");
        }
        assert!(!asked(Some("http://127.0.0.1:8081"), "127.0.0.1:8080"));
    }
}
