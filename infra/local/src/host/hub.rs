use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use signalbox_local_aws::{Connections, PostError, PostFuture};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::{SendTimeoutError, TrySendError};

/// How many frames may wait for a terminal that reads slowly.
const QUEUE: usize = 128;
/// A terminal that takes none of them for so long has a full buffer. Less than one attempt of the clients.
const PATIENCE: Duration = Duration::from_secs(1);
/// API Gateway's limit for one message.
const LARGEST: usize = 128 * 1024;

/// What a connection is told to do.
#[derive(Debug)]
pub(super) enum Order {
    Send(Bytes),
    Close,
}

/// The open connections, by id.
#[derive(Debug, Default)]
pub(super) struct Hub(RwLock<HashMap<String, mpsc::Sender<Order>>>);

impl Hub {
    /// From now on the connection can be posted to. What comes out of the receiver is for it; the sender is for the
    /// answers to its own messages.
    pub(super) fn add(&self, id: &str) -> (mpsc::Sender<Order>, mpsc::Receiver<Order>) {
        let (orders, receiver) = mpsc::channel(QUEUE);
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(id.to_owned(), orders.clone());
        (orders, receiver)
    }

    /// From now on it is gone.
    pub(super) fn remove(&self, id: &str) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    async fn order(&self, id: &str, order: Order) -> Result<(), PostError> {
        let orders = self.0.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        let orders = orders.ok_or(PostError::Gone)?;
        let order = match orders.try_send(order) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Closed(_)) => return Err(PostError::Gone),
            Err(TrySendError::Full(order)) => order,
        };
        orders.send_timeout(order, PATIENCE).await.map_err(|error| match error {
            SendTimeoutError::Timeout(_) => PostError::LimitExceeded,
            SendTimeoutError::Closed(_) => PostError::Gone,
        })
    }
}

impl Connections for Hub {
    fn post(&self, connection: &str, frame: Bytes) -> PostFuture<'_> {
        let id = connection.to_owned();
        Box::pin(async move {
            if frame.len() > LARGEST {
                return Err(PostError::TooLarge);
            }
            self.order(&id, Order::Send(frame)).await
        })
    }

    fn close(&self, connection: &str) -> PostFuture<'_> {
        let id = connection.to_owned();
        Box::pin(async move { self.order(&id, Order::Close).await })
    }
}
