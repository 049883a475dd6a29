use std::time::Duration;

use lambda_http::http::StatusCode;
use lambda_http::http::header::LOCATION;
use lambda_http::{Body, Request, Response};
use signalbox_domain::{
    Audience, AudienceName, Job, JobId, Recipients, Refusal, RequestDigest, ServerKey, Work,
};
use signalbox_gateway::http::{accepted, header_value, json, path_parameter, with_status};
use signalbox_store::Begun;
use signalbox_wire::{AudienceNotification, JobAccepted, NotificationsRequest};

use crate::asked::{Asked, idempotency_key, pages, split, told};
use crate::{Fanout, failed};

/// How many members a page of an audience has on average.
const MEMBERS: u64 = 200;
/// So many messages put the pages of an audience into the queue: those of a large one put in their pages themselves.
const STARTERS: u32 = 10;

impl Fanout {
    /// `POST /v1/notifications`: to the sessions that it lists. 1 write; 1 more where the body is shared and long; 1 call of the
    /// queue for every 10 pages.
    pub(crate) async fn notify_list(
        &self,
        request: &Request,
        server: ServerKey,
    ) -> Result<Response<Body>, Refusal> {
        let asked: NotificationsRequest = json(request)?;
        let digest = RequestDigest::of("", request.body().as_ref());
        let (all, recipients) = split(asked);
        if recipients.is_empty() {
            return Err(Refusal::Malformed("`recipients` must name at least one session".to_owned()));
        }
        let asked = Asked::read(&all, &server, self.context.settings.body_limit)?;
        let pages =
            pages(&self.context, &server, &recipients, all.content_encoding.as_deref()).await?.finish();
        // A list of 4 MiB has no more.
        let total = u32::try_from(recipients.len()).unwrap_or(u32::MAX);
        let count = u32::try_from(pages.len()).unwrap_or(u32::MAX);
        let refused = pages.iter().flat_map(|page| &page.refused).map(told).collect();
        let job = self.job(request, server, digest, asked, (Recipients::Listed { total }, count))?;
        let job = self.begin(job).await?;
        let work: Vec<_> = pages.into_iter().map(|page| Work::Listed { job: job.id, page }).collect();
        self.context.pages.send(&work, Duration::ZERO).await.map_err(failed)?;
        self.accepted(&job, refused)
    }

    /// `POST /v1/audiences/{name}/notifications`: to every member. As a list's, and 2 reads, and 1 for each MB of members, 4 at
    /// least and at most.
    pub(crate) async fn notify_audience(
        &self,
        request: &Request,
        server: ServerKey,
    ) -> Result<Response<Body>, Refusal> {
        let all: AudienceNotification = json(request)?;
        let asked = Asked::read(&all, &server, self.context.settings.body_limit)?;
        let audience = self.audience(request, &server).await?;
        let size = self.context.store.count_members(&audience, true).await.map_err(failed)?;
        let pages = u32::try_from(size.members.div_ceil(MEMBERS)).unwrap_or(u32::MAX).max(1);
        let digest = RequestDigest::of(audience.name.as_str(), request.body().as_ref());
        let recipients = Recipients::Audience { audience, about: size.members };
        let job = self.job(request, server, digest, asked, (recipients, pages))?;
        let job = self.begin(job).await?;
        let each = job.pages.div_ceil(STARTERS).max(1);
        let starts = (0..job.pages).step_by(each as usize);
        let work = starts.map(|from| Work::Parts { job: job.id, pages: from..(from + each).min(job.pages) });
        self.context.pages.send(&work.collect::<Vec<_>>(), Duration::ZERO).await.map_err(failed)?;
        self.accepted(&job, Vec::new())
    }

    /// The audience that the path names, if it is this server's. 2 reads.
    pub(crate) async fn audience(&self, request: &Request, server: &ServerKey) -> Result<Audience, Refusal> {
        let name = audience_name(request)?;
        let owner = self.owner(server).await?;
        let audience = self.context.store.audience(owner, &name).await.map_err(failed)?;
        audience.ok_or(Refusal::AudienceUnknown)
    }

    fn job(
        &self,
        request: &Request,
        server: ServerKey,
        digest: RequestDigest,
        asked: Asked,
        (recipients, pages): (Recipients, u32),
    ) -> Result<Job, Refusal> {
        let accepted = accepted(request)?;
        let id = match idempotency_key(request)? {
            Some(key) => JobId::of_key(&server, &key),
            None => JobId::of_request(&server, &accepted.id),
        };
        let Asked { ttl, urgency, topic, payload } = asked;
        let sealed_under = self.context.keys.current().sealing_key();
        let accepted = accepted.at;
        Ok(Job {
            id,
            server,
            request: digest,
            accepted,
            ttl,
            urgency,
            topic,
            payload,
            sealed_under,
            recipients,
            pages,
        })
    }

    /// Records the job, or finds it recorded, and keeps what its waiting messages share. From here on a repetition of the
    /// request goes on with this very job (R42): the pages that it puts into the queue again are known for done.
    async fn begin(&self, job: Job) -> Result<Job, Refusal> {
        let now = self.context.clock.now();
        let job = match self.context.store.begin_job(&job, now).await.map_err(failed)? {
            Begun::New => job,
            Begun::Before(before) if before.request == job.request => before,
            Begun::Before(_) => return Err(Refusal::IdempotencyConflict),
        };
        if job.shares_body() {
            let Some(payload) = &job.payload else { return Ok(job) };
            let kept = self.context.store.put_shared_body(job.id, payload, job.expires()).await;
            kept.map_err(failed)?;
        }
        Ok(job)
    }

    /// 202, and where to ask how far it is.
    fn accepted(
        &self,
        job: &Job,
        refused: Vec<signalbox_wire::RefusedRecipient>,
    ) -> Result<Response<Body>, Refusal> {
        let total = match job.recipients {
            Recipients::Listed { total } => u64::from(total),
            Recipients::Audience { about, .. } => about,
        };
        tracing::info!(job = %job.id, total, pages = job.pages, refused = refused.len(), "fan-out accepted");
        let body = JobAccepted { job: job.id.to_string(), total, refused };
        let mut answer = with_status(StatusCode::ACCEPTED, &body);
        let location = header_value(self.context.settings.public_url.job(&body.job))?;
        answer.headers_mut().insert(LOCATION, location);
        Ok(answer)
    }
}

/// The name in the path.
pub(crate) fn audience_name(request: &Request) -> Result<AudienceName, Refusal> {
    path_parameter(request, "name").parse().map_err(|_| Refusal::AudienceNameInvalid)
}
