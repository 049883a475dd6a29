mod ring;
mod seal;

pub use ring::{Derived, InvalidKeyRing, KeyId, KeyRing};
pub use seal::{Purpose, SealError, Sealed};

#[cfg(test)]
pub(crate) mod tests {
    use super::KeyRing;

    /// A ring of one key.
    pub(crate) fn ring() -> KeyRing {
        ring_of(r#"{"encrypt":"1","1":"an example secret that is long enough"}"#)
    }

    pub(crate) fn ring_of(json: &str) -> KeyRing {
        KeyRing::from_json(json).unwrap()
    }
}
