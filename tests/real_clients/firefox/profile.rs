use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

/// A profile of its own: who the browser is to the push service, and what its pages have subscribed to. It outlives the
/// browser, and goes with the test.
pub struct Profile {
    directory: TempDir,
}

impl Profile {
    /// A profile whose browser is a terminal of this push service.
    pub fn new(websocket_url: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let service = [
            ("dom.push.serverURL", json!(websocket_url)),
            // Anything but wss.
            ("dom.push.testing.allowInsecureServerURL", json!(true)),
            ("dom.push.enabled", json!(true)),
            ("dom.push.connection.enabled", json!(true)),
            // Nobody is there to be asked.
            ("permissions.default.desktop-notification", json!(1)),
        ];
        let lines: Vec<_> = service.into_iter().chain(for_tests()).map(line).collect();
        std::fs::write(directory.path().join("user.js"), lines.concat()).unwrap();
        Self { directory }
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The terminal's secret name. The browser writes it to its file when it quits.
    pub fn uaid(&self) -> String {
        let preferences = std::fs::read_to_string(self.path().join("prefs.js")).expect("written by a quit");
        let uaid = preferences.lines().find_map(|line| {
            line.strip_prefix(r#"user_pref("dom.push.userAgentID", ""#)?.strip_suffix(r#"");"#)
        });
        uaid.expect("the browser was provisioned").to_owned()
    }
}

fn line((name, value): (&str, Value)) -> String {
    format!("user_pref(\"{name}\", {value});\n")
}

/// What has nothing to do with push: the remote control, and peace. A browser in a test neither asks questions nor calls
/// home.
fn for_tests() -> Vec<(&'static str, Value)> {
    vec![
        // Any port; the browser writes down which.
        ("marionette.port", json!(0)),
        // The set that comes with the remote control switches push off.
        ("remote.prefs.recommended", json!(false)),
        ("network.proxy.type", json!(0)),
        // Browsers that were killed are no reason for questions at the next start.
        ("toolkit.startup.max_resumed_crashes", json!(-1)),
        ("browser.sessionstore.resume_from_crash", json!(false)),
        ("browser.shell.checkDefaultBrowser", json!(false)),
        ("browser.startup.page", json!(0)),
        ("browser.startup.homepage_override.mstone", json!("ignore")),
        ("browser.newtabpage.enabled", json!(false)),
        ("browser.aboutwelcome.enabled", json!(false)),
        ("browser.topsites.contile.enabled", json!(false)),
        ("browser.region.network.url", json!("")),
        ("browser.safebrowsing.malware.enabled", json!(false)),
        ("browser.safebrowsing.phishing.enabled", json!(false)),
        ("browser.safebrowsing.downloads.remote.enabled", json!(false)),
        ("browser.search.update", json!(false)),
        ("datareporting.policy.dataSubmissionEnabled", json!(false)),
        ("datareporting.healthreport.uploadEnabled", json!(false)),
        ("toolkit.telemetry.enabled", json!(false)),
        ("toolkit.telemetry.server", json!("data:,")),
        ("app.update.disabledForTesting", json!(true)),
        ("app.normandy.enabled", json!(false)),
        ("app.shield.optoutstudies.enabled", json!(false)),
        ("extensions.systemAddon.update.enabled", json!(false)),
        ("extensions.update.enabled", json!(false)),
        ("extensions.getAddons.cache.enabled", json!(false)),
        ("media.gmp-manager.updateEnabled", json!(false)),
        ("services.settings.server", json!("data:,#remote-settings-dummy/v1")),
        ("network.captive-portal-service.enabled", json!(false)),
        ("network.connectivity-service.enabled", json!(false)),
        ("network.dns.disablePrefetch", json!(true)),
        ("network.prefetch-next", json!(false)),
        ("network.trr.mode", json!(5)),
    ]
}
