use reqwest::header::AUTHORIZATION;
use reqwest::{Method, RequestBuilder};
use signalbox_wire::{
    AudienceNotification, JobAccepted, JobProgress, JobState, NotificationsRequest, Recipient, base64url,
};
use url::Url;

use super::sender::accepted;
use super::{Sender, SenderError};

/// So many recipients are asked for in one request, which has room for twice as many.
const AT_ONCE: usize = 15_000;

/// A notification for many. Its body is not encrypted: only sessions that have asked for that get it.
#[derive(Debug, Clone, Default)]
pub struct Broadcast {
    /// What it says; nothing where it is only to wake.
    pub text: Option<String>,
    /// How many seconds it may wait.
    pub ttl: u32,
    /// How urgent it is.
    pub urgency: Option<String>,
    /// A newer one of the same topic replaces it.
    pub topic: Option<String>,
    /// What names the request, so that a repetition is the same one.
    pub key: String,
}

impl Sender {
    /// Sends to the sessions of these tokens or endpoints. A list that is too long for a request becomes several jobs.
    ///
    /// # Errors
    /// [`SenderError`]; what was accepted until then is carried out.
    pub async fn notify_list(
        &self,
        service: &Url,
        notification: &Broadcast,
        recipients: &[String],
    ) -> Result<Vec<JobAccepted>, SenderError> {
        let AudienceNotification { ttl, urgency, topic, content_encoding, body } = notification.for_all();
        let url = below(service, &["v1", "notifications"])?;
        let mut jobs = Vec::new();
        for (part, some) in recipients.chunks(AT_ONCE).enumerate() {
            let request = NotificationsRequest {
                ttl,
                urgency: urgency.clone(),
                topic: topic.clone(),
                content_encoding: content_encoding.clone(),
                body: body.clone(),
                recipients: some.iter().map(|shown| recipient(shown)).collect(),
            };
            let key = format!("{}-{part}", notification.key);
            let post = self.request(Method::POST, url.clone())?.header("Idempotency-Key", key);
            jobs.push(accepted(post.json(&request).send().await?).await?.json().await?);
        }
        Ok(jobs)
    }

    /// Sends to every member of an audience.
    ///
    /// # Errors
    /// [`SenderError`].
    pub async fn notify_audience(
        &self,
        service: &Url,
        notification: &Broadcast,
        audience: &str,
    ) -> Result<JobAccepted, SenderError> {
        let url = below(service, &["v1", "audiences", audience, "notifications"])?;
        let post = self.request(Method::POST, url)?.header("Idempotency-Key", &notification.key);
        Ok(accepted(post.json(&notification.for_all()).send().await?).await?.json().await?)
    }

    /// How far a job is, once it is done or after so many seconds. Where it is done, with all that was refused.
    ///
    /// # Errors
    /// [`SenderError`].
    pub async fn progress(&self, service: &Url, job: &str, wait: u32) -> Result<JobProgress, SenderError> {
        let url = below(service, &["v1", "notifications", job])?;
        let mut progress: JobProgress = self.ask(url.clone(), &[("wait", u64::from(wait))]).await?;
        while let (JobState::Done, Some(next)) = (progress.state, progress.next) {
            let more: JobProgress = self.ask(url.clone(), &[("after", next)]).await?;
            progress.dead.extend(more.dead);
            progress.refusals.extend(more.refusals);
            progress.next = more.next;
        }
        Ok(progress)
    }

    async fn ask(&self, mut url: Url, query: &[(&str, u64)]) -> Result<JobProgress, SenderError> {
        url.query_pairs_mut().extend_pairs(query.iter().map(|(name, value)| (name, value.to_string())));
        Ok(accepted(self.request(Method::GET, url)?.send().await?).await?.json().await?)
    }

    fn request(&self, method: Method, url: Url) -> Result<RequestBuilder, SenderError> {
        let authorization = self.key().authorization(url.as_str())?;
        Ok(self.http().request(method, url).header(AUTHORIZATION, authorization))
    }
}

impl Broadcast {
    fn for_all(&self) -> AudienceNotification {
        AudienceNotification {
            ttl: u64::from(self.ttl),
            urgency: self.urgency.clone(),
            topic: self.topic.clone(),
            content_encoding: self.text.as_ref().map(|_| "identity".to_owned()),
            body: self.text.as_ref().map(base64url::encode),
        }
    }
}

/// By its token alone, which an endpoint ends in: so more of them find room.
fn recipient(shown: &str) -> Recipient {
    let token = shown.rsplit('/').next().unwrap_or_default();
    Recipient { token: Some(token.to_owned()), ..Recipient::default() }
}

/// A path under the service's, under whatever path that has itself.
pub(super) fn below(service: &Url, path: &[&str]) -> Result<Url, SenderError> {
    let mut url = service.clone();
    let no_service = |()| SenderError::NoService(service.to_string());
    url.path_segments_mut().map_err(no_service)?.pop_if_empty().extend(path);
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_found_under_the_services_path() {
        let at = |service: &str, name| below(&service.parse().unwrap(), &["v1", name]).unwrap().to_string();
        assert_eq!(at("http://127.0.0.1:8080", "a"), "http://127.0.0.1:8080/v1/a");
        assert_eq!(at("https://push.example/b/", "a/c?d"), "https://push.example/b/v1/a%2Fc%3Fd");
        assert!(below(&"mailto:a@b".parse().unwrap(), &["v1"]).is_err());
    }

    #[test]
    fn an_endpoint_is_named_by_its_token() {
        assert_eq!(recipient("https://push.example/push/AQ").shown(), "AQ");
        assert_eq!(recipient("AQ").shown(), "AQ");
    }
}
