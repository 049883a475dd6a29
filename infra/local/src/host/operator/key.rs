use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse as _, Response};

/// The file of the operator's key, in the data directory.
pub const OPERATOR_KEY: &str = "operator.key";

/// The key by which an operator is known on the listener: its digest.
pub(in crate::host) struct OperatorKey([u8; 32]);

/// The file holds no key.
#[derive(Debug, thiserror::Error)]
#[error("must hold a key of 32 to 256 visible ASCII characters")]
pub struct OperatorKeyError;

impl OperatorKey {
    pub(in crate::host) fn from_file(text: &str) -> Result<Self, OperatorKeyError> {
        let key = text.trim_end();
        let fits = (32..=256).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic());
        if fits { Ok(Self(hash(key.as_bytes()))) } else { Err(OperatorKeyError) }
    }

    /// Takes as long whatever was presented.
    fn is(&self, presented: &[u8]) -> bool {
        verify_slices_are_equal(&self.0, &hash(presented)).is_ok()
    }
}

fn hash(key: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, key).as_ref());
    hash
}

/// These routes, for who presents the key: `Authorization: Bearer <key>`.
pub(in crate::host) fn protected(routes: Router, key: OperatorKey) -> Router {
    routes.layer(from_fn_with_state(Arc::new(key), check))
}

async fn check(State(key): State<Arc<OperatorKey>>, request: Request, next: Next) -> Response {
    let presented = request.headers().get(AUTHORIZATION).and_then(|value| bearer(value.as_bytes()));
    if presented.is_some_and(|presented| key.is(presented)) {
        return next.run(request).await;
    }
    let scheme = [(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))];
    (StatusCode::UNAUTHORIZED, scheme, "the operator's key is needed: Authorization: Bearer <key>\n")
        .into_response()
}

/// What is behind the scheme, whose case does not matter (RFC 9110 section 11.1).
fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = header.split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "0123456789abcdef0123456789abcdef";

    #[test]
    fn a_key_is_itself_and_no_other() {
        let key = OperatorKey::from_file(&format!("{KEY}\n")).unwrap();
        assert!(key.is(KEY.as_bytes()));
        for other in ["", "x", &KEY[1..], &format!("{KEY}0"), &KEY.replace('f', "e")] {
            assert!(!key.is(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn what_could_be_guessed_or_sent_by_nobody_is_no_key() {
        for wrong in ["", "\n", "short", &KEY[1..], &format!("{KEY} {KEY}"), &"a".repeat(257)] {
            assert!(OperatorKey::from_file(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_scheme_is_bearer() {
        for header in ["Bearer k", "bearer k"] {
            assert_eq!(bearer(header.as_bytes()), Some(&b"k"[..]));
        }
        for header in ["", "k", "Bearer", "Basic  k"] {
            assert_eq!(bearer(header.as_bytes()), None, "{header}");
        }
    }
}
