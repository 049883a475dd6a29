use std::fmt;
use std::str::FromStr;

/// How urgent a notification is (RFC 8030 section 5.3); and the least that a terminal wants to be woken for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// On power and Wi-Fi: advertisements.
    VeryLow,
    /// On power or Wi-Fi: topic updates.
    Low,
    /// On neither: chat or calendar. What a notification without the header is.
    #[default]
    Normal,
    /// Low battery: a call or a time-sensitive alert.
    High,
}

/// The text is no urgency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must be one of very-low, low, normal and high")]
pub struct NotAnUrgency;

impl Urgency {
    /// Every urgency, the least first.
    pub const ALL: [Self; 4] = [Self::VeryLow, Self::Low, Self::Normal, Self::High];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VeryLow => "very-low",
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
        }
    }

    /// The minimum of a terminal that states none: everything is delivered.
    pub const NO_MINIMUM: Self = Self::VeryLow;
}

impl FromStr for Urgency {
    type Err = NotAnUrgency;

    /// Takes exactly one value, in the RFC's spelling or any mixture of cases.
    fn from_str(text: &str) -> Result<Self, NotAnUrgency> {
        Self::ALL.into_iter().find(|urgency| urgency.as_str().eq_ignore_ascii_case(text)).ok_or(NotAnUrgency)
    }
}

impl fmt::Display for Urgency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urgencies_are_ordered_and_keep_their_word() {
        assert!(Urgency::ALL.is_sorted());
        for urgency in Urgency::ALL {
            assert_eq!(urgency.as_str().parse(), Ok(urgency));
            assert_eq!(urgency.to_string(), urgency.as_str());
        }
        assert_eq!("HIGH".parse(), Ok(Urgency::High));
        for wrong in ["", "urgent", "low, high", "very low"] {
            assert!(wrong.parse::<Urgency>().is_err(), "{wrong}");
        }
    }
}
