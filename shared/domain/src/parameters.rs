//! Parameter lists as `Crypto-Key` and `Encryption` hold them: sections divided by commas (as when headers are joined),
//! parameters divided by semicolons, values quoted or not.

/// The sections of a header.
pub(crate) fn sections(header: &str) -> impl Iterator<Item = Section<'_>> {
    header.split(',').map(Section)
}

/// One section of a header.
#[derive(Clone, Copy)]
pub(crate) struct Section<'h>(&'h str);

impl<'h> Section<'h> {
    /// The value of a parameter, without quotes.
    pub(crate) fn get(self, name: &str) -> Option<&'h str> {
        self.0
            .split(';')
            .filter_map(|parameter| parameter.split_once('='))
            .find(|(key, _)| key.trim().eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().trim_matches('"'))
    }
}

/// The first value of a parameter in any section.
pub(crate) fn first<'h>(header: &'h str, name: &str) -> Option<&'h str> {
    sections(header).find_map(|section| section.get(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_senders_write() {
        let header = r#"keyid="a1"; dh="BP-_=="; p256ecdsa=BD, P256ECDSA=second"#;
        assert_eq!(first(header, "dh"), Some("BP-_=="));
        assert_eq!(first(header, "p256ecdsa"), Some("BD"));
        assert_eq!(sections(header).nth(1).unwrap().get("p256ecdsa"), Some("second"));
        assert_eq!(first(header, "salt"), None);
        assert_eq!(first("", "dh"), None);
    }
}
