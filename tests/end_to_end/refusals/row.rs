use super::draft::{Call, Draft};
use super::scene::Scene;
use crate::support::problem_details;

/// A mistake, and what it is answered.
pub struct Row {
    /// The mistake in words, by which the row is named.
    pub what: &'static str,
    /// Made on each of these, it has one answer.
    pub calls: &'static [Call],
    pub make: fn(&Scene, &mut Draft),
    /// Status, type, and Mozilla's number.
    pub refused: (u16, &'static str, Option<u16>),
    /// A part of `detail`; `{origin}` stands for the service's own.
    pub says: &'static str,
}

/// Makes every mistake on every call that it is for.
pub async fn assert_refused(table: &[Row]) {
    let scene = Scene::new().await;
    for row in table {
        for call in row.calls {
            let mut draft = Draft::new(*call, &scene);
            (row.make)(&scene, &mut draft);
            row.assert_answer(*call, draft.send(&scene).await, &scene.origin).await;
        }
    }
    scene.end().await;
}

impl Row {
    async fn assert_answer(&self, call: Call, answer: reqwest::Response, origin: &str) {
        let place = format!("{call:?}: {}", self.what);
        let (status, kind, errno) = self.refused;
        assert_eq!(answer.status(), status, "{place}: {:?}", answer.text().await);
        for (name, value) in headers_of(status, kind) {
            assert_eq!(answer.headers()[*name], *value, "{place}: {name}");
        }
        let problem = problem_details(answer).await;
        assert_eq!(problem["type"], format!("urn:signalbox:problem:{kind}"), "{place}: {problem}");
        assert_eq!(problem["errno"].as_u64(), errno.map(u64::from), "{place}: {problem}");
        let (detail, says) = (problem["detail"].as_str().unwrap(), self.says.replace("{origin}", origin));
        assert!(detail.contains(&says), "{place}: {says:?} is not in {detail:?}");
    }
}

/// What a refusal carries beside its problem.
fn headers_of(status: u16, kind: &str) -> &'static [(&'static str, &'static str)] {
    match (status, kind) {
        (401, _) => &[("www-authenticate", "vapid")],
        (405, _) => &[("allow", "POST")],
        (_, "session-ended") => &[("cache-control", "max-age=86400")],
        _ => &[],
    }
}
