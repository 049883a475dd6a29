//! Files of the project that a test makes, and fails where they are not what it makes.

use std::path::{Path, PathBuf};

/// The project's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Fails where the file is not this text. With `SIGNALBOX_WRITE=1` writes it.
pub(crate) fn assert_up_to_date(file: &str, text: &str) {
    let path = root().join(file);
    if std::env::var_os("SIGNALBOX_WRITE").is_some() {
        std::fs::write(&path, text).expect("the file is written");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "{file} is out of date: run this test with SIGNALBOX_WRITE=1");
}
