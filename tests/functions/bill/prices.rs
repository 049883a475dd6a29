use std::collections::HashMap;

use crate::bill::meter::Work;

const LIST: &str = include_str!("prices.txt");

/// What nobody has counted, each a stated figure of the page.
pub(crate) mod assumed {
    /// Memory of each function in GB; the template's default.
    pub(crate) const MEMORY: f64 = 0.25;
    /// Time of an invocation that is charged for, in milliseconds.
    pub(crate) const MILLISECONDS: f64 = 20.0;
    /// The same of a page of a fan-out: its posts at the template's default rate, 250 a second.
    pub(crate) const PAGE_MILLISECONDS: f64 = 1_000.0;
    /// What an invocation logs, in bytes: Lambda's three lines and one or two of the function's.
    pub(crate) const LOGGED: f64 = 600.0;
    /// What Lambda asks an idle queue in a minute: 5 pollers, 20 s each.
    pub(crate) const POLLS: f64 = 15.0;
}

/// A price of the list, as it is written there.
struct Price {
    dollars: &'static str,
    of: &'static str,
    what: &'static str,
    page: &'static str,
    seen: &'static str,
}

/// Dollars of a million of something, by what they go to.
pub(crate) struct Bill {
    pub(crate) gateway: f64,
    pub(crate) lambda: f64,
    pub(crate) logs: f64,
    pub(crate) dynamodb: f64,
    pub(crate) queue: f64,
    pub(crate) transfer: f64,
}

impl Bill {
    pub(crate) fn sum(&self) -> f64 {
        self.gateway + self.lambda + self.logs + self.dynamodb + self.queue + self.transfer
    }
}

/// The prices by name.
pub(crate) struct Prices(HashMap<&'static str, Price>);

/// The lines of the list, in its order.
fn lines() -> impl Iterator<Item = (&'static str, Price)> {
    LIST.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let parts: Vec<_> = line.split('|').map(str::trim).collect();
        let [name, dollars, of, what, page, seen] = parts[..] else { panic!("not six parts: {line}") };
        (name, Price { dollars, of, what, page, seen })
    })
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or_else(|_| panic!("no number: {text}"))
}

impl Prices {
    pub(crate) fn read() -> Self {
        Self(lines().collect())
    }

    /// The list as a table.
    pub(crate) fn table() -> String {
        let row = |(_, Price { dollars, of, what, page, seen }): (_, Price)| {
            let many = if of == "1" { "" } else { ", a million" };
            format!("| {what}{many} | ${dollars} | <{page}> | {seen} |\n")
        };
        let head = "| what | price | AWS's page | seen |\n|---|---|---|---|\n";
        head.to_owned() + &lines().map(row).collect::<String>()
    }

    /// What so many cost.
    pub(crate) fn of(&self, name: &str, many: f64) -> f64 {
        let price = self.0.get(name).unwrap_or_else(|| panic!("no price is named {name}"));
        many * number(price.dollars) / number(price.of)
    }

    /// What this work costs when it is done a million times.
    pub(crate) fn million(&self, work: &Work) -> Bill {
        let of = |name, many: f64| self.of(name, many * 1e6);
        let short = (work.invocations - work.pages) * assumed::MILLISECONDS;
        let seconds = (short + work.pages * assumed::PAGE_MILLISECONDS) / 1e3;
        Bill {
            gateway: of("http-request", work.requests) + of("socket-message", work.messages),
            lambda: of("lambda-request", work.invocations) + of("lambda-time", seconds * assumed::MEMORY),
            logs: of("log", (work.invocations * assumed::LOGGED + work.metrics) / 1e9),
            dynamodb: of("dynamodb-read", work.reads) + of("dynamodb-write", work.writes),
            queue: of("queue-request", work.queued),
            transfer: of("transfer", work.bytes / 1e9),
        }
    }
}
