use std::fmt;
use std::str::FromStr;

use url::Url;

/// Scheme, host and port of a URL (RFC 6454), the port left out where it is the scheme's own: what `aud` of a VAPID
/// token must name (RFC 8292 section 2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// The origin of any URL; none where the URL has none.
    #[must_use]
    pub fn of(url: &str) -> Option<Self> {
        let origin = Url::parse(url).ok()?.origin();
        origin.is_tuple().then(|| Self(origin.ascii_serialization()))
    }
}

/// The text is no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be an http or https origin, with nothing behind host and port, and is {0:?}")]
pub struct InvalidOrigin(String);

/// Reads an origin that is written as one, where [`Origin::of`] takes what belongs to it out of any URL.
impl FromStr for Origin {
    type Err = InvalidOrigin;

    fn from_str(text: &str) -> Result<Self, InvalidOrigin> {
        let invalid = || InvalidOrigin(text.to_owned());
        let url: PublicUrl = text.parse().map_err(|_| invalid())?;
        // A path in it would look as if it were compared.
        if url.base == url.origin.0 { Ok(url.origin) } else { Err(invalid()) }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The URL under which application servers reach the push service; endpoints begin with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    base: String,
    origin: Origin,
}

/// The text is no public URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be an absolute http or https URL without query and fragment, and is {0:?}")]
pub struct InvalidPublicUrl(String);

impl PublicUrl {
    /// The endpoint of a token.
    #[must_use]
    pub fn endpoint(&self, token: &str) -> String {
        format!("{}/push/{token}", self.base)
    }

    /// The resource of a message (RFC 8030 section 5, `Location`).
    #[must_use]
    pub fn message(&self, id: &str) -> String {
        format!("{}/messages/{id}", self.base)
    }

    /// The receipt of a message (RFC 8030 section 5.1).
    #[must_use]
    pub fn receipt(&self, id: &str) -> String {
        format!("{}/receipts/{id}", self.base)
    }

    /// Where it is told how far a job is.
    #[must_use]
    pub fn job(&self, id: &str) -> String {
        format!("{}/v1/notifications/{id}", self.base)
    }

    /// Its origin.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl FromStr for PublicUrl {
    type Err = InvalidPublicUrl;

    fn from_str(text: &str) -> Result<Self, InvalidPublicUrl> {
        let invalid = || InvalidPublicUrl(text.to_owned());
        let url = Url::parse(text).map_err(|_| invalid())?;
        let plain = matches!(url.scheme(), "http" | "https")
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        if !plain {
            return Err(invalid());
        }
        let origin = Origin(url.origin().ascii_serialization());
        let base = format!("{origin}{}", url.path().trim_end_matches('/'));
        Ok(Self { base, origin })
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_without_more() {
        for (text, origin) in [
            ("https://push.example", "https://push.example"),
            ("HTTPS://Push.Example:443/", "https://push.example"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().to_string(), origin);
        }
        for wrong in
            ["", "push.example", "wss://push.example", "https://push.example/x", "https://push.example?q"]
        {
            let error = wrong.parse::<Origin>().unwrap_err().to_string();
            assert!(error.ends_with(&format!("and is {wrong:?}")), "{error}");
        }
    }

    #[test]
    fn endpoints_begin_with_the_public_url() {
        for (url, endpoint, origin) in [
            ("https://push.example", "https://push.example/push/t", "https://push.example"),
            ("HTTPS://Push.Example:443/", "https://push.example/push/t", "https://push.example"),
            ("http://127.0.0.1:8080/x/y/", "http://127.0.0.1:8080/x/y/push/t", "http://127.0.0.1:8080"),
        ] {
            let url: PublicUrl = url.parse().unwrap();
            assert_eq!(url.endpoint("t"), endpoint);
            assert_eq!(url.message("t"), endpoint.replace("/push/", "/messages/"));
            assert_eq!(url.receipt("t"), endpoint.replace("/push/", "/receipts/"));
            assert_eq!(format!("{url}/push/t"), endpoint);
            assert_eq!(url.origin().to_string(), origin);
        }
        for wrong in ["", "push.example", "ftp://a/", "https://a/?q", "https://a/#f", "https://u:p@a/"] {
            assert!(wrong.parse::<PublicUrl>().is_err(), "{wrong}");
        }
    }
}
