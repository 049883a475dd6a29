use std::fmt;
use std::str::FromStr;

/// The name under which an application asks for its session (`app` of `register`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ApplicationName(String);

/// The text is no application name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be 1 to 64 characters from A-Z, a-z, 0-9, '.', '_' and '-', starting with a letter or digit")]
pub struct NotAnApplicationName;

impl ApplicationName {
    /// The name's text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ApplicationName {
    type Err = NotAnApplicationName;

    fn from_str(text: &str) -> Result<Self, NotAnApplicationName> {
        let starts_well = text.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
        let fits = text.len() <= 64
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
        if starts_well && fits { Ok(Self(text.to_owned())) } else { Err(NotAnApplicationName) }
    }
}

impl fmt::Display for ApplicationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        for good in ["a", "org.example.mail", "Mail-2_x", &"a".repeat(64)] {
            let name = good.parse::<ApplicationName>().unwrap();
            assert_eq!((name.as_str(), name.to_string().as_str()), (good, good));
        }
        for bad in ["", ".a", "-a", "a b", "a/b", "ä", &"a".repeat(65)] {
            assert!(bad.parse::<ApplicationName>().is_err(), "{bad}");
        }
    }
}
