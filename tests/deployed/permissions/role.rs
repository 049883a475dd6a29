use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::aws::Aws;

/// An action and the resource that it is allowed on, as the policy writes them.
pub(super) type Held = (String, String);

/// A function's role as IAM knows it.
pub(super) struct Role {
    name: String,
    policy: String,
    /// What the role's own policy allows.
    pub(super) held: BTreeSet<Held>,
    /// The managed policies that it has beside.
    pub(super) managed: Vec<String>,
}

impl Role {
    pub(super) async fn read(aws: &Aws, name: &str) -> Self {
        let of = json!({"RoleName": name});
        let attached = aws.call("iam", "list_attached_role_policies", of.clone()).await;
        let managed = attached["AttachedPolicies"].as_array().unwrap().iter();
        let own = aws.call("iam", "list_role_policies", of).await;
        let [policy] = own["PolicyNames"].as_array().unwrap().as_slice() else {
            panic!("{name} has not one policy of its own: {own}");
        };
        let of = json!({"RoleName": name, "PolicyName": policy});
        let document = aws.call("iam", "get_role_policy", of).await["PolicyDocument"].take();
        Self {
            name: name.to_owned(),
            policy: policy.as_str().unwrap().to_owned(),
            held: list(&document["Statement"]).iter().flat_map(held).collect(),
            managed: managed.map(|one| one["PolicyArn"].as_str().unwrap().to_owned()).collect(),
        }
    }

    /// Takes these away from what it held when it was read, and gives back what was taken away before.
    pub(super) async fn without(&self, aws: &Aws, taken: &[Held]) {
        let left = self.held.iter().filter(|held| !taken.contains(held));
        let statements: Vec<_> =
            left.map(|(action, on)| json!({"Effect": "Allow", "Action": action, "Resource": on})).collect();
        assert_eq!(statements.len() + taken.len(), self.held.len(), "{} holds {taken:?}", self.name);
        let document = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        let put = json!({"RoleName": self.name, "PolicyName": self.policy, "PolicyDocument": document});
        aws.call("iam", "put_role_policy", put).await;
    }
}

/// Each action of a statement with each of its resources.
fn held(statement: &Value) -> Vec<Held> {
    let members: Vec<_> = statement.as_object().unwrap().keys().map(String::as_str).collect();
    assert!(
        members.iter().all(|member| ["Sid", "Effect", "Action", "Resource"].contains(member)),
        "a statement with more than the table can say: {statement}"
    );
    assert_eq!(statement["Effect"], "Allow");
    let (actions, resources) = (list(&statement["Action"]), list(&statement["Resource"]));
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    actions.iter().flat_map(|action| resources.iter().map(move |on| (text(action), text(on)))).collect()
}

/// IAM writes a list of one as that one.
fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}
