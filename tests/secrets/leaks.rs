//! What looks like a secret in a line of the log, whoever's it is.

/// The longest of what may stand there: a channel's id has 36 characters.
const LONGEST: usize = 64;

/// What of this line looks like a secret.
pub fn leak(line: &str) -> Option<&str> {
    let paths = ["/push/", "/messages/", "/receipts/", "push.example"];
    if let Some(path) = paths.into_iter().find(|path| line.contains(path)) {
        return Some(path);
    }
    line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_').find(|word| {
        let is_uaid = word.len() == 32 && word.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        // Every JWT begins so, as it is JSON: `{"`.
        let is_jwt = word.starts_with("eyJ");
        is_uaid || is_jwt || word.len() > LONGEST
    })
}

/// It finds what it looks for.
#[test]
fn every_kind_of_secret_is_found() {
    let token = "AQFRYtJeu0lH".repeat(10);
    for secret in [
        "f89040b8d5ef30a188a5629c1da7e311",
        "eyJhbGciOiJFUzI1NiJ9.eyJhdWQi.c2lnbmF0dXJl",
        &token,
        "https://elsewhere/push/x",
        "/messages/x",
    ] {
        assert!(leak(&format!(r#"{{"fields":{{"message":"failed","error":"Some({secret})"}}}}"#)).is_some());
    }
    let fields = r#"{"terminal":"AAECAwQFBgcICQoLDA0ODw","channel":"5a7b9c1d-2e3f-4a5b-8c6d-7e8f9a0b1c2d"}"#;
    assert_eq!(leak(fields), None);
}
