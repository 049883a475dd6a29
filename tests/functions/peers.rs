use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use serde_json::Value;
use signalbox_local_aws::{Connections, PostError, PostFuture};

/// The other ends of the connections: what has been posted to them, and which are closed.
#[derive(Default)]
pub struct Peers(Mutex<HashMap<String, Peer>>);

#[derive(Default)]
struct Peer {
    posted: Vec<Value>,
    fails: Option<PostError>,
    closed: bool,
}

impl Peers {
    pub fn open(&self, connection: &str) {
        self.0.lock().unwrap().insert(connection.to_owned(), Peer::default());
    }

    /// Every post there fails from now on.
    pub fn fail(&self, connection: &str, with: PostError) {
        self.0.lock().unwrap().entry(connection.to_owned()).or_default().fails = Some(with);
    }

    /// What has been posted since the last time.
    pub fn take(&self, connection: &str) -> Vec<Value> {
        self.0
            .lock()
            .unwrap()
            .get_mut(connection)
            .map(|peer| std::mem::take(&mut peer.posted))
            .unwrap_or_default()
    }

    pub fn is_closed(&self, connection: &str) -> bool {
        self.0.lock().unwrap().get(connection).is_none_or(|peer| peer.closed)
    }

    fn with(&self, connection: &str, act: impl FnOnce(&mut Peer)) -> Result<(), PostError> {
        let mut peers = self.0.lock().unwrap();
        let peer = peers.get_mut(connection).filter(|peer| !peer.closed).ok_or(PostError::Gone)?;
        if let Some(error) = peer.fails {
            return Err(error);
        }
        act(peer);
        Ok(())
    }
}

/// The wire's side of it.
pub struct Wire(pub Arc<Peers>);

impl Connections for Wire {
    fn post(&self, connection: &str, frame: Bytes) -> PostFuture<'_> {
        let json = serde_json::from_slice(&frame).expect("what is posted is JSON");
        let posted = self.0.with(connection, |peer| peer.posted.push(json));
        Box::pin(async move { posted })
    }

    fn close(&self, connection: &str) -> PostFuture<'_> {
        let mut peers = self.0.0.lock().unwrap();
        let closed = match peers.get_mut(connection) {
            Some(peer) if !peer.closed => {
                peer.closed = true;
                Ok(())
            }
            _ => Err(PostError::Gone),
        };
        Box::pin(async move { closed })
    }
}
