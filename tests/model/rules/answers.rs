use serde_json::Value;

use super::Judge;
use super::sessions::has_status_200;
use crate::facts::{Answer, Run, Tick, Token, What};

impl<'h> Judge<'h> {
    /// What every run was answered with: each answer must be true.
    pub(super) fn answers(&mut self) {
        for run in &self.facts.runs {
            let (Some(answer), Some(ended)) = (&run.answer, run.ended) else { continue };
            let wrong = match &self.event(run.event).what {
                What::Push(push) => {
                    let status = self.pushed(&push.token, push.asked.server, run, answer, ended);
                    status.or_else(|| (answer.status != 404 && answer.status == 429).then_some("429"))
                }
                What::Validate { token, server } => self.validated(token, *server, run, answer, ended),
                What::Revoke { token, server } => self.revoked(token, *server, run, answer, ended),
                What::Withdraw { .. } => (answer.status != 204 && !failed(run, answer)).then_some("no 204"),
                What::Receipt { push, .. } => self.receipt(*push, run, answer, ended),
                What::Register { link, .. } if self.outlived(*link, run, answer) => {
                    Some("a token that has ended is answered (I10)")
                }
                What::Register { link, .. } | What::Unregister { link, .. } => {
                    self.understood(*link, run, answer, ended)
                }
                What::Hello { link, uaid, .. } => self.greeted(*link, uaid.as_deref(), run, ended),
                What::Ack { .. } => {
                    (run.met == 0 && !run.closes.is_empty()).then_some("refused without a reason")
                }
                What::Ping { .. } => (answer.body != "{}").then_some("no pong"),
                What::Nack { .. } => (answer.status != 200).then_some("an error"),
                What::Disconnect { .. } | What::Drain { .. } => {
                    (answer.status == 0 && run.met == 0).then_some("an error")
                }
            };
            if let Some(wrong) = wrong {
                let what = &self.event(run.event).what;
                let event = run.event;
                self.accuse(
                    "answers",
                    format!("{wrong}: {answer:?} to event {event}, {what:?}, run {run:?}"),
                );
            }
        }
        self.tokens();
    }

    fn pushed(
        &self,
        token: &Token,
        server: Option<usize>,
        run: &Run,
        answer: &Answer,
        ended: Tick,
    ) -> Option<&'static str> {
        let names_key = matches!(token.words, 2 | 3);
        let explicit = matches!(token.words, 1 | 2);
        match answer.status {
            201 | 202 => {
                let dead = self.dead_since(token).is_some_and(|dead| dead < run.began);
                let stranger = names_key && server != Some(0);
                let unvalidated = explicit && !self.may_be_authorized(token, |by| Some(by) == server, ended);
                match (dead, stranger, unvalidated) {
                    (true, ..) => Some("accepted after the session's end (I5)"),
                    (_, true, _) => Some("accepted from a server that is not the named one (R22)"),
                    (.., true) => Some("accepted though nobody has validated (R17)"),
                    _ => None,
                }
            }
            401 => (server.is_some() || token.words == 0).then_some("no signature is missing"),
            403 => {
                let stranger = names_key && server != Some(0);
                let authorized = !explicit
                    || server.is_some_and(|server| self.authorized(token, server, run.began, ended));
                (!stranger && authorized).then_some("an authorized server is refused")
            }
            _ => self.of_token(token, run, answer, ended),
        }
    }

    /// 404, 410 and 503.
    fn of_token(&self, token: &Token, run: &Run, answer: &Answer, ended: Tick) -> Option<&'static str> {
        match answer.status {
            410 => self.counts(token, run.began, ended).then_some("410 of a token that counts"),
            404 => Some("404 of a token that was issued"),
            503 => (run.met == 0).then_some("503 without a reason"),
            _ => Some("what is never answered here"),
        }
    }

    fn validated(
        &self,
        token: &Token,
        server: usize,
        run: &Run,
        answer: &Answer,
        ended: Tick,
    ) -> Option<&'static str> {
        let stranger = matches!(token.words, 2 | 3) && server != 0;
        match answer.status {
            200 if self.dead_since(token).is_some_and(|dead| dead < run.began) => {
                Some("validated after the session's end (R36)")
            }
            200 => stranger.then_some("validated for a server that is not the named one (R16)"),
            403 => {
                let anothers = token.words == 1 && self.may_be_authorized(token, |by| by != server, ended);
                (!stranger && !anothers).then_some("refused without a reason")
            }
            _ => self.of_token(token, run, answer, ended),
        }
    }

    fn revoked(
        &self,
        token: &Token,
        server: usize,
        run: &Run,
        answer: &Answer,
        ended: Tick,
    ) -> Option<&'static str> {
        match answer.status {
            204 if self.dead_since(token).is_some_and(|dead| dead < run.began) => {
                Some("revoked after the session's end")
            }
            204 => (token.words == 0 || (matches!(token.words, 2 | 3) && server != 0))
                .then_some("revoked by a server that the session is not bound to"),
            403 => {
                let may = match token.words {
                    3 => server == 0,
                    1 | 2 => self.authorized(token, server, run.began, ended),
                    _ => false,
                };
                may.then_some("refused without a reason")
            }
            _ => self.of_token(token, run, answer, ended),
        }
    }

    fn receipt(&self, push: usize, run: &Run, answer: &Answer, ended: Tick) -> Option<&'static str> {
        let version = self.versions.get(&push).map(String::as_str);
        let version = version.and_then(|version| {
            self.facts.frames.iter().map(crate::facts::Frame::version).find(|of| *of == version)
        });
        let delivered: Vec<_> =
            version.into_iter().flat_map(|version| self.acks(version)).filter(|ack| ack.2 == 100).collect();
        let surely = delivered.iter().any(|&(ack, ..)| self.kept(ack).is_some_and(|kept| kept < run.began));
        let at = run.at.saturating_add_signed(run.skew);
        match answer.status {
            204 => {
                (!delivered.iter().any(|&(_, sent, _)| sent < ended)).then_some("nobody has acknowledged it")
            }
            202 | 410 if surely => Some("it was acknowledged"),
            202 => {
                let gone = self.push(push).asked.ttl > 0 && self.expires(push).1 + 15_000 < at;
                gone.then_some("it has expired")
            }
            410 => (self.is_kept(push, version, ended, at + 15_000)
                && self.goes_on(&self.push(push).token, ended))
            .then_some("it is there"),
            503 => (run.met == 0).then_some("503 without a reason"),
            _ => Some("what is never answered here"),
        }
    }

    /// I3: once a terminal has its `hello` answer, it is understood.
    fn understood(&self, link: usize, run: &Run, answer: &Answer, ended: Tick) -> Option<&'static str> {
        if has_status_200(&answer.body) {
            return None;
        }
        if run.met > 0 {
            return None;
        }
        if answer.body.is_empty() && run.closes.is_empty() && self.asked_since(run.event, ended) {
            // Another run, whose token has ended: an answer would be taken for that to what was asked since.
            return None;
        }
        let of = self.link(link);
        let uaid = of.uaid.as_deref()?;
        let gone = |at: Option<Tick>| at.is_some_and(|at| at < ended);
        let other = self.hellos(uaid).any(|(_, event, other)| other != link && event.sent < ended);
        let unsure = self.hellos(uaid).any(|(event, ..)| self.broke_off(event));
        let again = self.facts.answers(run.event).first().is_some_and(|(first, _)| first.ended != run.ended);
        let excused = gone(of.closed) || gone(of.vanished) || other || unsure || of.false_gone || again;
        (!excused).then_some("not understood (I3)")
    }

    /// Whether a `register` is answered with a token whose session had ended before this run of it began.
    fn outlived(&self, link: usize, run: &Run, answer: &Answer) -> bool {
        let What::Register { channel, words, .. } = self.event(run.event).what else { return false };
        let Some(uaid) = self.link(link).uaid.clone() else { return false };
        let token = Token { text: String::new(), register: run.event, uaid, channel, words };
        has_status_200(&answer.body) && self.dead_since(&token).is_some_and(|dead| dead < run.began)
    }

    /// Whether something else was asked of a `register`'s channel after it, or at once with it.
    fn asked_since(&self, register: usize, until: Tick) -> bool {
        let What::Register { channel: of, .. } = self.event(register).what else { return false };
        let later = self.events(|what| match what {
            What::Register { channel, .. } | What::Unregister { channel, .. } => Some(*channel),
            What::Revoke { token, .. } => Some(token.channel),
            _ => None,
        });
        let sent = self.event(register).sent;
        later.into_iter().any(|(index, event, channel)| {
            let crossed = event.over.is_none_or(|over| over > sent) && event.sent < until;
            index != register && channel == of && crossed
        })
    }

    /// Where nothing goes wrong, a `hello` is answered, unless its connection is gone or not the newest.
    fn greeted(&self, link: usize, uaid: Option<&'h str>, run: &Run, ended: Tick) -> Option<&'static str> {
        let of = self.link(link);
        let number = self.facts.runs.iter().position(|other| other.began == run.began);
        let answered = self
            .facts
            .frames
            .iter()
            .any(|frame| frame.run == number && frame.kind() == "hello" && frame.link == link);
        let gone = |at: Option<Tick>| at.is_some_and(|at| at < ended);
        let superseded = uaid.is_some_and(|uaid| {
            self.hellos(uaid).any(|(_, event, other)| {
                other != link && event.sent < ended && self.link(other).connected >= of.connected
            })
        });
        let second = self
            .events(|what| match what {
                What::Hello { link: other, .. } if *other == link => Some(()),
                _ => None,
            })
            .count()
            > 1;
        let excused = run.met > 0 || gone(of.closed) || gone(of.vanished) || superseded || second;
        (!answered && !excused).then_some("no answer to hello")
    }

    /// I10: an event that runs again gets the same token.
    fn tokens(&mut self) {
        for event in 0..self.facts.events.len() {
            if !matches!(self.event(event).what, What::Register { .. }) {
                continue;
            }
            let mut endpoints: Vec<_> = self
                .facts
                .answers(event)
                .into_iter()
                .filter_map(|(_, answer)| serde_json::from_str::<Value>(&answer.body).ok())
                .filter_map(|body| body["pushEndpoint"].as_str().map(ToOwned::to_owned))
                .collect();
            endpoints.dedup();
            if endpoints.len() > 1 {
                self.accuse("I10", format!("event {event} got {} tokens", endpoints.len()));
            }
        }
    }
}

fn failed(run: &Run, answer: &Answer) -> bool {
    answer.status == 503 && run.met > 0
}
