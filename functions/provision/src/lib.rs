//! Woken by `hello`: makes or finds the terminal, sends the configuring message, then what waits (R1 to R4).

mod drain;
mod hello;

use std::time::Duration;

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use lambda_runtime::{Error, LambdaEvent};
use signalbox_domain::Timestamp;
use signalbox_gateway::{TerminalEvent, done, trace};
use signalbox_startup::Context;

/// Left of the function's time when a drain stops, so that what it has begun is finished: one post with all its attempts,
/// and the closing of the connection.
const RESERVE: Duration = Duration::from_secs(12);

/// The function.
#[derive(Debug)]
pub struct Provision {
    context: Context,
}

impl Provision {
    /// With what it works with.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self { context }
    }

    /// Handles a `hello`.
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
        let until = event.context.deadline.saturating_sub(u64::try_from(RESERVE.as_millis())?);
        let event = TerminalEvent::try_from(event.payload)?;
        if let Err(trouble) = self.hello(&event, Timestamp::from_millis(until)).await {
            self.refuse(&event, trouble).await;
        }
        Ok(done())
    }
}
