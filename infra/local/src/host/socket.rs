use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, close_code};
use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::{Notify, mpsc};

use super::gateway::{Connection, Gateway};
use super::hub::Order;
use super::websocket_api::route;

/// How many messages of a terminal may wait for the ones before to be handled; then no more are read.
const INBOX: usize = 16;
/// How many acknowledgements of a terminal are handled beside each other: so many share one commit.
const ACKS: usize = 16;
/// A terminal that takes nothing for so long is cut.
const STALL: Duration = Duration::from_secs(30);
/// Who does not answer our close is cut: Firefox closes without an echo.
const FAREWELL: Duration = Duration::from_secs(1);
/// How long what a terminal has sent may take to be handled after its connection has ended.
const AFTERMATH: Duration = Duration::from_secs(5);

/// How a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The terminal closed it or is gone.
    ByTerminal,
    /// We close it.
    ByService(u16),
}

/// Serves one connection to its end: reading, handling and writing go on beside each other, so that a terminal that writes
/// before it reads does not stand still.
pub(super) async fn run(gateway: Gateway, connection: Connection, stream: WebSocket) {
    let (answers, mut orders) = gateway.hub.add(&connection.id);
    let (mut sink, mut stream) = stream.split();
    let (inbox, messages) = mpsc::channel(INBOX);
    let wrote = Notify::new();
    let mut handling = Box::pin(handle(&gateway, &connection, messages, answers, &wrote));
    let end = {
        let reading = read(&mut stream, inbox);
        let writing = write(&mut sink, &mut orders, &wrote);
        tokio::select! {
            end = reading => end,
            end = writing => end,
            () = &mut handling => End::ByTerminal,
            () = gateway.stop.cancelled() => End::ByService(close_code::AWAY),
        }
    };
    // Whoever posts here now is told that it is gone.
    gateway.hub.remove(&connection.id);
    drop(orders);
    let goodbye = async {
        match end {
            End::ByService(code) => farewell(&mut sink, &mut stream, code).await,
            // Its close is answered (RFC 6455 section 5.5.1).
            End::ByTerminal => drop(sink.close().await),
        }
    };
    // Late or not, the connection is dropped behind this.
    let _ = tokio::time::timeout(FAREWELL, goodbye).await;
    drop((sink, stream));
    // What the terminal has sent still counts; an acknowledgement, say.
    if tokio::time::timeout(AFTERMATH, handling).await.is_err() {
        tracing::warn!(connection = connection.id, "messages of a closed connection were left unhandled");
    }
    Box::pin(gateway.disconnected(&connection)).await;
}

/// Takes in what the terminal sends.
async fn read(stream: &mut SplitStream<WebSocket>, inbox: mpsc::Sender<Utf8Bytes>) -> End {
    loop {
        let text = match stream.next().await {
            Some(Ok(Message::Text(text))) => text,
            // No route takes it: refused as what it is not, JSON text.
            Some(Ok(Message::Binary(_))) => Utf8Bytes::default(),
            // Answered by the library.
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
            Some(Ok(Message::Close(_)) | Err(_)) | None => return End::ByTerminal,
        };
        if inbox.send(text).await.is_err() {
            return End::ByTerminal;
        }
    }
}

/// Handles messages one after the other until none can come any more. Behind the first frame that one has caused, the next
/// begins beside it: a `hello` that drains for minutes holds up no acknowledgement. Acknowledgements that follow each other
/// are handled beside each other, as their order means nothing; what comes behind them waits for all of them.
async fn handle(
    gateway: &Gateway,
    connection: &Connection,
    mut messages: mpsc::Receiver<Utf8Bytes>,
    answers: mpsc::Sender<Order>,
    wrote: &Notify,
) {
    let mut draining = FuturesUnordered::new();
    let mut acks = FuturesUnordered::new();
    loop {
        let text = tokio::select! {
            Some(()) = draining.next() => continue,
            Some(()) = acks.next() => continue,
            text = messages.recv(), if acks.len() < ACKS => text,
        };
        let Some(text) = text else { break };
        let route = route(&text);
        let mut handling = Box::pin(answer(gateway, connection, route, text, &answers));
        if route == "ack" {
            acks.push(handling);
            continue;
        }
        while acks.next().await.is_some() {}
        let frame = wrote.notified();
        tokio::select! {
            biased;
            () = &mut handling => {}
            () = frame => draining.push(handling),
        }
    }
    while acks.next().await.is_some() {}
    while draining.next().await.is_some() {}
}

/// Runs a message's function and hands on what it answers.
async fn answer(
    gateway: &Gateway,
    connection: &Connection,
    route: &str,
    text: Utf8Bytes,
    answers: &mpsc::Sender<Order>,
) {
    let answer = match Box::pin(gateway.message(connection, route, text)).await {
        Ok(None) => return,
        Ok(Some(answer)) => Bytes::from(answer),
        Err(error) => {
            tracing::error!(connection = connection.id, %error, "a function failed");
            Bytes::from_static(br#"{"message":"Internal server error"}"#)
        }
    };
    // A connection that has ended takes no answer.
    let _ = answers.send(Order::Send(answer)).await;
}

/// Sends what is ordered; what waits together goes out in one write.
async fn write(
    sink: &mut SplitSink<WebSocket, Message>,
    orders: &mut mpsc::Receiver<Order>,
    wrote: &Notify,
) -> End {
    while let Some(order) = orders.recv().await {
        let mut next = Some(order);
        while let Some(order) = next {
            let Order::Send(frame) = order else {
                let _ = in_time(sink.flush()).await;
                return End::ByService(close_code::NORMAL);
            };
            if in_time(sink.feed(text(frame))).await.is_none() {
                return End::ByTerminal;
            }
            next = orders.try_recv().ok();
        }
        if in_time(sink.flush()).await.is_none() {
            return End::ByTerminal;
        }
        wrote.notify_waiters();
    }
    End::ByService(close_code::NORMAL)
}

/// None where it failed or the terminal takes nothing.
async fn in_time(sending: impl Future<Output = Result<(), axum::Error>>) -> Option<()> {
    tokio::time::timeout(STALL, sending).await.ok()?.ok()
}

/// What functions post is JSON, which is UTF-8.
fn text(frame: Bytes) -> Message {
    Message::Text(Utf8Bytes::try_from(frame).unwrap_or_default())
}

async fn farewell(sink: &mut SplitSink<WebSocket, Message>, stream: &mut SplitStream<WebSocket>, code: u16) {
    let close = CloseFrame { code, reason: Utf8Bytes::default() };
    if sink.send(Message::Close(Some(close))).await.is_ok() {
        while let Some(Ok(frame)) = stream.next().await {
            if matches!(frame, Message::Close(_)) {
                break;
            }
        }
    }
}
