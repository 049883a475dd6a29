use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use dynoxide::DynoxideError;
use dynoxide::actions::transact_write_items::TransactWriteItemsRequest;
use serde_json::Value;

/// DynamoDB's: so long a repeated transaction has no further effect.
const WINDOW: Duration = Duration::from_secs(600);

/// The transactions of the last ten minutes by their `ClientRequestToken`, and what they were answered: one that is sent
/// again, as the SDK does where no answer came, is answered the same without a further effect.
///
/// The engine keeps tokens of its own, but goes through all of them at every transaction. It is handed none.
#[derive(Default)]
pub(super) struct Tokens {
    answered: HashMap<String, Answered>,
    /// The tokens in the order of their transactions.
    order: VecDeque<(Instant, String)>,
}

struct Answered {
    /// Of the items.
    digest: u64,
    answer: String,
}

impl Tokens {
    /// Runs a transaction, unless it has been run. What it is answered when it is repeated counts what the first run
    /// consumed, where DynamoDB counts reads. One that fails is not kept.
    pub(super) fn run(
        &mut self,
        mut request: TransactWriteItemsRequest,
        now: Instant,
        run: impl FnOnce(TransactWriteItemsRequest) -> Result<String, DynoxideError>,
    ) -> Result<String, DynoxideError> {
        self.forget(now);
        // The engine tells what is wrong with a token that is too long or empty.
        let token = match &request.client_request_token {
            Some(token) if (1..=36).contains(&token.len()) => token.clone(),
            _ => return run(request),
        };
        let digest = digest(&request)?;
        if let Some(answered) = self.answered.get(&token) {
            return if answered.digest == digest { Ok(answered.answer.clone()) } else { Err(mismatch()) };
        }
        request.client_request_token = None;
        let answer = run(request)?;
        self.order.push_back((now, token.clone()));
        self.answered.insert(token, Answered { digest, answer: answer.clone() });
        Ok(answer)
    }

    fn forget(&mut self, now: Instant) {
        while let Some((_, token)) = self.order.pop_front_if(|(at, _)| now.duration_since(*at) >= WINDOW) {
            self.answered.remove(&token);
        }
    }
}

/// Of the items, whatever the order of their members: it is the same transaction also where it asks for other figures.
fn digest(request: &TransactWriteItemsRequest) -> Result<u64, DynoxideError> {
    let items = serde_json::to_value(&request.transact_items)
        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))?;
    let mut hasher = DefaultHasher::new();
    hash(&items, &mut hasher);
    Ok(hasher.finish())
}

fn hash(value: &Value, hasher: &mut DefaultHasher) {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            members.len().hash(hasher);
            for (name, value) in members {
                name.hash(hasher);
                hash(value, hasher);
            }
        }
        Value::Array(values) => {
            values.len().hash(hasher);
            for value in values {
                hash(value, hasher);
            }
        }
        scalar => scalar.hash(hasher),
    }
}

fn mismatch() -> DynoxideError {
    DynoxideError::IdempotentParameterMismatchException(
        "The client request token was used before with other parameters".to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(token: Option<&str>, name: &str) -> TransactWriteItemsRequest {
        let request = serde_json::json!({
            "ClientRequestToken": token,
            "TransactItems": [{"Put": {"TableName": "table", "Item": {"pk": {"S": name}, "other": {"N": "1"}}}}],
        });
        serde_json::from_value(request).unwrap()
    }

    /// Whether it ran.
    fn runs(tokens: &mut Tokens, at: Instant, request: TransactWriteItemsRequest) -> bool {
        let mut ran = false;
        let answer = tokens.run(request, at, |request| {
            ran = true;
            assert_eq!(request.client_request_token, None);
            Ok("answer".to_owned())
        });
        assert_eq!(answer.unwrap(), "answer");
        ran
    }

    /// I10: a transaction that is sent again has no further effect, and is answered as before.
    #[test]
    fn a_repeated_transaction_runs_once() {
        let (mut tokens, start) = (Tokens::default(), Instant::now());
        assert!(runs(&mut tokens, start, request(Some("a"), "one")));
        let later = (start + WINDOW).checked_sub(Duration::from_millis(1)).unwrap();
        assert!(!runs(&mut tokens, later, request(Some("a"), "one")));
        assert!(runs(&mut tokens, later, request(Some("b"), "one")), "another token");
        assert!(runs(&mut tokens, later, request(None, "one")), "no token");
    }

    #[test]
    fn a_token_is_of_one_transaction() {
        let (mut tokens, now) = (Tokens::default(), Instant::now());
        runs(&mut tokens, now, request(Some("a"), "one"));
        let other = tokens.run(request(Some("a"), "two"), now, |_| panic!("it runs"));
        assert!(matches!(other, Err(DynoxideError::IdempotentParameterMismatchException(_))), "{other:?}");
    }

    #[test]
    fn a_token_is_forgotten_after_its_window() {
        let (mut tokens, start) = (Tokens::default(), Instant::now());
        runs(&mut tokens, start, request(Some("a"), "one"));
        runs(&mut tokens, start + WINDOW / 2, request(Some("b"), "one"));
        assert!(!runs(&mut tokens, start + WINDOW, request(Some("b"), "one")));
        assert_eq!(tokens.answered.len(), 1);
        assert!(runs(&mut tokens, start + WINDOW, request(Some("a"), "two")));
        assert_eq!((tokens.answered.len(), tokens.order.len()), (2, 2));
    }

    /// One that failed had no effect, and may do the next time.
    #[test]
    fn a_failed_transaction_is_not_kept() {
        let (mut tokens, now) = (Tokens::default(), Instant::now());
        let failed = tokens.run(request(Some("a"), "one"), now, |_| Err(mismatch()));
        assert!(failed.is_err());
        assert!(runs(&mut tokens, now, request(Some("a"), "one")));
    }
}
