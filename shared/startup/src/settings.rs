use std::num::NonZeroU32;
use std::time::Duration;

use signalbox_domain::{AuthorizationPolicy, BodyLimit, InvalidBodyLimit, InvalidOrigin, Origin, PublicUrl};
use signalbox_store::TableNames;

/// A connection lives for 2 h at most on API Gateway.
const CONNECTION: Duration = Duration::from_secs(2 * 3600);

/// Far more than an application wants to show, and little enough that one terminal costs no fortune.
const WAITING: u64 = 50_000;

/// The table of connections that are to be kept alive.
pub(crate) const KEEP_ALIVE: &str = "SIGNALBOX_TABLE_KEEP_ALIVE";

/// The deployment's settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The tables.
    pub tables: TableNames,
    /// The queues.
    pub queues: QueueUrls,
    /// How many posts a second one instance of a fan-out's worker may make: its share of what the account may (API
    /// Gateway's requests). No bound where there is none.
    pub post_rate: Option<NonZeroU32>,
    /// What endpoints begin with.
    pub public_url: PublicUrl,
    /// The origins that a VAPID `aud` may name; that of the public URL first.
    pub origins: Vec<Origin>,
    /// Which sessions must be validated.
    pub authorization: AuthorizationPolicy,
    /// The largest body of a notification.
    pub body_limit: BodyLimit,
    /// Above so many messages stored for an absent terminal its senders get 429 (I6).
    pub waiting_limit: u64,
    /// How long a connection may live.
    pub connection_lifetime: Duration,
    /// The table of connections that are to be kept alive; none where they are not.
    pub keep_alive: Option<String>,
    /// The secret that holds the keys which new terminals need; none where everybody may become a terminal.
    pub enrolment: Option<String>,
}

/// The URLs of the queues.
#[derive(Debug, Clone)]
pub struct QueueUrls {
    /// Of drains: what is owed to terminals.
    pub drains: String,
    /// Of pages: what is to be done for jobs.
    pub pages: String,
}

/// A setting that is missing or wrong.
#[derive(Debug, thiserror::Error)]
pub enum InvalidSetting {
    /// Not set.
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    /// Set to what cannot be.
    #[error("the environment variable {name} {reason}")]
    Wrong {
        /// The variable.
        name: &'static str,
        /// The rule.
        reason: String,
    },
}

/// A variable of the environment; an empty one is none.
pub(crate) fn variable(name: &'static str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Reads a variable of the environment that must be set.
pub(crate) fn required(name: &'static str) -> Result<String, InvalidSetting> {
    variable(name).ok_or(InvalidSetting::Missing(name))
}

impl Settings {
    /// Settings for these tables, these queues and this public URL; everything else as is usual.
    #[must_use]
    pub fn new(tables: TableNames, queues: QueueUrls, public_url: PublicUrl) -> Self {
        let origins = vec![public_url.origin().clone()];
        Self {
            tables,
            queues,
            post_rate: None,
            public_url,
            origins,
            authorization: AuthorizationPolicy::default(),
            body_limit: BodyLimit::default(),
            waiting_limit: WAITING,
            connection_lifetime: CONNECTION,
            keep_alive: None,
            enrolment: None,
        }
    }

    /// Accepts these origins in VAPID's `aud` too: endpoints that begin with them are still in use.
    #[must_use]
    pub fn with_earlier_origins(mut self, earlier: impl IntoIterator<Item = Origin>) -> Self {
        for origin in earlier {
            if !self.origins.contains(&origin) {
                self.origins.push(origin);
            }
        }
        self
    }

    /// Reads `SIGNALBOX_*` of the environment, as the template sets it.
    ///
    /// # Errors
    /// [`InvalidSetting`], with the variable's name.
    pub fn from_environment() -> Result<Self, InvalidSetting> {
        Self::read(variable)
    }

    fn read(variable: impl Fn(&'static str) -> Option<String>) -> Result<Self, InvalidSetting> {
        const PUBLIC_URL: &str = "SIGNALBOX_PUBLIC_URL";
        const EARLIER_ORIGINS: &str = "SIGNALBOX_EARLIER_ORIGINS";
        const AUTHORIZATION: &str = "SIGNALBOX_AUTHORIZATION";
        const BODY_LIMIT: &str = "SIGNALBOX_BODY_LIMIT";
        const POST_RATE: &str = "SIGNALBOX_POST_RATE";
        let required = |name| variable(name).ok_or(InvalidSetting::Missing(name));
        let tables = TableNames {
            terminals: required("SIGNALBOX_TABLE_TERMINALS")?,
            messages: required("SIGNALBOX_TABLE_MESSAGES")?,
            connections: required("SIGNALBOX_TABLE_CONNECTIONS")?,
            fanout: required("SIGNALBOX_TABLE_FANOUT")?,
            applications: required("SIGNALBOX_TABLE_APPLICATIONS")?,
        };
        let public_url = required(PUBLIC_URL)?
            .parse()
            .map_err(|error| InvalidSetting::Wrong { name: PUBLIC_URL, reason: format!("{error}") })?;
        let earlier = origins(&variable(EARLIER_ORIGINS).unwrap_or_default())
            .map_err(|error| InvalidSetting::Wrong { name: EARLIER_ORIGINS, reason: format!("{error}") })?;
        let forced = match variable(AUTHORIZATION).as_deref() {
            None | Some("default") => None,
            Some(mode) => Some(mode.parse().map_err(|rule: &str| InvalidSetting::Wrong {
                name: AUTHORIZATION,
                reason: format!("{rule}, or `default`"),
            })?),
        };
        let body_limit = match variable(BODY_LIMIT).as_deref() {
            None => BodyLimit::default(),
            Some(bytes) => bytes.parse().map_err(|rule: InvalidBodyLimit| InvalidSetting::Wrong {
                name: BODY_LIMIT,
                reason: format!("{rule}"),
            })?,
        };
        let post_rate = variable(POST_RATE).map(|rate| rate.parse()).transpose();
        let post_rate = post_rate.map_err(|_| InvalidSetting::Wrong {
            name: POST_RATE,
            reason: "must be how many posts a second, 1 or more".to_owned(),
        })?;
        let queues =
            QueueUrls { drains: required("SIGNALBOX_DRAINS_URL")?, pages: required("SIGNALBOX_PAGES_URL")? };
        Ok(Self {
            authorization: AuthorizationPolicy { forced },
            body_limit,
            post_rate,
            keep_alive: variable(KEEP_ALIVE),
            enrolment: variable("SIGNALBOX_ENROLMENT_SECRET"),
            ..Self::new(tables, queues, public_url).with_earlier_origins(earlier)
        })
    }
}

/// Origins with commas between; none in an empty text.
fn origins(list: &str) -> Result<Vec<Origin>, InvalidOrigin> {
    list.split(',').map(str::trim).filter(|origin| !origin.is_empty()).map(str::parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The settings of an environment that has these variables and those that must be there.
    fn settings(variables: &[(&str, &str)]) -> Result<Settings, InvalidSetting> {
        Settings::read(|name| {
            let given =
                variables.iter().find(|(variable, _)| *variable == name).map(|(_, value)| (*value).into());
            given.or_else(|| match name {
                "SIGNALBOX_PUBLIC_URL" => Some("https://push.example".into()),
                "SIGNALBOX_DRAINS_URL" => Some("https://queues.example/drains".into()),
                "SIGNALBOX_PAGES_URL" => Some("https://queues.example/pages".into()),
                "SIGNALBOX_TABLE_KEEP_ALIVE" => None,
                name if name.starts_with("SIGNALBOX_TABLE_") => Some("a-table".into()),
                _ => None,
            })
        })
    }

    fn accepted(earlier: &str) -> Vec<String> {
        let settings = settings(&[("SIGNALBOX_EARLIER_ORIGINS", earlier)]).unwrap();
        settings.origins.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_public_urls_own_origin_comes_first_and_once() {
        let own = "https://push.example";
        assert_eq!(settings(&[]).unwrap().origins, [own.parse::<Origin>().unwrap()]);
        for (earlier, more) in [
            (",", &[][..]),
            ("https://old.example", &["https://old.example"]),
            ("https://push.example:443, https://old.example,https://OLD.example/", &["https://old.example"]),
            ("https://b.example,http://a.example:8080", &["https://b.example", "http://a.example:8080"]),
        ] {
            assert_eq!(accepted(earlier), [&[own], more].concat(), "{earlier}");
        }
    }

    #[test]
    fn a_post_rate_is_a_number_above_none() {
        let rate = |text| settings(&[("SIGNALBOX_POST_RATE", text)]).map(|settings| settings.post_rate);
        assert_eq!(settings(&[]).unwrap().post_rate, None);
        assert_eq!(rate("250").unwrap(), NonZeroU32::new(250));
        for wrong in ["0", "-1", "fast"] {
            assert!(rate(wrong).unwrap_err().to_string().contains("SIGNALBOX_POST_RATE must be"), "{wrong}");
        }
    }

    #[test]
    fn enrolment_is_asked_for_where_its_secret_is_named() {
        let enrolment = |secret| settings(&[("SIGNALBOX_ENROLMENT_SECRET", secret)]).unwrap().enrolment;
        assert_eq!(settings(&[]).unwrap().enrolment, None);
        assert_eq!(enrolment("arn:of-a-secret").as_deref(), Some("arn:of-a-secret"));
    }

    #[test]
    fn what_is_no_origin_stops_the_start() {
        for wrong in ["old.example", "https://old.example/push", "https://old.example;https://b.example"] {
            let error = settings(&[("SIGNALBOX_EARLIER_ORIGINS", wrong)]).unwrap_err().to_string();
            assert!(
                error.starts_with("the environment variable SIGNALBOX_EARLIER_ORIGINS must be"),
                "{error}"
            );
        }
    }
}
