use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::aws::Aws;
use crate::support::Service;

/// A deployed stack, as `CloudFormation` knows it.
pub(crate) struct Stack {
    pub(crate) name: String,
    /// Physical ids by logical ids.
    resources: HashMap<String, String>,
    outputs: HashMap<String, String>,
}

impl Stack {
    /// The stack that the whole suite runs against.
    pub(crate) async fn of_the_suite(aws: &Aws) -> Self {
        Self::read(aws, &std::env::var("SIGNALBOX_EMULATOR_STACK").unwrap_or_else(|_| "signalbox".into()))
            .await
    }

    pub(crate) async fn read(aws: &Aws, name: &str) -> Self {
        let listed = json!({"StackName": name});
        let resources = aws.call("cloudformation", "describe_stack_resources", listed.clone()).await;
        let resources = resources["StackResources"].as_array().expect("resources").iter();
        let text = |of: &Value, member: &str| of[member].as_str().unwrap_or_default().to_owned();
        let stacks = aws.call("cloudformation", "describe_stacks", listed).await;
        let outputs = stacks["Stacks"][0]["Outputs"].as_array().expect("outputs").iter();
        Self {
            name: name.to_owned(),
            resources: resources
                .map(|resource| (text(resource, "LogicalResourceId"), text(resource, "PhysicalResourceId")))
                .collect(),
            outputs: outputs.map(|output| (text(output, "OutputKey"), text(output, "OutputValue"))).collect(),
        }
    }

    /// The physical id of a resource of the template.
    pub(crate) fn resource(&self, logical: &str) -> &str {
        self.resources.get(logical).unwrap_or_else(|| panic!("{} has no {logical}", self.name))
    }

    pub(crate) fn resources(&self) -> impl Iterator<Item = (&str, &str)> {
        self.resources.iter().map(|(logical, physical)| (logical.as_str(), physical.as_str()))
    }

    /// An output of the template.
    pub(crate) fn output(&self, key: &str) -> &str {
        self.outputs.get(key).unwrap_or_else(|| panic!("{} has no output {key}", self.name))
    }

    pub(crate) fn service(&self) -> Service {
        Service::deployed(self.output("WebSocketUrl"), self.output("PublicUrl"))
    }
}

/// `<region>:<account>`, as it stands in the name of a resource.
pub(crate) async fn place(aws: &Aws) -> String {
    let region = std::env::var("AWS_REGION").expect("AWS_REGION, see infra/emulator/test");
    let caller = aws.call("sts", "get_caller_identity", json!({})).await;
    format!("{region}:{}", caller["Account"].as_str().unwrap())
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
