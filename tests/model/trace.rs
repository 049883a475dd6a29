//! A history as a person reads it.

use crate::facts::{Facts, Frame, Millis, Tick, What};

/// All that happened, a line each, in order.
pub fn trace(facts: &Facts) -> String {
    let mut lines: Vec<(Tick, String)> = Vec::new();
    let began = facts.events.first().map_or(0, |event| event.at);
    let since = |at: Millis| at.saturating_sub(began);
    for (index, event) in facts.events.iter().enumerate() {
        lines.push((event.sent, format!("{:>9} event {index}: {}", since(event.at), said(&event.what))));
    }
    for (index, run) in facts.runs.iter().enumerate() {
        let (event, skew) = (run.event, run.skew);
        lines.push((run.began, format!("{:>9} run {index} of event {event}, skew {skew}", since(run.at))));
        for page in &run.pages {
            lines.push((*page, format!("          run {index} reads a page")));
        }
        let end = match (&run.answer, run.ended) {
            (Some(answer), Some(ended)) => {
                let body: String = answer.body.chars().take(60).collect();
                (ended, format!("answers {} {body}, met {}, closes {:?}", answer.status, run.met, run.closes))
            }
            _ => (run.began, format!("will die, met {}", run.met)),
        };
        lines.push((end.0, format!("          run {index} {}", end.1)));
    }
    for (index, link) in facts.links.iter().enumerate() {
        lines.push((link.opened, format!("{:>9} link {index} opens", since(link.connected))));
        let by = if link.by_service { "the service" } else { "its terminal or age" };
        lines.extend(link.closed.map(|at| (at, format!("          link {index} is closed by {by}"))));
        lines.extend(link.vanished.map(|at| (at, format!("          link {index} vanishes"))));
    }
    for frame in &facts.frames {
        lines.push((frame.tick, format!("{:>9} {}", since(frame.at), crossed(facts, frame))));
    }
    lines.extend(facts.puts.iter().map(|(at, mid)| (*at, format!("          {mid} is put"))));
    lines.extend(facts.quiet.map(|quiet| (quiet.tick, format!("{:>9} quiet", since(quiet.at)))));
    lines.sort_by_key(|(tick, _)| *tick);
    let lines: Vec<_> = lines.into_iter().map(|(tick, line)| format!("{tick:>5} {line}")).collect();
    lines.join("\n")
}

fn said(what: &What) -> String {
    match what {
        What::Push(push) => {
            format!("Push on {} of register {}: {:?}", push.token.channel, push.token.register, push.asked)
        }
        What::Validate { token, server } => format!("Validate of register {} by {server}", token.register),
        What::Revoke { token, server } => format!("Revoke of register {} by {server}", token.register),
        What::Withdraw { push, .. } => format!("Withdraw of {push}"),
        What::Receipt { push, .. } => format!("Receipt of {push}"),
        What::Ack { link, versions, code } => {
            let short: Vec<_> = versions.iter().map(|version| short(version)).collect();
            format!("Ack on link {link} of {short:?}, {code}")
        }
        other => format!("{other:?}"),
    }
}

fn crossed(facts: &Facts, frame: &Frame) -> String {
    let data = frame.body["data"].as_str().unwrap_or_default();
    let what = match facts.by_data().get(data) {
        Some(push) => format!("push {push} as {}", short(frame.version())),
        None => frame.body.to_string().chars().take(120).collect(),
    };
    format!("  -> link {} by run {:?}: {what}", frame.link, frame.run)
}

/// Enough of a version to tell it from the others.
fn short(version: &str) -> &str {
    version.get(2..12).unwrap_or(version)
}
