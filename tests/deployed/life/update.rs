use std::collections::{HashMap, HashSet};

use serde_json::{Value, json};

use super::STACK;
use super::flow::Flow;
use crate::aws::Aws;
use crate::deployment::Deployment;
use crate::stack::Stack;

/// A body between the limit that the stack begins with and the one that it is given.
const BODY: usize = 6_000;
const LIMIT: &str = "BodyLimit=7000";

/// A parameter and one function's code are changed in place: a terminal keeps its connection and gets what is sent before,
/// meanwhile and afterwards.
pub(super) async fn changes_what_it_is_to(
    aws: &Aws,
    deployment: &Deployment,
    stack: &Stack,
    flow: &mut Flow,
) {
    let before = code(aws, stack).await;
    assert_eq!(flow.status_of(BODY).await, 413);
    deployment.change_code("notify").await;
    let (updated, arrived) = flow.push_while(deployment.run(&[LIMIT])).await;
    updated.expect("the update");
    assert!(arrived > 2, "{arrived} notifications arrived during the update");
    flow.push().await;

    assert_ne!(flow.status_of(BODY).await, 413);
    let after = code(aws, stack).await;
    let changed = after.iter().filter(|(function, code)| before[*function] != **code);
    let changed: Vec<_> = changed.map(|(function, _)| function.as_str()).collect();
    assert_eq!(changed, ["NotifyFunction"]);
    assert_same(aws, stack, "UPDATE_COMPLETE").await;
}

/// Where an update fails, everything is as it was, and the service goes on.
pub(super) async fn is_rolled_back_where_it_fails(
    aws: &Aws,
    deployment: &Deployment,
    stack: &Stack,
    flow: &mut Flow,
) {
    let before = code(aws, stack).await;
    let updates = updates_of(aws, "ProvisionFunction").await;
    deployment.template(|template| impossible(&template));
    deployment.change_code("provision").await;
    let (failed, arrived) = flow.push_while(deployment.run(&["BodyLimit=4096"])).await;
    let why = failed.expect_err("there is no such group of logs");
    assert!(why.contains("Impossible"), "{why}");
    assert!(arrived > 2, "{arrived} notifications arrived during the rollback");
    flow.push().await;

    assert_ne!(flow.status_of(BODY).await, 413, "the limit is what it was");
    assert_eq!(code(aws, stack).await, before);
    assert!(updates_of(aws, "ProvisionFunction").await > updates, "it had been updated before that failed");
    assert_same(aws, stack, "UPDATE_ROLLBACK_COMPLETE").await;
    deployment.template(|template| template);
}

/// The template with a resource more that cannot be made. It is tried when the functions have been updated.
fn impossible(template: &str) -> String {
    let resource = json!({
        "Type": "AWS::Logs::LogStream",
        "DependsOn": ["ConnectionFunction", "ProvisionFunction", "NotifyFunction"],
        "Properties": {"LogGroupName": "/there/is/none"},
    });
    template.replacen("\nResources:\n", &format!("\nResources:\n  Impossible: {resource}\n"), 1)
}

/// The stack stands as it should, and of the resources that it has begun with none was replaced, and none is more or less.
async fn assert_same(aws: &Aws, stack: &Stack, status: &str) {
    let stacks = aws.call("cloudformation", "describe_stacks", json!({"StackName": STACK})).await;
    assert_eq!(stacks["Stacks"][0]["StackStatus"], status);
    let now = Stack::read(aws, STACK).await;
    let (then, now): (HashSet<_>, HashSet<_>) = (stack.resources().collect(), now.resources().collect());
    assert_eq!(then, now);
}

/// How often a resource of the stack has been updated.
async fn updates_of(aws: &Aws, logical: &str) -> usize {
    let events = aws.call("cloudformation", "describe_stack_events", json!({"StackName": STACK})).await;
    let events = events["StackEvents"].as_array().unwrap().iter();
    let updates = events.filter(|event| event["ResourceStatus"] == "UPDATE_COMPLETE");
    updates.filter(|event| event["LogicalResourceId"] == logical).count()
}

/// What each function's code is.
async fn code(aws: &Aws, stack: &Stack) -> HashMap<String, Value> {
    let mut code = HashMap::new();
    for (logical, physical) in stack.resources().filter(|(logical, _)| logical.ends_with("Function")) {
        let of = json!({"FunctionName": physical});
        let mut configuration = aws.call("lambda", "get_function_configuration", of).await;
        code.insert(logical.to_owned(), configuration["CodeSha256"].take());
    }
    assert_eq!(code.len(), 9);
    code
}
