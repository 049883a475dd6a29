use std::fmt;
use std::net::SocketAddr;

use url::{Host, Url};

/// Where a service is reached, resolved once and allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    /// In preference; the first that answers serves.
    pub(crate) addresses: Vec<SocketAddr>,
    /// What a certificate must name.
    pub(crate) host: String,
    /// What `Host` says.
    pub(crate) authority: String,
    pub(crate) encrypted: bool,
}

/// Whether the load may go to other machines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    Loopback,
    /// The user has said that the server is theirs.
    Anywhere,
}

/// A URL that no load goes to.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TargetError {
    #[error("{0} is no URL of the scheme ws, wss, http or https with a host")]
    Malformed(String),
    #[error("{host} was not found: {error}")]
    Unresolved { host: String, error: std::io::Error },
    #[error(
        "{host} is {address}, not a loopback address: load is for your own servers, which --i-own-this-server says"
    )]
    NotLoopback { host: String, address: SocketAddr },
}

impl Target {
    /// Resolves the URL's host. Every address that it has must be allowed, as any of them may be connected to.
    pub(crate) async fn resolve(url: &str, reach: Reach) -> Result<Self, TargetError> {
        let malformed = || TargetError::Malformed(url.to_owned());
        let parsed = Url::parse(url).map_err(|_| malformed())?;
        let (encrypted, default_port) = match parsed.scheme() {
            "ws" | "http" => (false, 80),
            "wss" | "https" => (true, 443),
            _ => return Err(malformed()),
        };
        let host = match parsed.host().ok_or_else(malformed)? {
            // Without the brackets that it has in a URL.
            Host::Ipv6(address) => address.to_string(),
            other => other.to_string(),
        };
        let port = parsed.port().unwrap_or(default_port);
        let unresolved = |error| TargetError::Unresolved { host: host.clone(), error };
        let addresses: Vec<_> =
            tokio::net::lookup_host((host.as_str(), port)).await.map_err(unresolved)?.collect();
        let stray = addresses.iter().find(|address| !address.ip().to_canonical().is_loopback());
        if let (Reach::Loopback, Some(&address)) = (reach, stray) {
            return Err(TargetError::NotLoopback { host, address });
        }
        Ok(Self { addresses, host, authority: parsed.authority().to_owned(), encrypted })
    }
}

/// Scheme, host and port, as `aud` of a VAPID token names it (RFC 6454 section 6.2).
pub(crate) struct Origin(String);

impl Origin {
    pub(crate) fn of(url: &str) -> Option<Self> {
        let origin = Url::parse(url).ok()?.origin();
        origin.is_tuple().then(|| Self(origin.ascii_serialization()))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_loopback_unless_it_is_said() {
        for url in
            ["ws://127.0.0.1:8080/", "wss://127.8.9.1/", "http://[::1]:1/", "ws://[::ffff:127.0.0.1]:1/"]
        {
            Target::resolve(url, Reach::Loopback).await.unwrap();
        }
        for url in
            ["ws://192.0.2.1:8080/", "https://[2001:db8::1]/", "ws://0.0.0.0:1/", "ws://[::ffff:192.0.2.1]/"]
        {
            let refused = Target::resolve(url, Reach::Loopback).await.unwrap_err();
            assert!(refused.to_string().contains("--i-own-this-server"), "{url}: {refused}");
            Target::resolve(url, Reach::Anywhere).await.unwrap();
        }
    }

    #[tokio::test]
    async fn what_is_no_service_is_refused() {
        for url in ["127.0.0.1:8080", "ftp://127.0.0.1/", "ws:", ""] {
            let refused = Target::resolve(url, Reach::Anywhere).await;
            assert!(matches!(refused, Err(TargetError::Malformed(_))), "{url}");
        }
    }

    #[tokio::test]
    async fn ports_are_those_of_the_scheme() {
        let target = Target::resolve("wss://127.0.0.1/", Reach::Loopback).await.unwrap();
        assert_eq!((target.addresses[0].port(), target.encrypted), (443, true));
        assert_eq!(target.authority, "127.0.0.1");
    }

    #[test]
    fn an_origin_has_a_port_where_it_is_not_the_schemes() {
        assert_eq!(Origin::of("http://127.0.0.1:8080/push/x").unwrap().to_string(), "http://127.0.0.1:8080");
        assert_eq!(Origin::of("https://push.example:443/x").unwrap().to_string(), "https://push.example");
        assert!(Origin::of("mailto:x@example.org").is_none());
    }
}
