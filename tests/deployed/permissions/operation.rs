use std::sync::Arc;

use futures_util::future::LocalBoxFuture;

use super::function::Function;
use super::permission::{Permission, READ_KEY_RING};
use super::scene::Scene;

/// What a function is asked to do, when everything is ready for it; whether it did.
pub(super) type Act = LocalBoxFuture<'static, bool>;
type Prepare = Box<dyn Fn(Arc<Scene>) -> LocalBoxFuture<'static, Act>>;

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
    pub(super) fn new<P: Future<Output = Act> + 'static>(
        name: &'static str,
        needs: &[Permission],
        prepare: impl Fn(Arc<Scene>) -> P + 'static,
    ) -> Self {
        let prepare: Prepare = Box::new(move |scene| Box::pin(prepare(scene)));
        Self { name, needs: needs.to_vec(), lacks: Vec::new(), starts: false, prepare }
    }

    /// That a function starts, and takes this event, when its instances have been replaced.
    pub(super) fn start(function: Function, event: &'static str) -> Self {
        let act = move |scene: Arc<Scene>| -> Act {
            let event = serde_json::from_str(event).unwrap();
            Box::pin(async move { scene.starts(function, &event).await })
        };
        let started =
            Self::new("an instance starts", &[READ_KEY_RING], move |scene| std::future::ready(act(scene)));
        Self { starts: true, ..started }
    }

    /// It needs these beside.
    pub(super) fn needing(mut self, more: &[Permission]) -> Self {
        self.needs.extend(more);
        self
    }

    pub(super) fn lacking(self, lacks: &[Permission]) -> Self {
        Self { lacks: lacks.to_vec(), ..self }
    }

    /// With every permission there.
    pub(super) async fn prepare(&self, scene: Arc<Scene>) -> Act {
        (self.prepare)(scene).await
    }
}
