//! What `template.yaml` says of both APIs.

use std::collections::BTreeSet;

use yaml_rust2::{Yaml, YamlLoader};

use crate::written::root;

pub struct Template(Yaml);

impl Template {
    pub fn read() -> Self {
        let text = std::fs::read_to_string(root().join("template.yaml")).expect("the template");
        Self(YamlLoader::load_from_str(&text).expect("YAML").remove(0))
    }

    fn resources(&self, of_type: &str) -> impl Iterator<Item = &Yaml> {
        let resources = self.0["Resources"].as_hash().expect("resources");
        resources.values().filter(move |resource| resource["Type"].as_str() == Some(of_type))
    }

    /// The routes of the HTTP API: method and path.
    pub fn http_routes(&self) -> BTreeSet<String> {
        self.resources("AWS::ApiGatewayV2::Route").map(route_key).collect()
    }

    /// Those of them that API Gateway serves to nobody but who has signed and may. The others are open to all: what a request
    /// needs there, the function says.
    pub fn signed_routes(&self) -> BTreeSet<String> {
        let signed = |route: &&Yaml| match &route["Properties"]["AuthorizationType"] {
            Yaml::BadValue => false,
            authorization => {
                assert_eq!(authorization.as_str(), Some("AWS_IAM"), "{}", route_key(route));
                true
            }
        };
        self.resources("AWS::ApiGatewayV2::Route").filter(signed).map(route_key).collect()
    }

    /// The routes of the WebSocket API that a message can name.
    pub fn message_routes(&self) -> BTreeSet<String> {
        self.resources("AWS::Serverless::WebSocketApi")
            .flat_map(|api| api["Properties"]["Routes"].as_hash().expect("routes").keys())
            .map(|key| key.as_str().expect("a route key").to_owned())
            .filter(|key| !key.starts_with('$'))
            .collect()
    }

    /// The formats of the access logs.
    pub fn access_logs(&self) -> Vec<&str> {
        ["AWS::ApiGatewayV2::Stage", "AWS::Serverless::WebSocketApi"]
            .into_iter()
            .flat_map(|of_type| self.resources(of_type))
            // A condition: what it names, what holds where it is met, and nothing.
            .map(|of| &of["Properties"]["AccessLogSettings"][1]["Format"])
            .map(|format| format.as_str().expect("a format"))
            .collect()
    }

    /// The headers that pages may send, or see.
    pub fn headers_for_pages(&self, which: &str) -> BTreeSet<String> {
        self.resources("AWS::ApiGatewayV2::Api")
            .flat_map(|api| api["Properties"]["CorsConfiguration"][which].as_vec().expect("headers"))
            .map(|name| name.as_str().expect("a name").to_owned())
            .collect()
    }
}

fn route_key(route: &Yaml) -> String {
    route["Properties"]["RouteKey"].as_str().expect("a route key").to_owned()
}
