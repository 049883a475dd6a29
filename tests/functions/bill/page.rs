use std::fmt::Display;

use signalbox_domain::Slot;

use crate::bill::fan_out::CROWD;
use crate::bill::meter::Work;
use crate::bill::month::{IDLE, LONGEST, MINUTES, Month, PING};
use crate::bill::operations::{CONNECTED, Operation};
use crate::bill::prices::{Bill, Prices, assumed};
use crate::bill::tables::{counted, grouped, priced, row, size};

/// The words of the page; what stands in braces is filled in.
const WORDS: &str = include_str!("page.md");
/// How many metrics there are where nothing is refused and no connection is kept alive: eight counts and a latency.
const METRICS: f64 = 9.0;
/// How many terminals the month is reckoned for.
const TERMINALS: f64 = 1_000.0;
/// Notifications that each of them gets in a day, where a load is compared.
const DAILY: f64 = 10.0;
/// What all of them get in the month.
const SENT: f64 = TERMINALS * DAILY * 30.0;

/// What `docs/COSTS.md` is made of.
pub(crate) struct Page {
    pub(crate) prices: Prices,
    pub(crate) operations: Vec<Operation>,
    /// The notifications with bodies of so many bytes.
    pub(crate) sizes: Vec<(usize, Vec<Operation>)>,
    /// The same where each is one of many.
    pub(crate) crowds: Vec<(usize, Vec<Operation>)>,
    pub(crate) month: Month,
}

/// The words, while they are filled in.
struct Words(String);

impl Words {
    fn fill(self, name: &str, with: impl Display) -> Self {
        let place = format!("{{{name}}}");
        assert!(self.0.contains(&place), "the page has no place {place}");
        Self(self.0.replace(&place, &with.to_string()))
    }

    fn dollars(self, name: &str, dollars: f64) -> Self {
        self.fill(name, format!("{dollars:.2}"))
    }

    fn cents(self, name: &str, dollars: f64) -> Self {
        self.fill(name, format!("{dollars:.4}"))
    }

    /// The whole page, where nothing is left to be filled in. A ping looks like a place, and is none.
    fn filled(self) -> String {
        let left = self.0.replace("{}", "");
        assert!(!left.contains('{'), "a place is left: {:?}", left.split_once('{'));
        self.0
    }
}

impl Page {
    pub(crate) fn text(&self) -> String {
        let words = self.notifications(Words(WORDS.to_owned()));
        let words = self.terminals(words);
        let words = self.deployment(words);
        let words = self.assumptions(words);
        words
            .fill("daily", DAILY)
            .fill("sent", grouped(SENT))
            .fill("others", self.others())
            .fill("prices", Prices::table())
            .filled()
            .trim_end()
            .to_owned()
            + "\n"
    }

    fn notifications(&self, words: Words) -> Words {
        let price = |operation: &Operation| (operation.name, self.prices.million(&operation.work));
        let table = |(bytes, operations): &(usize, Vec<Operation>)| {
            let rows = priced(operations.iter().map(price));
            format!("With bodies of {} bytes:\n\n{rows}", size(*bytes))
        };
        let every = self.operations.iter().map(|operation| (operation.name.to_owned(), &operation.work));
        let sized = self.sizes.iter().chain(&self.crowds).flat_map(|(bytes, operations)| {
            let named = move |name| format!("{} bytes: {name}", size(*bytes));
            operations.iter().map(move |operation| (named(operation.name), &operation.work))
        });
        words
            .fill("notifications", self.sizes.iter().map(table).collect::<Vec<_>>().join("\n"))
            .fill("fanouts", self.crowds.iter().map(table).collect::<Vec<_>>().join("\n"))
            .fill("crowd", CROWD)
            .dollars("sns", self.prices.of("sns-push", 1e6))
            .dollars("named", self.prices.of("dynamodb-read", 1e6))
            .fill("operations", priced(self.operations.iter().map(price)))
            .fill("counted", counted(every.chain(sized)))
            .cents("millisecond", self.prices.of("lambda-time", 1e6 * assumed::MEMORY / 1e3))
            .dollars("logged", self.prices.of("log", 0.1))
    }

    fn terminals(&self, words: Words) -> Words {
        let Month { connections, coming, pings, pinging, coming_without_pings, making, .. } = &self.month;
        let Month { keep_alives, coming_registered, kept_alive, waking, .. } = &self.month;
        let rows = [
            ("coming again: `$connect`, `hello`, `$disconnect`", self.thousand(coming)),
            ("pings and their answers", self.thousand(pinging)),
        ];
        let minutes =
            row(&["minutes of connection", "", "", "", "", "", "", &format!("**{:.2}**", self.minutes())]);
        let all = row(&["all of it", "", "", "", "", "", "", &format!("**{:.2}**", self.connected())]);
        let waking = self.prices.million(&waking.times(1e-6));
        let kept = [
            ("coming again, and registered", self.thousand(coming_registered)),
            ("keep-alives", self.thousand(kept_alive)),
        ];
        let kept_sum = self.minutes() + waking.sum() + kept.iter().map(|(_, bill)| bill.sum()).sum::<f64>();
        let kept_all = row(&["all of it", "", "", "", "", "", "", &format!("**{kept_sum:.2}**")]);
        let kept = kept.into_iter().chain([("the wake-ups, four a minute", waking)]);
        words
            .fill("kept", priced(kept) + &minutes + &kept_all)
            .fill("every", Slot::MINUTES)
            .fill("beats", grouped(*keep_alives))
            .fill("month", priced(rows) + &minutes + &all)
            .fill("minutes", grouped(MINUTES))
            .fill("longest", LONGEST)
            .fill("idle", IDLE)
            .fill("ping", PING)
            .fill("connections", grouped(*connections))
            .fill("pings", grouped(*pings))
            .fill("cut", grouped(MINUTES / IDLE))
            .dollars("cutting", self.thousand(coming_without_pings).sum())
            .cents("making", self.thousand(making).sum())
    }

    fn deployment(&self, words: Words) -> Words {
        let polls = 2.0 * assumed::POLLS * MINUTES;
        words
            .dollars("secret", self.prices.of("secret", 1.0))
            .dollars("metrics", self.prices.of("metric", METRICS))
            .fill("many", METRICS)
            .dollars("reason", self.prices.of("metric", 1.0))
            .dollars("polling", self.prices.of("queue-request", polls))
            .fill("polls", grouped(polls))
            .cents("rows", self.stored(2.0 * TERMINALS * 1024.0))
    }

    fn assumptions(&self, words: Words) -> Words {
        words
            .fill("milliseconds", assumed::MILLISECONDS)
            .fill("page", assumed::PAGE_MILLISECONDS / 1e3)
            .fill("memory", assumed::MEMORY * 1024.0)
            .fill("log", assumed::LOGGED)
            .fill("looks", assumed::POLLS)
            .dollars("answers", self.prices.of("transfer", 1.0))
            .dollars("waiting", self.stored(5.0 * 1024.0 * 1e6) / 30.0)
    }

    /// What is sent to 1,000 terminals, by this service and by others of AWS.
    fn others(&self) -> String {
        let head = row(&["bodies", "Signalbox", "SNS mobile push", "AppSync Events"]) + "|---|---|---|---|\n";
        let rows = self.sizes.iter().map(|(bytes, operations)| {
            let everyday = operations.iter().find(|operation| operation.name == CONNECTED).unwrap();
            let ours = self.connected() + self.prices.million(&everyday.work).sum() * SENT / 1e6;
            let sns = self.prices.of("sns-push", SENT);
            let dollars = |dollars: f64| format!("{dollars:.2}");
            let name = format!("{} bytes", size(*bytes));
            row(&[&name, &dollars(ours), &dollars(sns), &dollars(self.appsync(*bytes))])
        });
        head + &rows.collect::<String>()
    }

    fn appsync(&self, bytes: usize) -> f64 {
        // In base64, with names around it.
        let pieces = f64::from(u32::try_from((bytes * 4 / 3 + 200).div_ceil(5 * 1024)).unwrap());
        let connecting = TERMINALS * 30.0 * 2.0;
        self.prices.of("appsync-operation", 2.0 * pieces * SENT + connecting)
            + self.prices.of("appsync-minute", TERMINALS * MINUTES)
    }

    /// What 1,000 terminals cost in a month by being connected.
    fn connected(&self) -> f64 {
        self.minutes() + self.thousand(&self.month.coming).sum() + self.thousand(&self.month.pinging).sum()
    }

    fn minutes(&self) -> f64 {
        self.prices.of("socket-minute", TERMINALS * MINUTES)
    }

    /// What this work costs where each of the terminals does it.
    fn thousand(&self, work: &Work) -> Bill {
        self.prices.million(&work.times(TERMINALS / 1e6))
    }

    /// Bytes stored for a month.
    fn stored(&self, bytes: f64) -> f64 {
        self.prices.of("dynamodb-storage", bytes / 1e9) + self.prices.of("dynamodb-recovery", bytes / 1e9)
    }
}
