use std::sync::Arc;

use futures_util::future::LocalBoxFuture;

use super::permission::Permission;
use super::scene::Scene;

/// What a function is asked to do, when everything is ready for it; whether it did.
pub(super) type Act = LocalBoxFuture<'static, bool>;
type Prepare = fn(Arc<Scene>) -> LocalBoxFuture<'static, Act>;

/// What a function does, and what it needs for that.
pub(super) struct Operation {
    /// In the words of the page.
    pub(super) name: &'static str,
    pub(super) needs: Vec<Permission>,
    /// What it must lack for this to be done at all: what a function does when something else has failed.
    pub(super) lacks: Vec<Permission>,
    /// Whether its function's instances are replaced for it.
    pub(super) starts: bool,
    prepare: Prepare,
}

impl Operation {
    pub(super) fn new(name: &'static str, needs: &[Permission], prepare: Prepare) -> Self {
        Self { name, needs: needs.to_vec(), lacks: Vec::new(), starts: false, prepare }
    }

    pub(super) fn lacking(self, lacks: &[Permission]) -> Self {
        Self { lacks: lacks.to_vec(), ..self }
    }

    pub(super) fn starting(self) -> Self {
        Self { starts: true, ..self }
    }

    /// With every permission there.
    pub(super) async fn prepare(&self, scene: Arc<Scene>) -> Act {
        (self.prepare)(scene).await
    }
}

/// An asynchronous function as an operation's preparation.
macro_rules! prepared {
    ($prepare:expr) => {
        |scene| Box::pin($prepare(scene))
    };
}
pub(super) use prepared;
