use std::path::Path;

use reqwest::header::{ETAG, HeaderValue, IF_MATCH};
use reqwest::{Client, Method, RequestBuilder};
use signalbox_wire::{ApplicationAnswer, ApplicationRegistration, ApplicationsAnswer};
use url::Url;

use super::SenderError;
use super::fan_out::below;
use super::sender::{accepted, client_trusting};

/// Where the socket's requests go to in name.
const SOCKET: &str = "http://operator/";
/// How often a change is made anew that another one came before. A proxy that alters `ETag` would have it for ever.
const TRIES: u32 = 5;

/// An operator's part: keeps the registry of applications.
pub struct Operator {
    http: Client,
    url: Url,
    /// What the listener asks for; the socket asks for nothing.
    key: Option<String>,
}

impl Operator {
    /// By the socket in a service's data directory.
    ///
    /// # Errors
    /// [`SenderError`].
    pub fn by_socket(socket: &Path) -> Result<Self, SenderError> {
        let url = Url::parse(SOCKET).map_err(|_| SenderError::NoService(SOCKET.to_owned()))?;
        Ok(Self { http: Client::builder().unix_socket(socket).build()?, url, key: None })
    }

    /// By the listener at this URL, with its key, trusting the certificates of this PEM text, and no others where there is one.
    ///
    /// # Errors
    /// [`SenderError`].
    pub fn by_listener(url: Url, key: String, ca: Option<&str>) -> Result<Self, SenderError> {
        let http = ca.map_or_else(|| Ok(Client::new()), client_trusting)?;
        Ok(Self { http, url, key: Some(key) })
    }

    /// Registers an application, or changes its registration as a whole.
    ///
    /// # Errors
    /// [`SenderError`].
    pub async fn register(
        &self,
        app: &str,
        registration: &ApplicationRegistration,
    ) -> Result<ApplicationAnswer, SenderError> {
        let request = self.request(Method::PUT, self.of(app)?).json(registration);
        Ok(accepted(request.send().await?).await?.json().await?)
    }

    /// What an application is registered with.
    ///
    /// # Errors
    /// [`SenderError`].
    pub async fn application(&self, app: &str) -> Result<ApplicationAnswer, SenderError> {
        self.tagged(app).await.map(|(application, _)| application)
    }

    /// Changes the keys of an application that is registered, and nothing else of it; what somebody else has changed meanwhile is
    /// not undone.
    ///
    /// # Errors
    /// [`SenderError`].
    pub async fn change_keys(
        &self,
        app: &str,
        change: impl Fn(&mut Vec<String>),
    ) -> Result<ApplicationAnswer, SenderError> {
        let mut tries = TRIES;
        loop {
            tries -= 1;
            let (before, tag) = self.tagged(app).await?;
            let mut server_keys = before.server_keys;
            change(&mut server_keys);
            let registration = ApplicationRegistration { server_keys, authorization: before.authorization };
            let request = self.request(Method::PUT, self.of(app)?).header(IF_MATCH, tag).json(&registration);
            match accepted(request.send().await?).await {
                Err(SenderError::Refused(problem)) if problem.status == 412 && tries > 0 => {}
                answer => return Ok(answer?.json().await?),
            }
        }
    }

    async fn tagged(&self, app: &str) -> Result<(ApplicationAnswer, HeaderValue), SenderError> {
        let answer = accepted(self.request(Method::GET, self.of(app)?).send().await?).await?;
        let tag = answer.headers().get(ETAG).cloned().unwrap_or(HeaderValue::from_static("*"));
        Ok((answer.json().await?, tag))
    }

    /// The names of all registered applications, in order.
    ///
    /// # Errors
    /// [`SenderError`].
    pub async fn applications(&self) -> Result<Vec<String>, SenderError> {
        let (mut names, mut after) = (Vec::new(), None::<String>);
        loop {
            let mut url = below(&self.url, &["v1", "applications"])?;
            if let Some(after) = &after {
                url.query_pairs_mut().append_pair("after", after);
            }
            let request = self.request(Method::GET, url);
            let page: ApplicationsAnswer = accepted(request.send().await?).await?.json().await?;
            names.extend(page.applications);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(names),
            }
        }
    }

    /// Ends an application's registration, if there is one.
    ///
    /// # Errors
    /// [`SenderError`].
    pub async fn remove(&self, app: &str) -> Result<(), SenderError> {
        let request = self.request(Method::DELETE, self.of(app)?);
        accepted(request.send().await?).await.map(drop)
    }

    fn of(&self, app: &str) -> Result<Url, SenderError> {
        below(&self.url, &["v1", "applications", app])
    }

    fn request(&self, method: Method, url: Url) -> RequestBuilder {
        let request = self.http.request(method, url);
        match &self.key {
            Some(key) => request.bearer_auth(key),
            None => request,
        }
    }
}
