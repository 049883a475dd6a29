//! Woken by `register` and `unregister`: issues the token of a session (R5 to R12), and ends a session.

mod register;
mod unregister;

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use lambda_runtime::{Error, LambdaEvent};
use signalbox_domain::TerminalId;
use signalbox_gateway::{TerminalEvent, answered, done, trace};
use signalbox_startup::Context;
use signalbox_store::StoreError;
use signalbox_wire::{ErrorReason, ServiceMessage};

/// The function.
#[derive(Debug)]
pub struct IssueToken {
    context: Context,
}

/// Why a message is answered with a closed connection.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("{what}: {error}")]
    Malformed { what: &'static str, error: serde_json::Error },
    #[error("the first message of a connection must be hello")]
    NoHello,
    #[error("the terminal is not provisioned on this connection; connect again and say hello")]
    NotProvisioned,
}

impl Refused {
    fn reason(&self) -> ErrorReason {
        match self {
            Self::Malformed { .. } => ErrorReason::Malformed,
            Self::NoHello => ErrorReason::NoHello,
            Self::NotProvisioned => ErrorReason::NotProvisioned,
        }
    }
}

impl IssueToken {
    /// With what it works with.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self { context }
    }

    /// Handles a `register` or `unregister`.
    ///
    /// # Errors
    /// Where the event is none of API Gateway's. Everything else ends in an answer, or in a closed connection.
    pub async fn handle(
        &self,
        event: LambdaEvent<ApiGatewayWebsocketProxyRequest>,
    ) -> Result<ApiGatewayProxyResponse, Error> {
        let trace = trace(&event);
        self.context.invocation(&trace, self.answer(event)).await
    }

    async fn answer(
        &self,
        event: LambdaEvent<ApiGatewayWebsocketProxyRequest>,
    ) -> Result<ApiGatewayProxyResponse, Error> {
        let route = event.payload.request_context.route_key.clone();
        let event = TerminalEvent::try_from(event.payload)?;
        let answer = match route.as_deref() {
            Some("register") => {
                self.register(&event).await.map(|answer| answer.map(ServiceMessage::Register))
            }
            Some("unregister") => {
                self.unregister(&event).await.map(|answer| Some(ServiceMessage::Unregister(answer)))
            }
            other => return Err(format!("the route {other:?} is not this function's").into()),
        };
        match answer {
            Ok(Some(answer)) => Ok(answered(answer.to_json())),
            Ok(None) => Ok(done()),
            Err(refused) => {
                self.context.delivery.refuse(&event.connection, refused.reason(), refused.to_string()).await;
                Ok(done())
            }
        }
    }

    /// The terminal that said `hello` on this connection. 1 call.
    async fn terminal(&self, event: &TerminalEvent) -> Result<Result<TerminalId, Refused>, StoreError> {
        let entry = self.context.store.connection(&event.connection).await?;
        Ok(entry.map(|entry| entry.terminal).ok_or(Refused::NoHello))
    }
}
