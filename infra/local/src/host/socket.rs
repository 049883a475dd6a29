use std::pin::Pin;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use lambda_runtime::Error;
use tokio::sync::mpsc;

use super::http_api::Gateway;
use super::hub::Order;
use super::websocket_api::Connection;

/// Who does not answer our close is cut: Firefox closes without an echo.
const FAREWELL: Duration = Duration::from_secs(1);

/// What a function answers to a message: what crosses to the terminal, if anything.
type Handled = Result<Option<String>, Error>;
/// A message that is being handled.
type Handling<'g> = Pin<Box<dyn Future<Output = Handled> + Send + 'g>>;

/// How a connection ends.
enum End {
    /// The terminal closed it or is gone.
    ByTerminal,
    /// We close it.
    ByService(u16),
}

/// Serves one connection to its end. Its messages are handled one after the other, what is posted to it crosses
/// meanwhile.
pub(super) async fn run(gateway: Gateway, connection: Connection, mut stream: WebSocket) {
    let mut orders = gateway.hub.add(&connection.id);
    let mut handling = None;
    let end = serve(&gateway, &connection, &mut stream, &mut orders, &mut handling).await;
    // Whoever posts here now is told that it is gone.
    gateway.hub.remove(&connection.id);
    drop(orders);
    if let End::ByService(code) = end {
        farewell(&mut stream, code).await;
    }
    drop(stream);
    // What has begun is finished, as a Lambda is whose connection closes.
    if let Some(Err(error)) = finish(&mut handling).await {
        tracing::error!(connection = connection.id, %error, "a function failed");
    }
    gateway.disconnected(&connection).await;
}

/// The outcome of the message under way; none where there is none.
async fn finish(handling: &mut Option<Handling<'_>>) -> Option<Handled> {
    let handled = handling.as_mut()?.await;
    *handling = None;
    Some(handled)
}

async fn serve<'g>(
    gateway: &'g Gateway,
    connection: &'g Connection,
    stream: &mut WebSocket,
    orders: &mut mpsc::Receiver<Order>,
    handling: &mut Option<Handling<'g>>,
) -> End {
    loop {
        let busy = handling.is_some();
        let sent = tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Send(frame)) => send_all(stream, frame, orders).await,
                Some(Order::Close) | None => return End::ByService(close_code::NORMAL),
            },
            handled = finish(handling), if busy => {
                match handled {
                    Some(Ok(Some(text))) => send(stream, text.into()).await,
                    Some(Err(error)) => {
                        tracing::error!(connection = connection.id, %error, "a function failed");
                        let text = r#"{"message":"Internal server error"}"#;
                        send(stream, Bytes::from_static(text.as_bytes())).await
                    }
                    _ => Sent::Yes,
                }
            }
            frame = stream.next(), if !busy => match frame {
                Some(Ok(Message::Text(text))) => {
                    *handling = Some(Box::pin(gateway.message(connection, text)));
                    Sent::Yes
                }
                // No route takes it: refused as what it is not, JSON text.
                Some(Ok(Message::Binary(_))) => {
                    *handling = Some(Box::pin(gateway.message(connection, Utf8Bytes::default())));
                    Sent::Yes
                }
                // Answered by the library.
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => Sent::Yes,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return End::ByTerminal,
            },
            () = gateway.stop.cancelled() => return End::ByService(close_code::AWAY),
        };
        match sent {
            Sent::Yes => {}
            Sent::LastWasClose => return End::ByService(close_code::NORMAL),
            Sent::No => return End::ByTerminal,
        }
    }
}

/// What became of sending.
enum Sent {
    Yes,
    /// Behind what was sent stood the order to close.
    LastWasClose,
    No,
}

async fn send(stream: &mut WebSocket, frame: Bytes) -> Sent {
    match stream.send(text(frame)).await {
        Ok(()) => Sent::Yes,
        Err(_) => Sent::No,
    }
}

/// Sends a frame and whatever else waits, in one write.
async fn send_all(stream: &mut WebSocket, first: Bytes, orders: &mut mpsc::Receiver<Order>) -> Sent {
    let mut next = Ok(Order::Send(first));
    let mut closes = false;
    while let Ok(order) = next {
        match order {
            Order::Send(frame) => {
                if stream.feed(text(frame)).await.is_err() {
                    return Sent::No;
                }
            }
            Order::Close => {
                closes = true;
                break;
            }
        }
        next = orders.try_recv();
    }
    match stream.flush().await {
        Ok(()) if closes => Sent::LastWasClose,
        Ok(()) => Sent::Yes,
        Err(_) => Sent::No,
    }
}

/// What functions post is JSON, which is UTF-8.
fn text(frame: Bytes) -> Message {
    match Utf8Bytes::try_from(frame) {
        Ok(text) => Message::Text(text),
        Err(_) => Message::Text(Utf8Bytes::default()),
    }
}

async fn farewell(stream: &mut WebSocket, code: u16) {
    let close = CloseFrame { code, reason: Utf8Bytes::default() };
    let goodbye = async {
        if stream.send(Message::Close(Some(close))).await.is_ok() {
            while let Some(Ok(frame)) = stream.next().await {
                if matches!(frame, Message::Close(_)) {
                    break;
                }
            }
        }
    };
    // Late or not, the connection is dropped behind this.
    let _ = tokio::time::timeout(FAREWELL, goodbye).await;
}
