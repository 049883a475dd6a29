//! The operator's routes: API Gateway lets nobody through who has not signed, or may not.

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::aws::Aws;
use crate::operator::{Operator, unsigned};
use crate::permissions::ROLES;
use crate::stack::{Stack, place};
use crate::support::{Server, problem};

const ALL: &str = "/v1/applications";

/// Whose registration nobody else changes meanwhile, and where it is.
fn application() -> (String, String) {
    let name = Uuid::new_v4().simple().to_string();
    let path = format!("{ALL}/{name}");
    (name, path)
}

fn registration(server: &Server) -> Value {
    json!({"serverKeys": [server.key.public_key()]})
}

/// The body of an answer with this status.
async fn body(answer: Response, status: u16) -> Value {
    assert_eq!(answer.status(), status);
    answer.json().await.unwrap()
}

/// Each of the calls, of which the last three are about the same application.
fn calls(path: &str) -> [(Method, &str, Option<Value>); 4] {
    [
        (Method::GET, ALL, None),
        (Method::GET, path, None),
        (Method::PUT, path, Some(registration(&Server::new()))),
        (Method::DELETE, path, None),
    ]
}

#[tokio::test]
async fn an_operator_registers_an_application() {
    let _alone = ROLES.lock().await;
    let stack = Stack::of_the_suite(&Aws::start()).await;
    let operator = Operator::of_the_environment(stack.output("PublicUrl"));
    let ((name, path), server) = (application(), Server::new());
    let registered = body(operator.ask(Method::PUT, &path, Some(registration(&server))).await, 201).await;
    assert_eq!(registered["serverKeys"], json!([server.key.public_key()]));
    assert_eq!(body(operator.ask(Method::GET, &path, None).await, 200).await, registered);
    let listed = body(operator.ask(Method::GET, ALL, None).await, 200).await;
    assert!(listed["applications"].as_array().unwrap().contains(&json!(name)), "{listed}");
    let taken = operator.ask(Method::PUT, &application().1, Some(registration(&server))).await;
    assert_eq!(problem(taken).await.1, "server-key-taken");

    assert_eq!(operator.ask(Method::DELETE, &path, None).await.status(), 204);
    assert_eq!(problem(operator.ask(Method::GET, &path, None).await).await.1, "application-unknown");
}

/// Neither on an application that is registered nor on one that is not.
#[tokio::test]
async fn nothing_is_done_of_what_is_not_signed() {
    let _alone = ROLES.lock().await;
    let stack = Stack::of_the_suite(&Aws::start()).await;
    let public_url = stack.output("PublicUrl");
    let operator = Operator::of_the_environment(public_url);
    let ((_, path), (_, unknown), server) = (application(), application(), Server::new());
    let before = body(operator.ask(Method::PUT, &path, Some(registration(&server))).await, 201).await;
    for (method, path, body) in calls(&path).into_iter().chain(calls(&unknown)) {
        let request = || unsigned(public_url, method.clone(), path, body.clone());
        let refused = request().send().await.unwrap();
        assert_eq!(refused.status(), 403, "{method} {path}");
        // As API Gateway says it: the function is not asked.
        assert_eq!(refused.headers()[CONTENT_TYPE], "application/json", "{method} {path}");
        // An application server's signature is not the one that is asked for.
        for by_server in [server.sign(request(), public_url), bearer(request())] {
            assert_eq!(by_server.send().await.unwrap().status(), 403, "{method} {path}");
        }
    }
    assert_eq!(body(operator.ask(Method::GET, &path, None).await, 200).await, before);
    assert_eq!(operator.ask(Method::GET, &unknown, None).await.status(), 404);
}

fn bearer(request: RequestBuilder) -> RequestBuilder {
    request.header(AUTHORIZATION, "Bearer key")
}

/// The right that docs/OPERATIONS.md names, and it alone.
#[tokio::test]
async fn who_signs_needs_the_right_to_call() {
    let _alone = ROLES.lock().await;
    let aws = Aws::start();
    let stack = Stack::of_the_suite(&aws).await;
    let user = User::new(&aws, &stack).await;
    let (_, path) = application();
    let statuses = async |of: &Operator| {
        let mut statuses = Vec::new();
        for (method, path, body) in calls(&path) {
            statuses.push(of.ask(method, path, body).await.status().as_u16());
        }
        statuses
    };
    let operator = user.signing_with(&user.secret);
    assert_eq!(statuses(&operator).await, [403; 4]);
    user.may("GET/v1/applications*").await;
    assert_eq!(statuses(&operator).await, [200, 404, 403, 403]);
    user.may("*/v1/applications*").await;
    assert_eq!(statuses(&operator).await, [200, 404, 201, 204]);
    assert_eq!(statuses(&user.signing_with("another secret")).await, [403; 4]);
}

/// A user of the account, with an access key.
struct User<'s> {
    aws: &'s Aws,
    stack: &'s Stack,
    name: String,
    key: String,
    secret: String,
}

impl<'s> User<'s> {
    async fn new(aws: &'s Aws, stack: &'s Stack) -> Self {
        let name = format!("operator-{}", Uuid::new_v4());
        let of = json!({"UserName": name});
        aws.call("iam", "create_user", of.clone()).await;
        let made = aws.call("iam", "create_access_key", of).await;
        let text = |member: &str| made["AccessKey"][member].as_str().unwrap().to_owned();
        let (key, secret) = (text("AccessKeyId"), text("SecretAccessKey"));
        Self { aws, stack, name, key, secret }
    }

    fn signing_with(&self, secret: &str) -> Operator {
        Operator::with_key(self.stack.output("PublicUrl"), &self.key, secret)
    }

    /// Gives it the right to these calls, in place of what it had.
    async fn may(&self, calls: &str) {
        let (place, api) = (place(self.aws).await, self.stack.resource("ServersApi"));
        let on = format!("arn:aws:execute-api:{place}:{api}/*/{calls}");
        let statement = json!({"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": on});
        let document = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
        let put = json!({"UserName": self.name, "PolicyName": "operator", "PolicyDocument": document});
        self.aws.call("iam", "put_user_policy", put).await;
    }
}
