//! Woken by `$connect`, `$disconnect`, `ack`, `nack` and whatever has no route of its own (`$default`): admits a connection,
//! takes acknowledgements, forgets a closed connection.

mod acknowledge;
mod connect;
mod other;

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use lambda_runtime::{Error, LambdaEvent};
use signalbox_gateway::{Stage, TerminalEvent, answered, done, trace};
use signalbox_startup::Context;
use signalbox_store::StoreError;
use signalbox_telemetry::Count;
use signalbox_wire::PONG;

use crate::other::Other;

/// The function.
#[derive(Debug)]
pub struct Connection {
    context: Context,
}

impl Connection {
    /// With what it works with.
    #[must_use]
    pub fn new(context: Context) -> Self {
        Self { context }
    }

    /// Handles an event.
    ///
    /// # Errors
    /// Where the event is none of API Gateway's, or a closed connection could not be forgotten (API Gateway does not try
    /// again; the first post that finds it closed does the same).
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
        match event.stage {
            Stage::Connect => Ok(self.connect(&event).await),
            Stage::Disconnect => {
                self.context.metrics.one(Count::ConnectionsClosed);
                self.forget(&event).await?;
                Ok(done())
            }
            Stage::Message => Ok(self.message(route.as_deref(), &event).await),
        }
    }

    async fn message(&self, route: Option<&str>, event: &TerminalEvent) -> ApiGatewayProxyResponse {
        match route {
            Some("ack") => self.acknowledge(event).await,
            Some("nack") => self.nack(event).await,
            _ => match Other::read(&event.body) {
                Ok(Other::Ping) => return answered(PONG),
                Ok(Other::BroadcastSubscribe) => {}
                Err(mistake) => {
                    self.context
                        .delivery
                        .refuse(&event.connection, mistake.reason(), mistake.to_string())
                        .await;
                }
            },
        }
        done()
    }

    /// The connection is closed: its entry goes, and its terminal is absent if it was on no other. 1 call before `hello`,
    /// 2 after.
    async fn forget(&self, event: &TerminalEvent) -> Result<(), StoreError> {
        let Some(entry) = self.context.store.delete_connection(&event.connection).await? else {
            return Ok(());
        };
        let now = self.context.clock.now();
        self.context.store.forget_connection(entry.terminal, &event.connection, now).await?;
        tracing::info!(terminal = %entry.terminal, connection = %event.connection, "disconnected");
        Ok(())
    }
}
