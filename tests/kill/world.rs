use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::ledger::{Book, Ledger};
use crate::support::PATIENCE;

/// More than a page of a drain.
const BACKLOG: usize = 120;

/// What all that take part share.
pub(crate) struct World {
    pub(crate) ledger: Ledger,
    pub(crate) websocket_url: String,
    pub(crate) public_url: String,
    pub(crate) http: reqwest::Client,
    pub(crate) seed: u64,
    /// Terminals for which more than a page is to wait from the beginning.
    absent: Vec<usize>,
    life: AtomicU64,
    quiet: AtomicBool,
}

impl World {
    pub(crate) fn new(websocket_url: &str, public_url: &str, seed: u64, absent: Vec<usize>) -> Arc<Self> {
        Arc::new(Self {
            ledger: Ledger::default(),
            websocket_url: websocket_url.to_owned(),
            public_url: public_url.to_owned(),
            http: reqwest::Client::builder().timeout(PATIENCE).build().expect("a client"),
            seed,
            absent,
            life: AtomicU64::new(0),
            quiet: AtomicBool::new(false),
        })
    }

    /// A terminal whose drain would not go on by queue, though it is to.
    pub(crate) fn short_of_backlog(&self, book: &Book) -> Option<usize> {
        self.absent.iter().copied().find(|terminal| book.waiting(*terminal) < BACKLOG)
    }

    /// The process's life; odd from before it is killed until after it has started again.
    pub(crate) fn life(&self) -> u64 {
        self.life.load(Ordering::SeqCst)
    }

    /// To be said before a kill, and after a start.
    pub(crate) fn turn(&self) {
        self.life.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn quiet(&self) -> bool {
        self.quiet.load(Ordering::SeqCst)
    }

    /// From now on nothing new is begun.
    pub(crate) fn hush(&self) {
        self.quiet.store(true, Ordering::SeqCst);
    }
}
