use std::time::Duration;

use lambda_http::{Body, Request, RequestExt as _, Response};
use signalbox_domain::{Job, Recipients, Refusal, ServerKey, Tally, Timestamp, Who};
use signalbox_gateway::http::{ok, path_parameter};
use signalbox_store::PageState;
use signalbox_wire::{Dead, JobProgress, JobState, base64url};

use crate::asked::told;
use crate::{Fanout, failed};

/// HTTP API cuts an answer that takes 30 s.
const LONGEST_WAIT: Duration = Duration::from_secs(25);
/// Between two looks: longer for a job of many pages, each of which is read.
const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(1);
const MANY: u32 = 500;
/// How many refused recipients are told in one answer.
const REFUSALS: usize = 1_000;
/// A last attempt that began so long ago has come to nothing: a function has a minute, by the template.
const GIVEN_UP: Duration = Duration::from_secs(200);

impl Fanout {
    /// `GET /v1/notifications/{job}`: how far it is (R41). With `?wait=` seconds, up to 25: once it is done, or then. 1 read, and 1
    /// for each MB of pages; again every second while it waits.
    pub(crate) async fn progress(
        &self,
        request: &Request,
        server: &ServerKey,
    ) -> Result<Response<Body>, Refusal> {
        let id = path_parameter(request, "job").parse().map_err(|_| Refusal::JobUnknown)?;
        let wait = Duration::from_secs(number(request, "wait")?).min(LONGEST_WAIT);
        let after = usize::try_from(number(request, "after")?).unwrap_or(usize::MAX);
        let job = self.context.store.job(id, self.context.clock.now()).await.map_err(failed)?;
        let job = job.filter(|job| job.server == *server).ok_or(Refusal::JobUnknown)?;
        let pause = if job.pages > MANY { LONG } else { SHORT };
        let until = self.context.clock.now().plus(wait);
        loop {
            let pages = self.context.store.pages(id).await.map_err(failed)?;
            let now = self.context.clock.now();
            let progress = progress(&job, pages, after, now);
            if progress.state == JobState::Done || now >= until {
                return Ok(ok(&progress));
            }
            tokio::time::sleep(pause).await;
        }
    }
}

/// A number of the query; 0 where it is absent.
fn number(request: &Request, name: &'static str) -> Result<u64, Refusal> {
    let parameters = request.query_string_parameters_ref();
    let Some(text) = parameters.and_then(|parameters| parameters.first(name)) else { return Ok(0) };
    text.parse().map_err(|_| Refusal::Malformed(format!("`{name}` must be a non-negative integer")))
}

fn progress(job: &Job, pages: Vec<PageState>, after: usize, now: Timestamp) -> JobProgress {
    let (mut tally, mut failed, mut ended) = (Tally::default(), 0, 0_u32);
    for page in pages {
        match page {
            PageState::Done(page) => {
                tally.add(page);
                ended += 1;
            }
            PageState::LastAttempt { began, recipients, .. } if began.plus(GIVEN_UP) <= now => {
                failed += recipients;
                ended += 1;
            }
            PageState::LastAttempt { .. } | PageState::Stored => {}
        }
    }
    let state = if ended >= job.pages { JobState::Done } else { JobState::Running };
    let dealt_with = tally.total() + failed;
    let total = match (&job.recipients, state) {
        (Recipients::Listed { total }, _) => u64::from(*total),
        // Who joined or left meanwhile, and what was an estimate, is known now.
        (Recipients::Audience { .. }, JobState::Done) => dealt_with,
        (Recipients::Audience { about, .. }, JobState::Running) => (*about).max(dealt_with),
    };
    let refusals = tally.refused.iter().skip(after).take(REFUSALS);
    let next = after.saturating_add(REFUSALS);
    JobProgress {
        job: job.id.to_string(),
        state,
        total,
        posted: tally.posted,
        stored: tally.stored,
        missed: tally.missed,
        refused: tally.refused.len() as u64,
        failed,
        pending: total.saturating_sub(dealt_with),
        dead: refusals.clone().filter(|refused| refused.is_dead()).map(|refused| dead(refused.who)).collect(),
        refusals: refusals.map(told).collect(),
        next: (next < tally.refused.len()).then_some(next as u64),
    }
}

fn dead(who: Who) -> Dead {
    match who {
        Who::Index(index) => Dead::Index(index),
        Who::Member(token) => Dead::Member(base64url::encode(token.as_bytes())),
    }
}
