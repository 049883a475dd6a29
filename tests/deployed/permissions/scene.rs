use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use signalbox::client::{Terminal, TerminalError};
use signalbox_domain::{TerminalId, Uaid};
use signalbox_wire::{Notification, Unregister};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::function::Function;
use super::permission::{On, Permission};
use super::role::{Held, Role};
use crate::aws::Aws;
use crate::operator::Operator;
use crate::stack::{Stack, place};
use crate::support::{App, PATIENCE, Server, Service, next};

/// The output that names the secret.
const ENROLMENT_KEYS: &str = "EnrolmentKeysArn";
/// How often and how far apart a connection is asked whether it is still there.
const PINGS: u32 = 4;
const BETWEEN_PINGS: Duration = Duration::from_millis(100);

/// The stack, who talks to it, and the API that shows what came of it.
pub(super) struct Scene {
    pub(super) aws: Aws,
    pub(super) stack: Stack,
    pub(super) service: Service,
    pub(super) server: Server,
    pub(super) operator: Operator,
    /// Of each kind of job one, by TTL and topic.
    pub(super) jobs: Mutex<HashMap<(u32, Option<&'static str>), String>>,
    /// `<region>:<account>`, as it stands in the name of a resource.
    place: String,
}

impl Scene {
    pub(super) async fn of_the_suite() -> Self {
        let aws = Aws::start();
        let stack = Stack::of_the_suite(&aws).await;
        let place = place(&aws).await;
        let operator = Operator::of_the_environment(stack.output("PublicUrl"));
        let service = stack.service().enrolling_with(enrolment_key(&aws, &stack).await);
        Self { aws, stack, service, server: Server::new(), operator, jobs: Mutex::default(), place }
    }

    pub(super) async fn role(&self, function: Function) -> Role {
        Role::read(&self.aws, self.stack.resource(&function.role())).await
    }

    /// As a policy of this stack writes it.
    pub(super) fn named(&self, permission: Permission) -> Held {
        let (stack, place) = (&self.stack, &self.place);
        let table = |logical| format!("arn:aws:dynamodb:{place}:table/{}", stack.resource(logical));
        let queue = |logical| {
            let name = stack.resource(logical).rsplit('/').next().unwrap();
            format!("arn:aws:sqs:{place}:{name}")
        };
        let connections = |method| {
            let api = stack.resource("TerminalsApi");
            format!("arn:aws:execute-api:{place}:{api}/live/{method}/@connections/*")
        };
        let on = match permission.on {
            On::Terminals => table("TerminalsTable"),
            On::Messages => table("MessagesTable"),
            On::Connections => table("ConnectionsTable"),
            On::Fanouts => table("FanoutTable"),
            On::Applications => table("ApplicationsTable"),
            On::KeepAlives => table("KeepAliveTable"),
            On::Posts => connections("POST"),
            On::Closes => connections("DELETE"),
            On::DrainQueue => queue("DrainQueue"),
            On::PageQueue => queue("PageQueue"),
            On::KeyRing => stack.output("KeyRingArn").to_owned(),
            On::EnrolmentKeys => stack.output(ENROLMENT_KEYS).to_owned(),
        };
        (permission.action.to_owned(), on)
    }

    /// A terminal with a session, on its connection.
    pub(super) async fn terminal_with_session(&self) -> (Terminal, String, App) {
        let (mut terminal, hello) = self.service.terminal().await;
        let app = App::register(&mut terminal, None, None).await;
        (terminal, hello.uaid, app)
    }

    /// The same, where the session was asked for with an application's name, and the server has validated it.
    pub(super) async fn terminal_with_named_session(&self) -> (Terminal, String, App) {
        let (mut terminal, hello) = self.service.terminal().await;
        let name = Uuid::new_v4().simple().to_string();
        let app = App::register(&mut terminal, Some(&name), None).await;
        let validated = self.service.validate(&self.server, json!({"token": app.token()})).await;
        assert_eq!(validated.status(), 200);
        (terminal, hello.uaid, app)
    }

    /// A terminal that is away, and its session.
    pub(super) async fn absent_with_session(&self) -> (String, App) {
        let (terminal, uaid, app) = self.terminal_with_session().await;
        self.leave(terminal, &uaid).await;
        (uaid, app)
    }

    /// The terminal goes away, and the service knows it.
    pub(super) async fn leave(&self, terminal: Terminal, uaid: &str) {
        terminal.close().await.unwrap();
        // API Gateway's $disconnect comes when it comes.
        eventually(async || self.connection_of(uaid).await.is_none()).await;
    }

    /// A terminal that is away and has missed one notification, and its session.
    pub(super) async fn absent_with_message(&self, topic: bool) -> (String, App) {
        let (uaid, app) = self.absent_with_session().await;
        self.push(&app, "waits", topic).await;
        (uaid, app)
    }

    /// The same, where the session has ended since: the message is dead.
    pub(super) async fn absent_with_dead_message(&self, topic: bool) -> (String, App) {
        let (mut terminal, uaid, app) = self.terminal_with_session().await;
        self.push(&app, "dies", topic).await;
        next(&mut terminal).await;
        let ended = terminal.unregister(Unregister { channel: app.channel, code: None }).await.unwrap();
        assert_eq!(ended.status, 200);
        self.leave(terminal, &uaid).await;
        (uaid, app)
    }

    /// A terminal on its connection that has got a notification, and not acknowledged it.
    pub(super) async fn with_notification(&self, topic: bool) -> (Terminal, String, Notification) {
        let (mut terminal, uaid, app) = self.terminal_with_session().await;
        self.push(&app, "taken", topic).await;
        let notification = next(&mut terminal).await;
        (terminal, uaid, notification)
    }

    async fn push(&self, app: &App, text: &str, topic: bool) {
        let mut request = self.server.sign(app.push(text), &self.service.public_url);
        if topic {
            request = request.header("Topic", "one");
        }
        assert_eq!(request.send().await.unwrap().status(), 201);
    }

    /// Whether a push is accepted.
    pub(super) async fn accepts(&self, app: &App, ttl: &'static str) -> bool {
        let mut request = self.server.sign(app.push("text"), &self.service.public_url).build().unwrap();
        request.headers_mut().insert("ttl", ttl.parse().unwrap());
        crate::support::http().execute(request).await.unwrap().status() == 201
    }

    /// A terminal's own row.
    async fn row(&self, uaid: &str) -> Value {
        let get = json!({
            "TableName": self.stack.resource("TerminalsTable"),
            "Key": {"pk": {"S": terminal_id(uaid)}, "sk": {"S": "T"}},
        });
        self.aws.call("dynamodb", "get_item", get).await["Item"].take()
    }

    /// The connection that the store has a terminal on.
    pub(super) async fn connection_of(&self, uaid: &str) -> Option<String> {
        self.row(uaid).await["connection"]["S"].as_str().map(ToOwned::to_owned)
    }

    /// Whether the store knows the connection.
    pub(super) async fn knows(&self, connection: &str) -> bool {
        let get = json!({
            "TableName": self.stack.resource("ConnectionsTable"),
            "Key": {"pk": {"S": connection}},
        });
        !self.aws.call("dynamodb", "get_item", get).await["Item"].is_null()
    }

    /// Writes into the row of a terminal that it is on this connection, with its gate open or closed.
    pub(super) async fn put_on(&self, uaid: &str, connection: &str, open: bool) {
        let update = json!({
            "TableName": self.stack.resource("TerminalsTable"),
            "Key": {"pk": {"S": terminal_id(uaid)}, "sk": {"S": "T"}},
            "UpdateExpression": "SET #connection = :connection, #open = :open",
            "ExpressionAttributeNames": {"#connection": "connection", "#open": "open"},
            "ExpressionAttributeValues": {":connection": {"S": connection}, ":open": {"BOOL": open}},
        });
        self.aws.call("dynamodb", "update_item", update).await;
    }

    /// The sort key of the one message that waits for a terminal.
    pub(super) async fn waiting(&self, uaid: &str) -> String {
        let query = json!({
            "TableName": self.stack.resource("MessagesTable"),
            "KeyConditionExpression": "pk = :terminal",
            "ExpressionAttributeValues": {":terminal": {"S": terminal_id(uaid)}},
        });
        let answer = self.aws.call("dynamodb", "query", query).await;
        let [message] = answer["Items"].as_array().unwrap().as_slice() else {
            panic!("not one message waits: {answer}");
        };
        message["sk"]["S"].as_str().unwrap().to_owned()
    }

    /// Wakes the deployed function with this event; none where it ends with an error.
    pub(super) async fn invoke(&self, function: Function, event: &Value) -> Option<Value> {
        let invoke = json!({
            "FunctionName": self.stack.resource(&function.logical()),
            "Payload": event.to_string(),
        });
        let answer = self.aws.call("lambda", "invoke", invoke).await;
        if !answer["FunctionError"].is_null() {
            return None;
        }
        Some(serde_json::from_str(answer["Payload"].as_str().unwrap()).unwrap())
    }

    /// Wakes `drain` as the queue does; whether it is done with what it was woken for.
    pub(super) async fn drains(&self, owed: &Value) -> bool {
        self.takes(Function::Drain, include_str!("../../events/aws/drain.json"), owed).await
    }

    /// Wakes a function with this recorded event of its queue, but for the body; whether it is done with it.
    pub(super) async fn takes(&self, function: Function, recorded: &str, body: &Value) -> bool {
        let mut event: Value = serde_json::from_str(recorded).unwrap();
        event["Records"][0]["body"] = body.to_string().into();
        let answer = self.invoke(function, &event).await;
        answer.is_some_and(|answer| answer["batchItemFailures"].as_array().is_none_or(Vec::is_empty))
    }

    /// Replaces the function's instances as an operator would, by another environment, and wakes it; whether it starts.
    pub(super) async fn starts(&self, function: Function, event: &Value) -> bool {
        let of = json!({"FunctionName": self.stack.resource(&function.logical())});
        let mut configuration = self.aws.call("lambda", "get_function_configuration", of.clone()).await;
        let mut variables = configuration["Environment"]["Variables"].take();
        variables["SIGNALBOX_RESTARTED"] = Uuid::new_v4().to_string().into();
        let mut update = of;
        update["Environment"] = json!({"Variables": variables});
        self.aws.call("lambda", "update_function_configuration", update).await;
        self.invoke(function, event).await.is_some()
    }
}

/// The key that the stack was made with.
async fn enrolment_key(aws: &Aws, stack: &Stack) -> String {
    let of = json!({"SecretId": stack.output(ENROLMENT_KEYS)});
    let secret = aws.call("secretsmanager", "get_secret_value", of).await;
    let keys: HashMap<String, String> =
        serde_json::from_str(secret["SecretString"].as_str().unwrap()).unwrap();
    keys.into_values().next().expect("a key")
}

pub(super) fn terminal_id(uaid: &str) -> String {
    TerminalId::of(&uaid.parse::<Uaid>().unwrap()).to_string()
}

/// A recorded event of a terminal's, as if it came now, on this connection.
pub(super) fn on_connection(recorded: &str, connection: &str) -> Value {
    let mut event: Value = serde_json::from_str(recorded).unwrap();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
    let context = &mut event["requestContext"];
    context["connectionId"] = connection.into();
    context["messageId"] = Uuid::new_v4().to_string().into();
    context["connectedAt"] = u64::try_from(now).unwrap().into();
    event
}

/// A connection that is not there.
pub(super) fn gone() -> String {
    format!("gone-{}", Uuid::new_v4())
}

/// Whether the service closes the connection, after what has just been sent on it. One that is open answers every ping; one
/// that is being closed may answer what has come already.
pub(super) async fn is_closed(terminal: &mut Terminal) -> bool {
    for _ in 0..PINGS {
        if !answers(terminal).await {
            return true;
        }
        // With a ping always under way, the emulator would not come to close it.
        tokio::time::sleep(BETWEEN_PINGS).await;
    }
    false
}

/// Whether a ping is answered, whatever comes before.
async fn answers(terminal: &mut Terminal) -> bool {
    if terminal.ping().await.is_err() {
        return false;
    }
    loop {
        match terminal.pong().await {
            Ok(()) => return true,
            Err(TerminalError::Refused { .. }) => {}
            Err(TerminalError::Closed | TerminalError::Connection(_)) => return false,
            Err(other) => panic!("neither open nor closed: {other}"),
        }
    }
}

/// Whether what has just been sent was taken: a ping behind it is answered, and nothing is refused.
pub(super) async fn is_taken(terminal: &mut Terminal) -> bool {
    terminal.ping().await.is_ok() && terminal.pong().await.is_ok()
}

/// Whether the service says why it refuses what has just been sent.
pub(super) async fn is_told(terminal: &mut Terminal) -> bool {
    let came =
        tokio::time::timeout(PATIENCE, terminal.next()).await.expect("an answer, or the connection's end");
    matches!(came, Err(TerminalError::Refused { .. }))
}

/// Waits until it is so.
pub(super) async fn eventually(so: impl AsyncFn() -> bool) {
    let waiting = async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it comes to be so");
}
