use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use serde_json::Value;
use signalbox_domain::{
    ConnectionId, EventMark, LiveSession, ServerKey, Session, SessionRequest, Terminal, TerminalId,
    Timestamp, TokenDigest, Urgency,
};
use signalbox_local_aws::{Call, DynamoWire, Fault, Recorder, config};
use signalbox_store::{Arrival, Issuing, NewTerminal, Store, StoreError, TableNames};
use signalbox_wire::ChannelId;

pub(crate) const NOW: Timestamp = Timestamp::from_secs(1_700_000_000);
pub(crate) const TERMINAL: TerminalId = TerminalId::from_bytes([7; 16]);

/// An item as DynamoDB keeps it.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// A store on an engine of its own.
pub(crate) struct Fixture {
    /// The store that a test asks: counted, and failed where told. It makes one attempt of each call.
    pub(crate) store: Store,
    /// The same tables, neither counted nor failed: to prepare, and to look.
    pub(crate) beside: Store,
    /// The same tables without the store.
    pub(crate) raw: Client,
    /// What the store sends.
    pub(crate) recorder: Recorder,
    /// What the store is answered.
    pub(crate) wire: ScriptedWire,
}

impl Fixture {
    /// With its tables, which are empty.
    pub(crate) async fn new() -> Self {
        let on = Self::without_tables();
        table_names().create(&on.raw).await.unwrap();
        on
    }

    pub(crate) fn without_tables() -> Self {
        let (engine, ..) = DynamoWire::memory().unwrap();
        let wire = ScriptedWire::new(engine.clone());
        let recorder = Recorder::new(wire.clone());
        let raw = client(engine);
        Self {
            store: Store::new(client(recorder.clone()), table_names()),
            beside: Store::new(raw.clone(), table_names()),
            raw,
            recorder,
            wire,
        }
    }

    /// The store's calls so far, which are forgotten. Each read among them was strongly consistent.
    #[track_caller]
    pub(crate) fn calls(&self) -> Vec<Call> {
        let calls = self.recorder.take();
        calls.iter().for_each(assert_consistent);
        calls
    }

    /// Just these calls were made, for so many units each.
    #[track_caller]
    pub(crate) fn assert_cost(&self, expected: &[(&str, f64)]) {
        let calls = self.calls();
        let cost: Vec<_> = calls.iter().map(|call| (call.operation.as_str(), call.units)).collect();
        assert_eq!(cost, expected);
    }

    /// Just these calls were made. What a refused one costs, DynamoDB does not tell.
    #[track_caller]
    pub(crate) fn assert_calls(&self, expected: &[&str]) {
        let calls = self.calls();
        let operations: Vec<_> = calls.iter().map(|call| call.operation.as_str()).collect();
        assert_eq!(operations, expected);
    }

    /// Every call of the store fails so from now on.
    pub(crate) fn fail(&self, fault: Fault) {
        self.recorder.intercept(move |_| Some(fault));
    }

    /// The next call of the store is done, but its answer is lost.
    pub(crate) fn lose_one_answer(&self) {
        let mut faults = VecDeque::from([Fault::FailsAfter]);
        self.recorder.intercept(move |_| faults.pop_front());
    }

    /// A terminal that is configuring, by this `hello`.
    pub(crate) async fn given_configuring(&self, arrival: &Arrival) -> Terminal {
        let created = self.beside.create_terminal(arrival, NOW, NOW).await.unwrap();
        assert_eq!(created, NewTerminal::Created);
        self.terminal().await
    }

    /// A terminal that is provisioned, its gate open, by this `hello`.
    pub(crate) async fn given_provisioned(&self, arrival: &Arrival) -> Terminal {
        self.given_configuring(arrival).await;
        assert!(self.beside.open_gate(arrival.terminal, &arrival.connection).await.unwrap());
        self.terminal().await
    }

    /// A session on a channel that holds none. The terminal is provisioned and on `c1`.
    pub(crate) async fn given_session(&self, channel: &ChannelId, session: &LiveSession) {
        let on = (TERMINAL, &connection("c1"));
        let event = EventMark::of(&connection("c1"), &"given".parse().unwrap());
        let issued = self.beside.issue_session(on, channel, None, (session, &event), NOW).await.unwrap();
        assert_eq!(issued, Issuing::Issued);
    }

    /// The terminal, as it stands.
    pub(crate) async fn terminal(&self) -> Terminal {
        self.beside.terminal(TERMINAL, NOW).await.unwrap().expect("there is a terminal")
    }

    /// What the channel holds.
    pub(crate) async fn session(&self, channel: &ChannelId) -> Option<Session> {
        self.beside.sessions(TERMINAL, &[*channel]).await.unwrap().remove(channel)
    }

    /// Writes one attribute of an item behind the store's back.
    pub(crate) async fn overwrite(&self, table: &str, key: Item, attribute: &str, value: AttributeValue) {
        let update = self.raw.update_item().table_name(table).set_key(Some(key));
        let update = update.update_expression("SET #attribute = :value");
        let update = update.expression_attribute_names("#attribute", attribute);
        update.expression_attribute_values(":value", value).send().await.unwrap();
    }

    pub(crate) async fn item(&self, table: &str, key: Item) -> Option<Item> {
        self.raw.get_item().table_name(table).set_key(Some(key)).send().await.unwrap().item
    }

    pub(crate) async fn is_empty(&self, table: &str) -> bool {
        self.raw.scan().table_name(table).send().await.unwrap().count() == 0
    }
}

/// A client that makes one attempt of each call, so that what is counted is the store's doing.
pub(crate) fn client(wire: impl HttpConnector + 'static) -> Client {
    let config = aws_sdk_dynamodb::config::Builder::from(&config(wire));
    Client::from_conf(config.retry_config(RetryConfig::disabled()).build())
}

fn assert_consistent(call: &Call) {
    let asked: Vec<&Value> = match call.operation.as_str() {
        "GetItem" | "Query" | "Scan" => vec![&call.request],
        "BatchGetItem" => call.request["RequestItems"].as_object().unwrap().values().collect(),
        _ => Vec::new(),
    };
    for asked in asked {
        assert_eq!(asked["ConsistentRead"], true, "{call:?}");
    }
}

/// Nothing may be concluded from a call that failed.
#[track_caller]
pub(crate) fn assert_unavailable<T: fmt::Debug>(answer: Result<T, StoreError>) {
    let error = answer.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error:?}");
}

/// An item that this version does not write is an error, and nothing is concluded from it.
#[track_caller]
pub(crate) fn assert_malformed<T: fmt::Debug>(answer: Result<T, StoreError>, what: &str) {
    let error = answer.unwrap_err();
    assert!(matches!(&error, StoreError::Malformed { table, .. } if *table == what), "{error:?}");
}

pub(crate) fn table_names() -> TableNames {
    TableNames {
        terminals: "terminals".to_owned(),
        messages: "messages".to_owned(),
        connections: "connections".to_owned(),
        fanout: "fanout".to_owned(),
        applications: "applications".to_owned(),
    }
}

pub(crate) fn connection(id: &str) -> ConnectionId {
    id.parse().unwrap()
}

/// A `hello` of [`TERMINAL`] on this connection, made so many seconds after [`NOW`], in this event.
pub(crate) fn arrival(connection: &str, seconds: u64, hello: &str) -> Arrival {
    Arrival {
        terminal: TERMINAL,
        connection: connection.parse().unwrap(),
        connected: Timestamp::from_secs(NOW.as_secs() + seconds),
        hello: hello.parse().unwrap(),
        minimum: Urgency::NO_MINIMUM,
    }
}

pub(crate) fn channel(number: u8) -> ChannelId {
    ChannelId::from_bytes([number; 16])
}

/// A session that an application without a name has just asked for.
pub(crate) fn session(token: &str) -> LiveSession {
    Session::issue(None, &SessionRequest::default(), TokenDigest::of(token), NOW)
}

pub(crate) fn server(number: u8) -> ServerKey {
    let mut point = [number; 65];
    point[0] = 4;
    ServerKey::from_stored(&point).unwrap()
}

pub(crate) fn terminal_row() -> Item {
    row(&TERMINAL.to_string(), "T")
}

pub(crate) fn session_row(channel: &ChannelId) -> Item {
    row(&TERMINAL.to_string(), &format!("S#{channel}"))
}

pub(crate) fn row(pk: &str, sk: &str) -> Item {
    Item::from([("pk".to_owned(), text(pk)), ("sk".to_owned(), text(sk))])
}

pub(crate) fn connection_row(connection: &str) -> Item {
    Item::from([("pk".to_owned(), text(connection))])
}

pub(crate) fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

pub(crate) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// Answers in DynamoDB's stead where a test has written the answer; else the engine does.
#[derive(Debug, Clone)]
pub(crate) struct ScriptedWire {
    engine: DynamoWire,
    script: Arc<Mutex<VecDeque<(u16, String)>>>,
}

impl ScriptedWire {
    fn new(engine: DynamoWire) -> Self {
        Self { engine, script: Arc::default() }
    }

    /// The next call is answered so; the one after it by the next answer written, or by the engine.
    pub(crate) fn answer(&self, status: u16, body: &Value) {
        self.script.lock().unwrap().push_back((status, body.to_string()));
    }
}

impl HttpConnector for ScriptedWire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match self.script.lock().unwrap().pop_front() {
            Some((status, body)) => {
                let status = status.try_into().unwrap();
                HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(body))))
            }
            None => self.engine.call(request),
        }
    }
}
