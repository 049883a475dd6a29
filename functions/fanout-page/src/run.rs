use std::collections::HashSet;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use signalbox_domain::{
    Addressee, Audience, HashRange, Job, JobId, MessageKey, MessageKind, Page, Recipients, RefusedRecipient,
    Tally, Timestamp, TopicMark, Who,
};
use signalbox_store::{PageState, Putting};
use signalbox_telemetry::Count;

use crate::admit::{Due, Recipient, Rules, admit};
use crate::{Failed, FanoutPage};

/// So many writes that cannot be batched are made at once.
const WRITES: usize = 16;
/// A notification with TTL 0 waits so long for a terminal whose `hello` is being answered.
const ARRIVAL: Duration = Duration::from_millis(300);

/// What is known of a page before its recipients are read.
struct Begun {
    job: Job,
    number: u32,
    /// An earlier run has stored its messages: some may have been posted, and acknowledged since.
    stored: bool,
    /// This is its last attempt, of so many recipients, begun then.
    last: Option<(Timestamp, u64)>,
}

impl Begun {
    /// How far it is, for as long as it is not done. Of a last attempt that is told in each case: should it come to nothing, the
    /// job can still end (R41).
    fn state(&self, stored: bool) -> Option<PageState> {
        match self.last {
            Some((began, recipients)) => Some(PageState::LastAttempt { began, recipients, stored }),
            None => stored.then_some(PageState::Stored),
        }
    }
}

impl FanoutPage {
    /// Carries out a page of a list.
    pub(crate) async fn listed(&self, job: JobId, page: Page, last: bool) -> Result<(), Failed> {
        let Some(mut begun) = self.begin(job, page.number).await? else { return Ok(()) };
        let count = page.recipients.len() + page.refused.len();
        self.announce(&mut begun, count, last).await?;
        let recipients = page.recipients.into_iter().map(|listed| Recipient {
            who: Who::Index(listed.index),
            addressee: listed.addressee,
            payload: listed.payload,
        });
        self.carry_out(&begun, recipients.collect(), page.refused).await.map(drop)
    }

    /// Carries out a page of an audience. Members whose tokens are dead drop out.
    pub(crate) async fn part(&self, job: JobId, number: u32, last: bool) -> Result<(), Failed> {
        let Some(mut begun) = self.begin(job, number).await? else { return Ok(()) };
        let Recipients::Audience { audience, .. } = begun.job.recipients.clone() else { return Ok(()) };
        let range = HashRange::part(number, begun.job.pages);
        let members = self.context.store.members(&audience, range).await?;
        self.announce(&mut begun, members.len(), last).await?;
        let recipients = members.iter().map(|member| Recipient {
            who: Who::Member(member.token),
            addressee: *member,
            payload: None,
        });
        let refused = self.carry_out(&begun, recipients.collect(), Vec::new()).await?;
        self.drop_dead(&audience, &members, &refused).await;
        Ok(())
    }

    /// The job and how far the page is; nothing where there is nothing left to do. 1 call.
    async fn begin(&self, id: JobId, number: u32) -> Result<Option<Begun>, Failed> {
        let (job, state) = self.context.store.job_and_page(id, number, self.context.clock.now()).await?;
        let Some(job) = job else {
            tracing::warn!(job = %id, "a page of a job that is not kept any more");
            return Ok(None);
        };
        let stored = match state {
            Some(PageState::Done(_)) => return Ok(None),
            Some(PageState::Stored) => true,
            Some(PageState::LastAttempt { stored, .. }) => stored,
            None => false,
        };
        Ok(Some(Begun { job, number, stored, last: None }))
    }

    /// Before the last attempt it is written down that it is. 1 call then.
    async fn announce(&self, begun: &mut Begun, recipients: usize, last: bool) -> Result<(), Failed> {
        if !last {
            return Ok(());
        }
        begun.last = Some((self.context.clock.now(), recipients as u64));
        match begun.state(begun.stored) {
            Some(state) => self.record(begun, &state).await,
            None => Ok(()),
        }
    }

    async fn record(&self, begun: &Begun, state: &PageState) -> Result<(), Failed> {
        let now = self.context.clock.now();
        Ok(self.context.store.put_page(begun.job.id, begun.number, state, now).await?)
    }

    /// Evaluates, stores, posts, looks again, and records what became of each. What was refused is returned.
    async fn carry_out(
        &self,
        begun: &Begun,
        recipients: Vec<Recipient>,
        refused: Vec<RefusedRecipient>,
    ) -> Result<Vec<RefusedRecipient>, Failed> {
        let job = &begun.job;
        let mut tally = Tally { refused, ..Tally::default() };
        if self.context.clock.now() >= job.too_late() {
            // The queue was long, or a page failed for long: nobody gets it any more.
            tracing::warn!(job = %job.id, page = begun.number, "a page came too late");
            tally.missed = recipients.len() as u64;
            let refused = tally.refused.clone();
            self.record(begun, &PageState::Done(tally)).await?;
            return Ok(refused);
        }
        let due = self.evaluate(job, recipients, &mut tally).await?;
        let due = if job.ttl.is_now_or_never() {
            self.replace_topics(job, due).await?
        } else {
            self.store(begun, due, &mut tally).await?
        };
        let (at_once, later): (Vec<_>, Vec<_>) = due.into_iter().partition(|due| due.connection.is_some());
        self.post_all(job, at_once, &mut tally).await?;
        let late = self.look_again(job, later, &mut tally).await?;
        self.post_all(job, late, &mut tally).await?;
        tracing::info!(
            job = %job.id,
            page = begun.number,
            posted = tally.posted,
            stored = tally.stored,
            missed = tally.missed,
            refused = tally.refused.len(),
            "page done"
        );
        let refused = tally.refused.clone();
        self.record(begun, &PageState::Done(tally)).await?;
        Ok(refused)
    }

    /// R19, R40: each recipient's token, by itself. 1 call for every 50, and 1 more where sessions have an application's name.
    async fn evaluate(
        &self,
        job: &Job,
        recipients: Vec<Recipient>,
        tally: &mut Tally,
    ) -> Result<Vec<Due>, Failed> {
        let now = self.context.clock.now();
        let sessions = recipients.iter().map(|to| (to.addressee.terminal, to.addressee.channel));
        let routes = self.context.store.routes(sessions, now).await?;
        let settings = &self.context.settings;
        let applications = self.context.store.applications(routes.applications()).await?;
        let (policy, waiting_limit) = (settings.authorization, settings.waiting_limit);
        let rules = Rules { policy, applications, waiting_limit };
        let mut due = Vec::with_capacity(recipients.len());
        for recipient in recipients {
            let who = recipient.who;
            match admit(job, &rules, recipient, &routes, now) {
                Ok(admitted) => due.push(admitted),
                Err(refusal) => tally.refused.push(RefusedRecipient { who, kind: refusal.kind() }),
            }
        }
        self.context.metrics.many(Count::Accepted, due.len());
        Ok(due)
    }

    /// Stored first (I1), before anything is posted. 1 call for every 25; with a topic 1 for each; 1 more before posts. Where an
    /// earlier run has stored them, 1 call for every 100 instead: what waits no longer was acknowledged meanwhile, and must
    /// not come again (I2). What remains is to be posted.
    async fn store(&self, begun: &Begun, due: Vec<Due>, tally: &mut Tally) -> Result<Vec<Due>, Failed> {
        if begun.stored {
            let keys = due.iter().map(|due| &due.message.key);
            let waiting = self.context.store.which_wait(keys).await?;
            let (left, gone): (Vec<_>, Vec<_>) = due.into_iter().partition(|due| {
                waiting.contains(&(due.message.key.terminal, due.message.key.accepted.to_string()))
            });
            tally.posted += gone.len() as u64;
            return Ok(left);
        }
        let left = if begun.job.topic.is_some() {
            self.store_topics(due, tally).await?
        } else {
            let messages: Vec<_> = due.iter().map(|due| due.message.clone()).collect();
            self.context.store.put_messages(&messages).await?;
            self.context.metrics.many(Count::Stored, messages.len());
            due
        };
        if left.iter().any(|due| due.connection.is_some())
            && let Some(state) = begun.state(true)
        {
            self.record(begun, &state).await?;
        }
        Ok(left)
    }

    async fn store_topics(&self, due: Vec<Due>, tally: &mut Tally) -> Result<Vec<Due>, Failed> {
        let stored = stream::iter(due).map(|due| async move {
            let putting = self.context.store.put_message(&due.message).await?;
            Ok::<_, Failed>((due, putting))
        });
        let stored: Vec<_> = stored.buffer_unordered(WRITES).try_collect().await?;
        let mut left = Vec::with_capacity(stored.len());
        for (due, putting) in stored {
            match putting {
                Putting::Stored => {
                    self.context.metrics.one(Count::Stored);
                    left.push(due);
                }
                // A newer message of its topic stands for both.
                Putting::Superseded => tally.stored += 1,
            }
        }
        Ok(left)
    }

    /// With TTL 0 nothing is stored, but what is older of the topic is replaced. 1 call for each, none without a topic.
    async fn replace_topics(&self, job: &Job, due: Vec<Due>) -> Result<Vec<Due>, Failed> {
        let Some(topic) = &job.topic else { return Ok(due) };
        let keys: Vec<_> = due
            .iter()
            .map(|due| {
                let mark = TopicMark::of(&due.message.channel, topic);
                MessageKey { kind: MessageKind::OfTopic(mark), ..due.message.key.clone() }
            })
            .collect();
        let cleared = stream::iter(keys).map(|key| async move { self.context.store.clear_topic(&key).await });
        cleared.buffer_unordered(WRITES).try_collect::<()>().await?;
        Ok(due)
    }

    /// I12: a `hello` that opened its gate between the evaluation and this look is seen here; one that opens it later sees what
    /// is stored. With TTL 0 only terminals that were arriving are worth it. 1 call for every 100. Who is there is to be posted
    /// to; the others are counted.
    async fn look_again(&self, job: &Job, due: Vec<Due>, tally: &mut Tally) -> Result<Vec<Due>, Failed> {
        let now_or_never = job.ttl.is_now_or_never();
        let (due, absent): (Vec<_>, Vec<_>) = due.into_iter().partition(|due| !now_or_never || due.arriving);
        tally.missed += absent.len() as u64;
        if due.is_empty() {
            return Ok(due);
        }
        if now_or_never {
            tokio::time::sleep(ARRIVAL).await;
        }
        let ids: HashSet<_> = due.iter().map(|due| due.message.key.terminal).collect();
        let terminals = self.context.store.terminals(ids, self.context.clock.now()).await?;
        let mut there = Vec::new();
        for mut due in due {
            let terminal = terminals.get(&due.message.key.terminal);
            due.connection = terminal.and_then(|terminal| terminal.reachable_at(job.urgency).cloned());
            match due.connection {
                Some(_) => there.push(due),
                None if now_or_never => tally.missed += 1,
                None => tally.stored += 1,
            }
        }
        Ok(there)
    }

    /// A member whose session has ended drops out by itself. Best effort: the next job finds it again. 1 call for each.
    async fn drop_dead(&self, audience: &Audience, members: &[Addressee], refused: &[RefusedRecipient]) {
        let dead = refused.iter().filter(|refused| refused.is_dead());
        let dead: Vec<_> = dead.filter_map(|refused| member(refused.who, members)).collect();
        let dropped = stream::iter(dead).map(|member| async move {
            if let Err(error) = self.context.store.drop_member(audience, &member).await {
                tracing::warn!(%error, "a dead member stays in its audience");
            }
        });
        dropped.buffer_unordered(WRITES).collect::<()>().await;
    }
}

fn member(who: Who, members: &[Addressee]) -> Option<Addressee> {
    members.iter().copied().find(|member| who == Who::Member(member.token))
}
