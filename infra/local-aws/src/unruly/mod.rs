//! Wires that behave as AWS may: late, twice, not at all, or done and not said.

mod dynamo;
mod lagging;
mod scope;

use std::sync::Arc;
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use serde_json::json;

pub use scope::{Habits, Scope};

use crate::{InlineDynamo, response};
use dynamo::Asked;
use lagging::Lagging;

/// A timed-out call may still take effect so much later.
const LATE_MILLIS: u64 = 4_000;

/// A wire in front of a wire that misbehaves as the [`Scope`] of the calling task tells it to; outside of one it does nothing.
#[derive(Clone)]
pub struct Unruly {
    wire: SharedHttpConnector,
    /// Of DynamoDB only: what reads see that did not ask for consistency.
    lagging: Option<Arc<Lagging>>,
}

/// What befalls one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mishap {
    Throttled,
    FailsBefore,
    FailsAfter,
    BreaksBefore,
    BreaksAfter,
    /// The answer never comes; the effect does.
    Hangs,
    /// A transaction holds the item.
    Conflict,
    /// A part of the batch is left undone.
    Unprocessed,
    /// A read that did not ask for consistency gets an older state.
    Stale,
    /// The page ends early, as one does that reaches DynamoDB's own limit.
    ShortPage,
    /// 410, though the connection lives.
    FalseGone,
}

impl Unruly {
    /// In front of DynamoDB. Stale answers come from `replica`, which must be empty and nobody else's.
    pub fn dynamo(wire: impl HttpConnector + 'static, replica: InlineDynamo) -> Self {
        Self { wire: SharedHttpConnector::new(wire), lagging: Some(Arc::new(Lagging::new(replica))) }
    }

    /// In front of `@connections`.
    pub fn connections(wire: impl HttpConnector + 'static) -> Self {
        Self { wire: SharedHttpConnector::new(wire), lagging: None }
    }

    /// In front of SQS.
    pub fn queues(wire: impl HttpConnector + 'static) -> Self {
        Self { wire: SharedHttpConnector::new(wire), lagging: None }
    }

    async fn pass(self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let asked = Asked::read(&request);
        let Some(scope) = Scope::current() else { return self.forward(asked, request).await };
        let mishap = self.draw(&scope, &asked);
        scope.wait().await;
        scope.step().await;
        let answer = self.befall(&scope, mishap, asked, request).await;
        scope.step().await;
        scope.wait().await;
        scope.settle_jitter();
        answer
    }

    fn draw(&self, scope: &Scope, asked: &Asked) -> Option<Mishap> {
        let habits = &scope.habits;
        let dynamo = self.lagging.is_some();
        let chances = [
            (Mishap::Throttled, habits.throttled, true),
            (Mishap::FailsBefore, habits.fails_before, true),
            (Mishap::FailsAfter, habits.fails_after, true),
            (Mishap::BreaksBefore, habits.breaks_before, true),
            (Mishap::BreaksAfter, habits.breaks_after, true),
            (Mishap::Hangs, habits.hangs, true),
            (Mishap::Conflict, habits.conflict, dynamo && asked.meets_transactions()),
            (Mishap::Unprocessed, habits.unprocessed, dynamo && asked.can_be_halved()),
            (Mishap::Stale, habits.stale, dynamo && asked.may_be_stale()),
            (Mishap::ShortPage, habits.short_page, dynamo && asked.operation == "Query"),
            (Mishap::FalseGone, habits.false_gone, !dynamo),
        ];
        chances.into_iter().find(|&(_, chance, applies)| applies && scope.chance(chance)).map(|(m, ..)| m)
    }

    async fn befall(
        &self,
        scope: &Arc<Scope>,
        mishap: Option<Mishap>,
        asked: Asked,
        request: HttpRequest,
    ) -> Result<HttpResponse, ConnectorError> {
        // What AWS may do to anybody at any time explains no failure.
        if !matches!(mishap, None | Some(Mishap::Stale | Mishap::ShortPage)) {
            scope.meet();
        }
        match mishap {
            None => self.forward(asked, request).await,
            Some(Mishap::Throttled) => Ok(self.throttled(scope)),
            Some(Mishap::FailsBefore) => Ok(self.failed()),
            Some(Mishap::FailsAfter) => self.forward(asked, request).await.map(|_| self.failed()),
            Some(Mishap::BreaksBefore) => Err(ConnectorError::io("the connection was refused".into())),
            Some(Mishap::BreaksAfter) => {
                self.forward(asked, request).await?;
                Err(ConnectorError::io("the connection was reset".into()))
            }
            Some(Mishap::Hangs) => {
                self.take_effect_later(scope, asked, request);
                std::future::pending().await
            }
            Some(Mishap::Conflict) => Ok(asked.conflict()),
            Some(Mishap::Unprocessed) => self.leave_undone(scope, asked, request).await,
            Some(Mishap::Stale) => Ok(self.stale(scope, &asked)),
            Some(Mishap::ShortPage) => {
                let asked = asked.with_limit(scope.below(3) + 1);
                let request = asked.onto(request);
                self.forward(asked, request).await
            }
            Some(Mishap::FalseGone) => Ok(response(410, Some("GoneException"), "{}")),
        }
    }

    /// The effect, and what the replica must know of it.
    async fn forward(&self, asked: Asked, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let answer = self.wire.call(request).await?;
        if let Some(lagging) = &self.lagging
            && answer.status().is_success()
        {
            lagging.record(asked);
        }
        Ok(answer)
    }

    fn take_effect_later(&self, scope: &Arc<Scope>, asked: Asked, request: HttpRequest) {
        let late = if scope.chance(0.5) { scope.below(LATE_MILLIS) } else { 0 };
        let this = self.clone();
        let effect = async move {
            tokio::time::sleep(Duration::from_millis(late)).await;
            let _ = this.forward(asked, request).await;
        };
        tokio::spawn(Scope::within(scope.clone(), effect));
    }

    async fn leave_undone(
        &self,
        scope: &Scope,
        asked: Asked,
        request: HttpRequest,
    ) -> Result<HttpResponse, ConnectorError> {
        let (done, left) = asked.split(|| scope.chance(0.5));
        let request = done.onto(request);
        let answer = self.forward(done, request).await?;
        Ok(left.added_to(answer))
    }

    fn stale(&self, scope: &Scope, asked: &Asked) -> HttpResponse {
        let lag = Duration::from_millis(scope.below(2_000));
        let (status, body) =
            self.lagging.as_ref().map_or((500, String::new()), |lagging| lagging.answer(asked, lag));
        response(status, None, body)
    }

    fn throttled(&self, scope: &Scope) -> HttpResponse {
        if self.lagging.is_none() {
            return response(429, Some("LimitExceededException"), "{}");
        }
        let kind =
            if scope.chance(0.5) { "ThrottlingException" } else { "ProvisionedThroughputExceededException" };
        dynamo::refusal(400, kind)
    }

    fn failed(&self) -> HttpResponse {
        match self.lagging {
            Some(_) => response(500, None, json!({"__type": "InternalServerError"}).to_string()),
            None => response(500, Some("InternalServerErrorException"), "{}"),
        }
    }
}

impl HttpConnector for Unruly {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::new(self.clone().pass(request))
    }
}

impl std::fmt::Debug for Unruly {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unruly")
    }
}
