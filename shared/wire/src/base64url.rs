//! Base64 in the URL-safe alphabet: written without padding, read as senders in the field write it.

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{DecodeError, alphabet};

/// With or without padding: old senders add it, RFC 7515 forbids it.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);

/// Encodes without padding (RFC 4648 section 5, RFC 7515 section 2).
#[must_use]
pub fn encode(bytes: impl AsRef<[u8]>) -> String {
    base64::prelude::BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// Encodes in the standard alphabet with padding, as API Gateway hands over binary bodies.
#[must_use]
pub fn encode_standard(bytes: impl AsRef<[u8]>) -> String {
    base64::prelude::BASE64_STANDARD.encode(bytes)
}

/// Decodes strictly: URL-safe alphabet, no padding, no stray bits, so that one value has one spelling.
///
/// # Errors
/// Where the text is spelled otherwise.
pub fn decode(text: &str) -> Result<Vec<u8>, DecodeError> {
    base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(text)
}

/// Decodes what senders in the field write for base64url: with padding or without, also in the standard alphabet.
///
/// # Errors
/// Where the text is in neither alphabet.
pub fn decode_lenient(text: &str) -> Result<Vec<u8>, DecodeError> {
    URL_SAFE.decode(text).or_else(|_| STANDARD.decode(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lenient_reads_padding_and_both_alphabets() {
        for spelling in ["-_8", "-_8=", "+/8", "+/8="] {
            assert_eq!(decode_lenient(spelling).unwrap(), [0xfb, 0xff]);
        }
        assert!(decode_lenient("-_8!").is_err());
    }

    #[test]
    fn strict_knows_one_spelling() {
        assert_eq!(decode("-_8").unwrap(), [0xfb, 0xff]);
        for spelling in ["-_8=", "+/8", "-_9"] {
            assert!(decode(spelling).is_err(), "{spelling}");
        }
    }
}
