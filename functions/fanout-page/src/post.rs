use futures_util::stream::{self, StreamExt as _};
use signalbox_backlog::{Posted, owe, post};
use signalbox_delivery::notification;
use signalbox_domain::{Job, KeyRing, Tally};
use signalbox_wire::ServiceMessage;

use crate::admit::Due;
use crate::{Failed, FanoutPage};

/// So many posts are under way at once.
const POSTS: usize = 64;

/// What became of a message.
enum Became {
    Posted,
    /// Its terminal is absent, or could not be posted to: it gets what is stored, and nothing else.
    Unposted,
}

impl FanoutPage {
    /// Posts to each terminal's connection, at this function's share of the rate. 1 post for each; more, and calls, where
    /// connections have been closed (I8). One that fails is owed to the queue of drains.
    pub(crate) async fn post_all(&self, job: &Job, due: Vec<Due>, tally: &mut Tally) -> Result<(), Failed> {
        let mut frames = Vec::with_capacity(due.len());
        for due in due {
            frames.push((self.frame(&due).await?, due));
        }
        let posts =
            stream::iter(frames).map(|(frame, due)| async move { self.post(job, &due, &frame).await });
        let mut posts = posts.buffer_unordered(POSTS);
        while let Some(became) = posts.next().await {
            match became {
                Became::Posted => tally.posted += 1,
                Became::Unposted if job.ttl.is_now_or_never() => tally.missed += 1,
                Became::Unposted => tally.stored += 1,
            }
        }
        Ok(())
    }

    async fn post(&self, job: &Job, due: &Due, frame: &ServiceMessage) -> Became {
        let Some(connection) = due.connection.clone() else { return Became::Unposted };
        if let Some(pace) = &self.pace {
            pace.turn().await;
        }
        let key = &due.message.key;
        match post(&self.context, key, connection, job.urgency, frame).await {
            Ok(Posted::ToConnection) => Became::Posted,
            Ok(Posted::Absent | Posted::NotYet) => Became::Unposted,
            Err(failed) if job.ttl.is_now_or_never() => {
                let (connection, error) = (&failed.connection, &failed.error);
                tracing::warn!(terminal = %key.terminal, %connection, error, "a post failed");
                Became::Unposted
            }
            Err(failed) => {
                owe(&self.context, key, &failed, None).await;
                Became::Unposted
            }
        }
    }

    /// As it crosses, each time the same (I2): under the key that the job was accepted under, which may be newer than this copy
    /// of the ring.
    async fn frame(&self, due: &Due) -> Result<ServiceMessage, Failed> {
        let message = &due.message;
        let payload = message.payload.as_ref();
        let frame =
            |ring: &KeyRing| notification(ring, &message.key, message.sealed_under, message.channel, payload);
        Ok(self.context.keys.open(frame).await?)
    }
}
