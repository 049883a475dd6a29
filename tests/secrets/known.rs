//! The secrets of a run, as they have crossed.

use std::collections::BTreeSet;

use lambda_http::{Body, Response};
use serde_json::Value;

use crate::bed::{Bed, PUBLIC_URL};

/// Collected on the way.
#[derive(Default)]
pub struct Known(BTreeSet<String>);

impl Known {
    /// What this run has from the beginning.
    pub fn of(bed: &Bed) -> Self {
        let mut known = Self::default();
        known.add(bed.server.private_key());
        known.add(bed.keys.auth());
        known.add(&bed.keys.p256dh().unwrap());
        known.add("long enough");
        known
    }

    pub fn add(&mut self, secret: &str) {
        assert!(secret.len() >= 8, "{secret} would be found by chance");
        self.0.insert(secret.to_owned());
    }

    /// The secret members of a message or a request.
    pub fn members(&mut self, json: &Value) {
        match json {
            Value::Object(members) => {
                for (name, value) in members {
                    let secret =
                        ["uaid", "version", "pushEndpoint", "data", "authorization", "token", "body"];
                    match value.as_str() {
                        Some(text) if secret.contains(&name.as_str()) => self.value(text),
                        _ => self.members(value),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| self.members(value)),
            _ => {}
        }
    }

    /// A value, and what it is made of: the JWT in a header, the token in an endpoint.
    fn value(&mut self, text: &str) {
        for part in text.split(&['=', ',', ' ', '/', '"'][..]).filter(|part| part.len() >= 32) {
            self.add(part);
        }
    }

    /// The names of messages in an answer.
    pub fn answer(&mut self, answer: &Response<Body>) {
        for header in ["location", "link"] {
            if let Some(url) = answer.headers().get(header).map(|value| value.to_str().unwrap()) {
                let url = url.trim_start_matches('<').split('>').next().unwrap();
                self.value(url.strip_prefix(PUBLIC_URL).unwrap());
            }
        }
    }

    /// Everything that was posted since the last time.
    pub fn posted(&mut self, bed: &Bed) {
        for call in bed.posts.take() {
            self.members(&call.request);
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}
