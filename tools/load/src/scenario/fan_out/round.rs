use std::time::{Duration, Instant};

use bytes::Bytes;
use signalbox_wire::{JobProgress, JobState, base64url};

use super::super::listeners::Listeners;
use super::recipients::{Batch, Naming, Recipients, Shared};
use super::record::Record;
use crate::application_server::{ApplicationServer, CallError};
use crate::body::{Mark, SHARED};
use crate::ledger::Answer;
use crate::numbers::micros;

/// What came of TTL 0 is there at once or not at all.
const AT_ONCE: Duration = Duration::from_secs(2);
/// Between two questions that were not answered with a job's progress.
const PAUSE: Duration = Duration::from_millis(200);

/// Notifies the same recipients round after round.
pub(crate) struct Notifier {
    server: ApplicationServer,
    recipients: Recipients,
    batches: Vec<Batch>,
    ttl: u32,
    patience: Duration,
    presence: Presence,
    /// Of the next round.
    number: u64,
    pub(crate) record: Record,
}

/// Whether the terminals that are there stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presence {
    /// All of a round: a job's counts can be told beforehand.
    Constant,
    /// They come and go, and other messages come to them.
    Changing,
}

/// A job that was accepted, and the batch that it is for.
struct Accepted<'a> {
    job: String,
    batch: &'a Batch,
}

impl Notifier {
    pub(crate) fn new(
        server: ApplicationServer,
        recipients: Recipients,
        batches: Vec<Batch>,
        ttl: u32,
        (patience, presence): (Duration, Presence),
    ) -> Self {
        let record = Record { recipients: recipients.len() as u64, ..Record::default() };
        Self { server, recipients, batches, ttl, patience, presence, number: 0, record }
    }

    /// One notification to all; until its jobs are done, and what they have delivered is there.
    pub(crate) async fn round(&mut self) -> Result<(), CallError> {
        let number = self.number;
        self.number += 1;
        self.record.rounds += 1;
        let requests = self.requests(number);
        // Not in the time that is measured.
        self.server.connect().await?;
        let (began, batches) = (Instant::now(), std::mem::take(&mut self.batches));
        self.enter(began);
        let mut accepted = Vec::with_capacity(batches.len());
        for (batch, request) in batches.iter().zip(requests) {
            accepted.extend(self.notify(batch, request, number).await);
        }
        let mut ended = Vec::with_capacity(accepted.len());
        for accepted in accepted {
            let progress = self.done(&accepted.job).await;
            ended.push((accepted.batch, progress));
        }
        self.record.done.push(micros(began, Instant::now()));
        if self.presence == Presence::Constant {
            let patience = if self.ttl == 0 { AT_ONCE } else { self.patience };
            Listeners::settle(self.recipients.here(), patience).await;
        }
        for (batch, progress) in ended {
            match progress {
                Some(progress) => self.compare(batch, number, &progress),
                None => self.record.unended_jobs += 1,
            }
        }
        self.batches = batches;
        Ok(())
    }

    /// Every session is about to be posted to.
    fn enter(&self, began: Instant) {
        let at = self.recipients.here().at(began);
        for session in self.recipients.sessions(&(0..self.recipients.len())) {
            session.ledger().post(at);
        }
    }

    fn requests(&self, number: u64) -> Vec<Bytes> {
        let here = self.recipients.here();
        let body = here.body.body(Mark { run: here.run, session: SHARED, number });
        let shared = Shared { ttl: self.ttl, body: base64url::encode(&body) };
        self.batches.iter().map(|batch| self.recipients.request(batch, &shared)).collect()
    }

    async fn notify<'a>(&mut self, batch: &'a Batch, request: Bytes, number: u64) -> Option<Accepted<'a>> {
        let key = format!("load-{:x}-{number}-{}", self.recipients.here().run, batch.members.start);
        let posted = Instant::now();
        let answered = self.server.notify(&batch.path, request, &key).await;
        let now = Instant::now();
        let (answer, counted) = match &answered {
            Ok(_) => (Answer::Accepted, "202".to_owned()),
            Err(error) => (error.meaning(), error.in_short()),
        };
        *self.record.answers.entry(counted).or_default() += 1;
        for session in self.recipients.sessions(&batch.members) {
            session.ledger().answer(number, answer, self.recipients.here().at(now));
        }
        let accepted = match answered {
            Ok(accepted) => accepted,
            Err(error) => {
                self.recipients.here().strays.note(&error.to_string());
                return None;
            }
        };
        self.record.answer.push(micros(posted, now));
        self.record.jobs += 1;
        Some(Accepted { job: accepted.job, batch })
    }

    /// How a job ended. None where it has not, and nothing has come of it for a while either.
    async fn done(&mut self, job: &str) -> Option<JobProgress> {
        let (mut pending, mut since) = (u64::MAX, Instant::now());
        loop {
            match self.server.progress(job, self.patience).await {
                Ok(progress) if progress.state == JobState::Done => return Some(progress),
                Ok(progress) if progress.pending < pending => {
                    (pending, since) = (progress.pending, Instant::now());
                }
                Ok(_) => {}
                Err(error) => self.recipients.here().strays.note(&error.to_string()),
            }
            if since.elapsed() > self.patience {
                return None;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// A job's counts with what has come.
    fn compare(&mut self, batch: &Batch, number: u64, progress: &JobProgress) {
        self.record.refused_recipients += progress.refused;
        self.record.failed_recipients += progress.failed;
        let of_batch = batch.members.len() as u64;
        let arrived = self.arrived(batch, number).count() as u64;
        let here = self.recipients.here_of(&batch.members) as u64;
        // What should have come and has not is found by itself; with TTL 0 the job alone knows what should have.
        let posted = if self.ttl == 0 { arrived } else { here };
        let absent = of_batch - here;
        let (kept, none) = match self.ttl {
            0 => (progress.missed, progress.stored),
            _ => (progress.stored, progress.missed),
        };
        let told = progress.refused + progress.failed;
        let sum = progress.posted + progress.stored + progress.missed + told;
        let mut off = progress.total.abs_diff(of_batch).max(sum.abs_diff(of_batch)) + none + progress.pending;
        let ended = self.recipients.here().strays.ended.load(std::sync::atomic::Ordering::Relaxed);
        if self.presence == Presence::Constant && ended == 0 {
            // Whoever was refused would have been one of these.
            let wrong = progress.posted.abs_diff(posted).max(kept.abs_diff(absent));
            off = off.max(wrong.saturating_sub(told));
        }
        self.record.miscounted += off;
    }

    /// When a round's notification has come, for each to whom it has.
    fn arrived(&self, batch: &Batch, number: u64) -> impl Iterator<Item = u64> {
        let sessions = self.recipients.sessions_here(&batch.members).iter();
        sessions.filter_map(move |session| session.ledger().arrival_time(number))
    }

    /// How long each round took; when nothing comes any more.
    fn look_back(&mut self, number: u64) {
        let times: Vec<_> = self.batches.iter().flat_map(|batch| self.arrived(batch, number)).collect();
        self.record.deliveries += times.len() as u64;
        self.record.last_frame.extend(times.into_iter().max());
    }

    /// What was found; an audience is deleted.
    pub(crate) async fn end(mut self, naming: Naming, audience: &str) -> Result<Record, CallError> {
        if naming == Naming::Audience {
            self.server.delete(audience).await?;
        }
        (0..self.number).for_each(|number| self.look_back(number));
        Ok(self.record)
    }
}
