use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::STACK;
use crate::aws::Aws;
use crate::deployment::Deployment;
use crate::stack::Stack;
use crate::support::{App, http};

const KEPT: [&str; 5] = ["ApplicationsTable", "FanoutTable", "KeyRing", "MessagesTable", "TerminalsTable"];

/// Deleting the stack takes everything but the four tables with what is in them, and the key ring.
pub(super) async fn leaves_what_is_to_be_kept(
    aws: &Aws,
    deployment: &Deployment,
    stack: &Stack,
    session: &App,
) {
    let id = json!({"StackName": STACK});
    let described = aws.call("cloudformation", "describe_stacks", id.clone()).await;
    let id_of_all_times = described["Stacks"][0]["StackId"].clone();
    let listed = aws.call("cloudformation", "describe_stack_resources", id).await;
    let listed = listed["StackResources"].as_array().unwrap().clone();
    deployment.delete().await.expect("the stack can be deleted");

    let events = json!({"StackName": id_of_all_times});
    let events = aws.call("cloudformation", "describe_stack_events", events).await;
    let with = |status: &str| -> BTreeSet<_> {
        let events = events["StackEvents"].as_array().unwrap().iter();
        let those = events.filter(|event| event["ResourceStatus"] == status);
        those.map(|event| event["LogicalResourceId"].as_str().unwrap().to_owned()).collect()
    };
    let kept: BTreeSet<_> = KEPT.map(ToOwned::to_owned).into();
    assert_eq!(with("DELETE_SKIPPED"), kept);
    assert_eq!(with("DELETE_FAILED"), BTreeSet::new());

    let mut looked_at = BTreeSet::new();
    for resource in &listed {
        let (kind, logical) =
            (resource["ResourceType"].as_str().unwrap(), resource["LogicalResourceId"].as_str().unwrap());
        if let Some(there) = is_there(aws, kind, resource["PhysicalResourceId"].as_str().unwrap()).await {
            assert_eq!(there, kept.contains(logical), "{logical}: is there, is to be kept");
            looked_at.insert(kind);
        }
    }
    assert_eq!(looked_at.len(), 10, "kinds of resources that were looked for: {looked_at:?}");

    // Neither is there anybody who answers, nor is anything lost.
    let answer = session.push("nobody is there").send().await.unwrap();
    assert!(answer.status().is_client_error() || answer.status().is_server_error(), "{}", answer.status());
    assert!(http().get(stack.output("PublicUrl")).send().await.unwrap().status() != 200);
    let scan = json!({"TableName": stack.resource("TerminalsTable"), "Select": "COUNT"});
    assert!(aws.call("dynamodb", "scan", scan).await["Count"].as_u64().unwrap() > 0);
    let secret = json!({"SecretId": stack.output("KeyRingArn")});
    let ring = aws.call("secretsmanager", "get_secret_value", secret).await;
    assert!(ring["SecretString"].as_str().unwrap().contains("encrypt"));
}

/// Whether the service that a resource belongs to knows it; none where nothing of the stack would be left by it.
async fn is_there(aws: &Aws, kind: &str, id: &str) -> Option<bool> {
    let (service, operation, arguments): (_, _, Value) = match kind {
        "AWS::DynamoDB::Table" => ("dynamodb", "describe_table", json!({"TableName": id})),
        "AWS::SecretsManager::Secret" => ("secretsmanager", "describe_secret", json!({"SecretId": id})),
        "AWS::Lambda::Function" => ("lambda", "get_function", json!({"FunctionName": id})),
        "AWS::Lambda::EventSourceMapping" => ("lambda", "get_event_source_mapping", json!({"UUID": id})),
        "AWS::IAM::Role" => ("iam", "get_role", json!({"RoleName": id})),
        "AWS::SQS::Queue" => ("sqs", "get_queue_attributes", json!({"QueueUrl": id})),
        "AWS::ApiGatewayV2::Api" => ("apigatewayv2", "get_api", json!({"ApiId": id})),
        "AWS::CloudWatch::Dashboard" => ("cloudwatch", "get_dashboard", json!({"DashboardName": id})),
        "AWS::CloudWatch::Alarm" => {
            let answer = aws.call("cloudwatch", "describe_alarms", json!({"AlarmNames": [id]})).await;
            return Some(!answer["MetricAlarms"].as_array().unwrap().is_empty());
        }
        "AWS::Logs::LogGroup" => {
            let answer = aws.call("logs", "describe_log_groups", json!({"logGroupNamePrefix": id})).await;
            return Some(
                answer["logGroups"].as_array().unwrap().iter().any(|group| group["logGroupName"] == id),
            );
        }
        // Parts of an API or of a function.
        "AWS::ApiGatewayV2::Integration"
        | "AWS::ApiGatewayV2::Route"
        | "AWS::ApiGatewayV2::Stage"
        | "AWS::Lambda::Permission" => return None,
        other => panic!("what becomes of {other}?"),
    };
    match aws.try_call(service, operation, arguments).await {
        Ok(_) => Some(true),
        Err(error) => {
            let gone = ["NotFound", "NoSuchEntity", "NonExistentQueue", "QueueDoesNotExist"];
            assert!(gone.iter().any(|word| error.code.contains(word)), "{kind}: {error:?}");
            Some(false)
        }
    }
}
