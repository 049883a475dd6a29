use std::time::Duration;

use aws_lambda_events::apigw::ApiGatewayProxyResponse;
use aws_lambda_events::http::StatusCode;
use signalbox_gateway::{TerminalEvent, admitted, turned_away};
use signalbox_startup::NotAdmitted;
use signalbox_store::StoreError;
use signalbox_telemetry::{Count, Refused};
use signalbox_wire::ErrorReason;

use crate::Connection;

/// So long after it was made with a key a connection may say the `hello` of a new terminal. Longer than API Gateway leaves a
/// connection that says nothing; and short, as nothing but time removes the row.
const WAITS: Duration = Duration::from_secs(15 * 60);

/// Why a connection is not admitted.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Key(#[from] NotAdmitted),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Trouble {
    fn status(&self) -> StatusCode {
        match self {
            Self::Key(NotAdmitted::Unknown) => StatusCode::FORBIDDEN,
            Self::Key(NotAdmitted::Unavailable) | Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn reason(&self) -> ErrorReason {
        match self {
            Self::Key(NotAdmitted::Unknown) => ErrorReason::NotEnrolled,
            Self::Key(NotAdmitted::Unavailable) | Self::Store(_) => ErrorReason::Unavailable,
        }
    }
}

impl Connection {
    /// Admits a connection. No call, or 1 where it presents an enrolment key and the service asks for them.
    pub(crate) async fn connect(&self, event: &TerminalEvent) -> ApiGatewayProxyResponse {
        match self.enrol(event).await {
            Ok(()) => {
                self.context.metrics.one(Count::ConnectionsOpened);
                admitted(event)
            }
            Err(trouble) => {
                if let Trouble::Store(error) = &trouble {
                    tracing::error!(connection = %event.connection, %error, "$connect failed");
                }
                let reason = trouble.reason();
                tracing::info!(connection = %event.connection, %reason, "not admitted");
                self.context.metrics.refused(Refused::Terminal(reason));
                turned_away(trouble.status())
            }
        }
    }

    /// Notes that the connection has presented a key that counts. One that presents none may come: its terminal may be known, or
    /// bring a key in `hello`. One that presents a wrong one may not, though its terminal may be known: better that it is told
    /// now than when its uaid is lost.
    async fn enrol(&self, event: &TerminalEvent) -> Result<(), Trouble> {
        let (Some(enrolment), Some(presented)) = (&self.context.enrolment, &event.enrolment) else {
            return Ok(());
        };
        let presented = presented.as_ref().map_err(|_| NotAdmitted::Unknown)?;
        let key = enrolment.admit(presented).await?;
        let expires = self.context.clock.now().plus(WAITS);
        self.context.store.enrol(&event.connection, expires).await?;
        tracing::info!(connection = %event.connection, %key, "enrolled");
        Ok(())
    }
}
