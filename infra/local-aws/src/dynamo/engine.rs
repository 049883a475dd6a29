//! The thread that owns the engine, and its group commit.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::disk::Disk;
use super::dispatch::{Answer, Dispatch, writes};
use super::health::Health;

/// How many calls may wait for the engine; more wait at their sender.
const QUEUE: usize = 1024;
/// How many calls are taken up together at most: so many writes a read may have to wait for.
const GROUP: usize = 64;

/// A call that waits for the engine.
pub(super) struct Call {
    pub(super) operation: String,
    pub(super) body: Bytes,
    pub(super) answer: oneshot::Sender<Answer>,
}

/// The thread that owns the engine. Dropping it does not stop the thread; closing every [`DynamoWire`](super::DynamoWire)
/// does.
pub struct EngineThread {
    thread: JoinHandle<()>,
    failure: oneshot::Receiver<io::Error>,
}

impl EngineThread {
    /// Resolves when the disk has failed to keep what was written. What the engine holds in memory is then more than what the
    /// disk does, so that it has stopped: no call is answered any more, and only a restart tells what is there.
    pub async fn failed(&mut self) -> io::Error {
        match (&mut self.failure).await {
            Ok(error) => error,
            // It ended as it was told to.
            Err(_) => std::future::pending().await,
        }
    }

    /// Waits until the engine has answered everything and closed its file. Every [`DynamoWire`](super::DynamoWire) must be
    /// gone before.
    pub fn join(self) {
        if self.thread.join().is_err() {
            tracing::error!("the store's thread has panicked");
        }
    }
}

/// Starts the thread: on `disk`, or in memory where there is none.
pub(super) fn start(
    dispatch: Arc<Dispatch>,
    disk: Option<Disk>,
    health: Health,
) -> (mpsc::Sender<Call>, EngineThread) {
    let (sender, calls) = mpsc::channel(QUEUE);
    let (failed, failure) = oneshot::channel();
    let thread = std::thread::spawn(move || {
        if let Err(error) = (Engine { dispatch, disk, health }).run(calls) {
            // Where nobody waits to be told, the calls fail all the same.
            let _ = failed.send(error);
        }
    });
    (sender, EngineThread { thread, failure })
}

struct Engine {
    dispatch: Arc<Dispatch>,
    disk: Option<Disk>,
    health: Health,
}

impl Engine {
    /// Takes what has queued up as one group: first what only reads, answered at once, then what writes, answered when all
    /// of it is on disk. Whoever calls waits for the answer, so that two calls of one group are never cause and effect,
    /// and either order is true; and no read ever sees what a loss of power could take back.
    fn run(mut self, mut calls: mpsc::Receiver<Call>) -> io::Result<()> {
        let mut group = Vec::with_capacity(GROUP);
        while calls.blocking_recv_many(&mut group, GROUP) > 0 {
            let (writing, reading): (Vec<_>, Vec<_>) =
                group.drain(..).partition(|call: &Call| writes(&call.operation));
            for call in reading {
                let answer = self.answer(&call);
                tell(call, answer);
            }
            self.commit(writing)?;
        }
        Ok(())
    }

    /// On an error nobody is answered: their clients are told that the engine is gone.
    fn commit(&mut self, writing: Vec<Call>) -> io::Result<()> {
        let answers: Vec<_> = writing.iter().map(|call| self.answer(call)).collect();
        // What was refused has changed nothing; what failed may have done a part.
        let changed = answers.iter().any(|(status, _)| *status == 200 || *status >= 500);
        if let Some(disk) = self.disk.as_mut().filter(|_| changed) {
            disk.sync()?;
        }
        for (call, answer) in writing.into_iter().zip(answers) {
            tell(call, answer);
        }
        Ok(())
    }

    fn answer(&mut self, call: &Call) -> Answer {
        let answer = self.dispatch.answer(&call.operation, &call.body);
        self.health.note(&call.operation, writes(&call.operation), &answer, Instant::now());
        answer
    }
}

/// Who no longer waits for the answer does not need it.
fn tell(call: Call, answer: Answer) {
    let _ = call.answer.send(answer);
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use dynoxide::Database;

    use super::*;

    async fn call(calls: &mpsc::Sender<Call>, operation: &str, body: &'static str) -> Option<Answer> {
        let (answer, answered) = oneshot::channel();
        let call =
            Call { operation: operation.to_owned(), body: Bytes::from_static(body.as_bytes()), answer };
        calls.send(call).await.ok()?;
        answered.await.ok()
    }

    fn dispatch() -> Arc<Dispatch> {
        Arc::new(Dispatch::to(Database::memory().unwrap()))
    }

    const TABLE: &str = r#"{"TableName":"table","BillingMode":"PAY_PER_REQUEST",
        "KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}],
        "AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"S"}]}"#;

    /// I1, I9: what is not known to be on disk is never answered, and nothing is after it.
    #[tokio::test]
    async fn nothing_is_answered_when_the_disk_fails() {
        let nowhere = Disk::of(Path::new("/no/such/directory/database"));
        let (calls, mut thread) = start(dispatch(), Some(nowhere), Health::of("nowhere".into()));
        assert_eq!(call(&calls, "ListTables", "{}").await.unwrap().0, 200, "what only reads needs no disk");
        assert_eq!(
            call(&calls, "PutItem", "{}").await.unwrap().0,
            400,
            "what was refused has changed nothing"
        );
        assert_eq!(call(&calls, "CreateTable", TABLE).await, None);
        assert_eq!(thread.failed().await.kind(), io::ErrorKind::NotFound);
        assert_eq!(call(&calls, "ListTables", "{}").await, None);
    }

    /// A group is answered call by call: one that is refused takes none with it.
    #[tokio::test]
    async fn a_refused_call_spoils_no_other_of_its_group() {
        let (calls, _thread) = start(dispatch(), None, Health::of("memory".into()));
        assert_eq!(call(&calls, "CreateTable", TABLE).await.unwrap().0, 200);
        let first = r#"{"TableName":"table","Item":{"pk":{"S":"a"}},"ConditionExpression":"attribute_not_exists(pk)"}"#;
        let putting = (0..20).map(|_| call(&calls, "PutItem", first));
        let (again, answers) = tokio::join!(
            call(&calls, "PutItem", r#"{"TableName":"table","Item":{"pk":{"S":"b"}}}"#),
            futures_util::future::join_all(putting)
        );
        assert_eq!(again.unwrap().0, 200);
        let statuses: Vec<_> = answers.into_iter().map(|answer| answer.unwrap().0).collect();
        assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    }

    /// I10: the engine is handed no token, and a transaction that is sent again has no further effect all the same.
    #[tokio::test]
    async fn a_transaction_that_is_sent_again_has_one_effect() {
        const ADD: &str = r#"{"ClientRequestToken":"once","TransactItems":[{"Update":{"TableName":"table",
            "Key":{"pk":{"S":"a"}},"UpdateExpression":"ADD times :one",
            "ExpressionAttributeValues":{":one":{"N":"1"}}}}]}"#;
        const GET: &str = r#"{"TableName":"table","Key":{"pk":{"S":"a"}},"ConsistentRead":true}"#;
        let (calls, _thread) = start(dispatch(), None, Health::of("memory".into()));
        assert_eq!(call(&calls, "CreateTable", TABLE).await.unwrap().0, 200);
        let first = call(&calls, "TransactWriteItems", ADD).await.unwrap();
        assert_eq!(first.0, 200);
        assert_eq!(call(&calls, "TransactWriteItems", ADD).await.unwrap(), first);
        let got = call(&calls, "GetItem", GET).await.unwrap().1;
        assert!(got.contains(r#""times":{"N":"1"}"#), "{got}");
    }
}
