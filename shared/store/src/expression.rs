use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;

/// An item, or the values of an expression.
pub(crate) type Attributes = HashMap<String, AttributeValue>;

/// The names of an expression: every `#name` in it stands for the attribute `name`. DynamoDB reserves so many words
/// that all attributes but the key are written so.
pub(crate) fn names(expressions: &[&str]) -> Option<HashMap<String, String>> {
    let names: HashMap<_, _> = expressions
        .iter()
        .flat_map(|expression| expression.split('#').skip(1))
        .map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default())
        .map(|name| (format!("#{name}"), name.to_owned()))
        .collect();
    (!names.is_empty()).then_some(names)
}

#[expect(clippy::needless_pass_by_value, reason = "reads better at each call")]
pub(crate) fn text(value: impl ToString) -> AttributeValue {
    AttributeValue::S(value.to_string())
}

pub(crate) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(crate) fn bytes(value: impl AsRef<[u8]>) -> AttributeValue {
    AttributeValue::B(Blob::new(value.as_ref()))
}

/// The values of an expression, as the builders take them.
#[expect(clippy::unnecessary_wraps)]
pub(crate) fn values<const N: usize>(values: [(&str, AttributeValue); N]) -> Option<Attributes> {
    Some(values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_behind_the_hash() {
        let names = names(&["SET #open = :o, #state=:s", "attribute_exists(pk) AND (#state <> :x)"]).unwrap();
        assert_eq!(names.len(), 2);
        assert_eq!(names["#open"], "open");
        assert_eq!(names["#state"], "state");
    }
}
