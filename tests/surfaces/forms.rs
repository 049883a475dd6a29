//! The forms in the schemas are the domain's rules.

use std::collections::HashMap;
use std::sync::LazyLock;

use jsonschema::Validator;
use proptest::prelude::*;
use proptest::string::string_regex;
use schemars::JsonSchema;
use serde_json::{Value, json};
use signalbox_domain::{
    ApplicationName, AudienceName, AuthorizationMode, BodyLimit, ContentHeaders, Encoding, EnrolmentKey,
    InvalidServerKey, JobId, LegacyHeaders, Payload, ServerKey, ServerKeys, TokenDigest, Topic, Uaid,
    Urgency,
};
use signalbox_wire::{ApplicationRegistration, AuthorizationWord, ChannelId, base64url, form};

/// A form, compiled once.
struct Form {
    pattern: String,
    validator: Validator,
}

impl Form {
    fn of<T: JsonSchema>() -> Self {
        let schema = schemars::schema_for!(T).to_value();
        let pattern = schema["pattern"].as_str().expect("a pattern").to_owned();
        Self { pattern, validator: jsonschema::validator_for(&schema).expect("a schema") }
    }

    fn admits(&self, text: &str) -> bool {
        self.validator.is_valid(&json!(text))
    }
}

static FORMS: LazyLock<HashMap<&'static str, Form>> = LazyLock::new(|| {
    HashMap::from([
        ("channel", Form::of::<ChannelId>()),
        ("uaid", Form::of::<form::Uaid>()),
        ("enrolment", Form::of::<form::EnrolmentKey>()),
        ("app", Form::of::<form::ApplicationName>()),
        ("topic", Form::of::<form::Topic>()),
        ("key", Form::of::<form::ServerKey>()),
        ("audience", Form::of::<form::AudienceName>()),
        ("job", Form::of::<form::JobId>()),
        ("digest", Form::of::<form::TokenDigest>()),
        ("salt", Form::of::<form::Salt>()),
        ("sender key", Form::of::<form::SenderKey>()),
    ])
});

/// What the form admits, what it admits with one character changed, put in or left out, and anything.
fn around(form: &'static str) -> impl Strategy<Value = String> {
    let pattern = FORMS[form].pattern.trim_start_matches('^').trim_end_matches('$');
    let admitted = string_regex(pattern).expect("a pattern");
    let edited = (
        string_regex(pattern).expect("a pattern"),
        any::<prop::sample::Index>(),
        "[ -~]{0,2}",
        any::<bool>(),
    );
    let edited = edited.prop_map(|(mut text, at, put, replace)| {
        let at = at.index(text.len());
        text.replace_range(at..at + usize::from(replace), &put);
        text
    });
    prop_oneof![admitted, edited, "\\PC{0,40}"]
}

/// The words of a form that is one of several.
fn words<T: JsonSchema>() -> Vec<String> {
    let schema = schemars::schema_for!(T).to_value();
    let word = |one: &Value| one["const"].as_str().expect("a word").to_owned();
    schema["oneOf"].as_array().expect("one of several").iter().map(word).collect()
}

proptest! {
    #[test]
    fn a_channel_is_what_its_form_admits(text in around("channel")) {
        prop_assert_eq!(FORMS["channel"].admits(&text), text.parse::<ChannelId>().is_ok());
    }

    #[test]
    fn a_uaid_is_what_its_form_admits(text in around("uaid")) {
        prop_assert_eq!(FORMS["uaid"].admits(&text), text.parse::<Uaid>().is_ok());
    }

    #[test]
    fn an_enrolment_key_is_what_its_form_admits(text in around("enrolment")) {
        prop_assert_eq!(FORMS["enrolment"].admits(&text), text.parse::<EnrolmentKey>().is_ok());
    }

    #[test]
    fn an_application_name_is_what_its_form_admits(text in around("app")) {
        prop_assert_eq!(FORMS["app"].admits(&text), text.parse::<ApplicationName>().is_ok());
    }

    #[test]
    fn a_topic_is_what_its_form_admits(text in around("topic")) {
        prop_assert_eq!(FORMS["topic"].admits(&text), text.parse::<Topic>().is_ok());
    }

    #[test]
    fn an_audiences_name_is_what_its_form_admits(text in around("audience")) {
        prop_assert_eq!(FORMS["audience"].admits(&text), text.parse::<AudienceName>().is_ok());
    }

    #[test]
    fn a_job_is_what_its_form_admits(text in around("job")) {
        prop_assert_eq!(FORMS["job"].admits(&text), text.parse::<JobId>().is_ok());
    }

    #[test]
    fn a_tokens_digest_is_what_its_form_admits(text in around("digest")) {
        let bytes = base64url::decode(&text).ok();
        let digest = bytes.and_then(|bytes| TokenDigest::from_bytes(&bytes));
        prop_assert_eq!(FORMS["digest"].admits(&text), digest.is_some());
    }

    /// That the point is on the curve, no pattern can say.
    #[test]
    fn a_server_key_is_what_its_form_admits_and_on_the_curve(text in around("key")) {
        let read = ServerKey::from_base64url(&text);
        let formed = matches!(read, Ok(_) | Err(InvalidServerKey::NotOnCurve));
        prop_assert_eq!(FORMS["key"].admits(&text), formed);
    }

    /// What terminals get of an old sender's headers, whatever these are.
    #[test]
    fn legacy_headers_are_as_their_forms_say(
        encryption in "(keyid=[!-~]{0,3};)?salt=[A-Za-z0-9_=-]{1,6}(;rs=[0-9x]{0,3})?",
        crypto_key in "(keyid=[!-~]{0,3};)?dh=[A-Za-z0-9_=-]{1,6}(,p256ecdsa=BA)?",
    ) {
        let headers = ContentHeaders {
            encoding: Some("aesgcm"),
            encryption: Some(&encryption),
            crypto_key: Some(&crypto_key),
        };
        if let Ok(Some(payload)) = Payload::new(vec![0; 20], headers, BodyLimit::default()) {
            let Encoding::AesGcm(legacy) = payload.encoding() else { panic!("another coding") };
            prop_assert!(FORMS["salt"].admits(&legacy.encryption), "{}", legacy.encryption);
            prop_assert!(FORMS["sender key"].admits(&legacy.crypto_key), "{}", legacy.crypto_key);
        }
    }
}

/// The generator of the test above makes keys of the right form, so that it compares both ways.
#[test]
fn a_real_key_is_of_the_form_in_each_spelling() {
    let key = ServerKey::from_base64url(
        "BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs",
    );
    let bytes = *key.unwrap().as_bytes();
    let padded = base64url::encode(bytes) + "=";
    for spelling in [base64url::encode(bytes), padded, base64url::encode_standard(bytes)] {
        assert!(FORMS["key"].admits(&spelling), "{spelling}");
    }
}

#[test]
fn the_words_are_the_domains() {
    assert_eq!(words::<form::Urgency>(), Urgency::ALL.map(|urgency| urgency.as_str().to_owned()));
    let legacy = Encoding::AesGcm(LegacyHeaders { encryption: String::new(), crypto_key: String::new() });
    assert_eq!(
        words::<form::Encoding>(),
        [Encoding::Aes128Gcm, legacy.clone()].map(|encoding| encoding.as_str().to_owned())
    );
    assert_eq!(
        words::<form::FanOutCoding>(),
        [Encoding::Aes128Gcm, Encoding::Identity].map(|encoding| encoding.as_str().to_owned())
    );
    assert_eq!(
        words::<form::Coding>(),
        [Encoding::Aes128Gcm, legacy, Encoding::Identity].map(|encoding| encoding.as_str().to_owned())
    );
    let modes = [AuthorizationMode::Implicit, AuthorizationMode::Explicit];
    assert_eq!(words::<AuthorizationWord>(), modes.map(|mode| mode.as_str().to_owned()));
}

#[test]
fn an_application_has_as_many_keys_as_its_form_admits() {
    let schema = schemars::schema_for!(ApplicationRegistration).to_value();
    let keys = &schema["properties"]["serverKeys"];
    assert_eq!((&keys["minItems"], &keys["maxItems"]), (&json!(1), &json!(ServerKeys::MOST)));
}
