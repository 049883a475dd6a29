use schemars::generate::{Contract, SchemaSettings};
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Map, Value};

/// Where both documents keep their schemas.
const PLACE: &str = "/components/schemas";

/// The schemas of a document, each under the name of its type.
pub struct Schemas {
    settings: SchemaSettings,
    named: Map<String, Value>,
}

impl Schemas {
    pub fn new(mut settings: SchemaSettings) -> Self {
        settings.definitions_path = PLACE.into();
        settings.meta_schema = None;
        Self { settings, named: Map::new() }
    }

    /// What somebody else sends to the service.
    pub fn taken<T: JsonSchema>(&mut self) -> Value {
        self.of::<T>(Contract::Deserialize)
    }

    /// What the service sends.
    pub fn sent<T: JsonSchema>(&mut self) -> Value {
        self.of::<T>(Contract::Serialize)
    }

    fn of<T: JsonSchema>(&mut self, contract: Contract) -> Value {
        let mut settings = self.settings.clone();
        settings.contract = contract;
        let mut generator = SchemaGenerator::new(settings);
        let schema = generator.subschema_for::<T>().to_value();
        for (name, definition) in generator.take_definitions(true) {
            let before = self.named.insert(name.clone(), definition.clone());
            assert!(before.is_none_or(|before| before == definition), "{name} has two schemas");
        }
        schema
    }

    /// The messages of an enum, which differ by `messageType`: each with that and its schema.
    pub fn messages(&mut self, of: &Value) -> Vec<(String, Value)> {
        let name = of["$ref"].as_str().and_then(|to| to.rsplit('/').next()).expect("a named schema");
        let Some(Value::Array(variants)) = self.named.remove(name).map(|mut schema| schema["oneOf"].take())
        else {
            panic!("{name} is not one of several messages");
        };
        let kind = |schema: &Value| {
            schema["properties"]["messageType"]["const"].as_str().expect("a messageType").to_owned()
        };
        variants.into_iter().map(|schema| (kind(&schema), schema)).collect()
    }

    pub fn named(self) -> Map<String, Value> {
        self.named
    }
}
