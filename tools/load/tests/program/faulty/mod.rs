//! A push service of the same protocols, as small as it can be, that does one thing wrong. Without a fault it keeps what it
//! promises, so that what is found is the fault's.

mod book;
mod fan_out;
mod fault;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{any, get, patch, post};
use futures_util::{SinkExt as _, StreamExt as _};
use signalbox_wire::{HelloAnswer, RegisterAnswer, SUBPROTOCOL, ServiceMessage, TerminalMessage};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use book::{Book, Line, Post};
pub(crate) use fault::Fault;

/// The service, while this lives.
pub(crate) struct Faulty {
    address: SocketAddr,
    server: JoinHandle<()>,
}

struct Service {
    address: SocketAddr,
    fault: Fault,
    book: Mutex<Book>,
    fan_outs: Mutex<fan_out::FanOuts>,
}

impl Faulty {
    pub(crate) async fn start(fault: Fault) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let service = Arc::new(Service {
            address,
            fault,
            book: Mutex::new(Book::new(fault)),
            fan_outs: Mutex::default(),
        });
        let router = Router::new()
            .route("/", any(upgrade))
            .route("/push/{token}", post(take))
            .route("/v1/notifications", post(fan_out::to_list))
            .route("/v1/notifications/{job}", get(fan_out::progress))
            .route("/v1/audiences/{name}", patch(fan_out::change).delete(fan_out::delete))
            .route("/v1/audiences/{name}/notifications", post(fan_out::to_audience))
            .with_state(service);
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, server }
    }

    /// Where terminals connect.
    pub(crate) fn url(&self) -> String {
        format!("ws://{}/", self.address)
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Service {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap()
    }
}

async fn take(
    State(service): State<Arc<Service>>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    let ttl = text("ttl").unwrap().parse().unwrap();
    let answer = service.book().post(&token, Post { body: body.into(), topic: text("topic"), ttl });
    match service.fault {
        Fault::Slow(long) => tokio::time::sleep(long).await,
        Fault::Stall(long) if answer.struck => tokio::time::sleep(long).await,
        _ => {}
    }
    match answer.status {
        Some(status) => StatusCode::from_u16(status).unwrap(),
        None => std::future::pending().await,
    }
}

async fn upgrade(State(service): State<Arc<Service>>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.protocols([SUBPROTOCOL]).on_upgrade(|socket| serve(service, socket))
}

/// A terminal's connection, until either side ends it.
async fn serve(service: Arc<Service>, socket: WebSocket) {
    let (mut out, mut texts) = socket.split();
    let (line, mut frames) = mpsc::unbounded_channel::<Option<ServiceMessage>>();
    let writer = tokio::spawn(async move {
        while let Some(Some(frame)) = frames.recv().await {
            if out.send(Message::text(frame.to_json())).await.is_err() {
                break;
            }
        }
        let _ = out.close().await;
    });
    let mut terminal = None;
    while let Some(Ok(Message::Text(text))) = texts.next().await {
        heed(&service, &mut terminal, &line, serde_json::from_str(&text).unwrap());
    }
    if let Some(terminal) = terminal {
        service.book().disconnect(terminal, &line);
    }
    let _ = line.send(None);
    writer.await.unwrap();
}

/// Does what a terminal says.
fn heed(service: &Service, terminal: &mut Option<usize>, line: &Line, message: TerminalMessage) {
    let mut book = service.book();
    let say = |message| {
        let _ = line.send(Some(message));
    };
    match (message, *terminal) {
        (TerminalMessage::Hello(hello), _) => {
            let Some(index) = book.hello(hello.uaid.as_deref()) else { return };
            *terminal = Some(index);
            let (uaid, broadcasts) = (index.to_string(), BTreeMap::new());
            say(ServiceMessage::Hello(HelloAnswer { uaid, status: 200, use_webpush: true, broadcasts }));
            book.connect(index, line.clone());
        }
        (TerminalMessage::Register(register), Some(index)) => {
            let (channel, token) = (register.channel, book.register(index, register.channel));
            let endpoint = Some(format!("http://{}/push/{token}", service.address));
            say(ServiceMessage::Register(RegisterAnswer { channel, status: 200, endpoint, detail: None }));
        }
        (TerminalMessage::Ack(ack), Some(index)) => {
            ack.updates.iter().for_each(|update| book.acknowledge(index, &update.version));
        }
        (other, _) => panic!("the program says {other:?}"),
    }
}
