use std::fmt::Write as _;

use crate::bill::meter::Work;
use crate::bill::month::{IDLE, LONGEST, MINUTES, Month, PING};
use crate::bill::operations::{CONNECTED, Operation};
use crate::bill::prices::{Bill, Prices, assumed};

/// How many terminals the month is reckoned for.
const TERMINALS: f64 = 1_000.0;
/// Notifications that each of them gets in a day, where a load is compared.
const DAILY: f64 = 10.0;

/// What `docs/COSTS.md` is made of.
pub(crate) struct Page {
    pub(crate) prices: Prices,
    pub(crate) operations: Vec<Operation>,
    /// The notifications with bodies of so many bytes.
    pub(crate) sizes: Vec<(usize, Vec<Operation>)>,
    pub(crate) month: Month,
}

/// A row of what was counted.
fn counted(name: &str, work: &Work) -> String {
    let Work { invocations, requests, messages, calls, reads, writes, bytes } = work;
    let name = name.to_owned();
    format!("| {name} | {invocations:.1} | {requests} | {messages:.1} | {calls:.1} | {reads:.1} | {writes:.1} | {bytes:.0} |\n")
        .replace(".0 ", " ")
}

const COUNTED: &str = "| | invocations | HTTP requests | WebSocket messages | DynamoDB calls | read units | write units | \
                       bytes to the terminal |\n|---|---|---|---|---|---|---|---|\n";

/// A row of what it costs.
fn priced(name: &str, bill: &Bill) -> String {
    let Bill { gateway, lambda, logs, dynamodb, transfer } = bill;
    let sum = bill.sum();
    format!(
        "| {name} | {gateway:.2} | {lambda:.2} | {logs:.2} | {dynamodb:.2} | {transfer:.2} | **{sum:.2}** |\n"
    )
}

const PRICED: &str =
    "| | API Gateway | Lambda | logs | DynamoDB | transfer | sum |\n|---|---|---|---|---|---|---|\n";

/// 43200 as `43,200`.
fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn size(bytes: usize) -> String {
    grouped(f64::from(u32::try_from(bytes).unwrap()))
}

impl Page {
    pub(crate) fn text(&self) -> String {
        [
            Self::head(),
            self.per_million(),
            self.per_month(),
            self.work(),
            self.assumptions(),
            self.others(),
            Self::list(),
        ]
        .concat()
    }

    fn head() -> String {
        "# What it costs on AWS\n\n\
         Made by a test, which runs the functions over wires that count and fails where this page says something else: \
         `SIGNALBOX_WRITE=1 cargo test -p signalbox --test functions bill` writes it anew. All amounts are dollars in \
         us-east-1, without free allowances. On a machine of your own none of this is charged.\n\n\
         What is **counted**: invocations, requests, messages, DynamoDB's calls and units, and the bytes of what goes to \
         terminals. What is **assumed** stands under [Assumptions](#assumptions), and is no measurement. The emulated \
         DynamoDB counts units as AWS documents them; no bill of AWS was compared. The prices are in \
         [a list of their own](#prices), most of them seen only where others repeat them.\n"
            .to_owned()
    }

    fn per_million(&self) -> String {
        let mut text = "\n## A million notifications\n".to_owned();
        for (bytes, operations) in &self.sizes {
            let _ = write!(text, "\nWith bodies of {} bytes:\n\n{PRICED}", size(*bytes));
            for Operation { name, work } in operations {
                text += &priced(name, &self.prices.million(work));
            }
        }
        let ms = self.prices.of("lambda-time", 1e6 * assumed::MEMORY / 1e3);
        let _ = write!(
            text,
            "\nThe last row is the dearest way: a terminal that comes for each one by itself. A million of each other \
             operation:\n\n{PRICED}"
        );
        for Operation { name, work } in &self.operations {
            text += &priced(name, &self.prices.million(work));
        }
        let _ = write!(
            text,
            "\nEach millisecond more or less for a million invocations is ${ms:.4}, and each 100 bytes of log ${:.2}.\n",
            self.prices.of("log", 0.1)
        );
        text
    }

    /// What 1,000 terminals cost in a month by being connected, in dollars.
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

    fn per_month(&self) -> String {
        let Month { connections, coming, pings, pinging, coming_without_pings, making } = &self.month;
        let minutes = self.minutes();
        let row = |name: &str, work: &Work| priced(name, &self.thousand(work));
        let mut text = format!(
            "\n## 1,000 terminals for a month\n\n\
             Connected all of its {} minutes, without any notification. API Gateway ends a connection after {LONGEST:.0} \
             minutes, so each terminal comes {} times. It ends one after {IDLE:.0} minutes without a message, \
             too. The service sends nothing to prevent that. What is reckoned here is a terminal that sends a ping, `{{}}`, \
             every {PING:.0} minutes, which is {} in the month, and is answered `{{}}` each time.\n\n{PRICED}",
            grouped(MINUTES),
            grouped(*connections),
            grouped(*pings)
        );
        let idle = Bill { gateway: minutes, lambda: 0.0, logs: 0.0, dynamodb: 0.0, transfer: 0.0 };
        text += &priced("minutes of connection", &idle);
        text += &row("coming again: `$connect`, `hello`, `$disconnect`", coming);
        text += &row("pings and their answers", pinging);
        let _ = write!(
            text,
            "| all of it | | | | | | **{:.2}** |\n\n\
             A terminal that does not ping, and comes again whenever it is cut off, does so {} times: ${:.2} instead of \
             the last two rows, and it is absent in between. Terminals that are connected for a part of the month cost that \
             part.\n\nOnce in a terminal's life, for its first connection, `hello` and one `register`: ${:.4} for 1,000 of \
             them.\n",
            self.connected(),
            grouped(MINUTES / IDLE),
            self.thousand(coming_without_pings).sum(),
            self.thousand(making).sum(),
        );
        let rows = 2.0 * TERMINALS * 1024.0 / 1e9;
        let polls = assumed::POLLS * MINUTES;
        let _ = write!(
            text,
            "\nWhatever the load, a deployment has: ${:.2} for the secret with the key ring, ${:.2} for {} looks of Lambda \
             into the queue of drains while nothing is there, ${:.4} for the rows of 1,000 terminals with a session each, \
             with their point-in-time recovery (counted as one write unit each, so 1 KB at most).\n",
            self.prices.of("secret", 1.0),
            self.prices.of("queue-request", polls),
            grouped(polls),
            self.prices.of("dynamodb-storage", rows) + self.prices.of("dynamodb-recovery", rows),
        );
        text
    }

    fn work(&self) -> String {
        let mut text = format!("\n## What was counted\n\n{COUNTED}");
        for Operation { name, work } in &self.operations {
            text += &counted(name, work);
        }
        for (bytes, operations) in &self.sizes {
            for Operation { name, work } in operations {
                text += &counted(&format!("{} bytes: {name}", size(*bytes)), work);
            }
        }
        text += "\nA message is stored with its body: a write unit for each KB to store it, and as many again to delete it \
                 when it is acknowledged. The read of a session's and its terminal's row is part of each push.\n";
        text
    }

    fn assumptions(&self) -> String {
        let a_day = 5.0 * 1024.0 * 1e6 / 1e9 / 30.0;
        format!(
            "\n## Assumptions\n\n\
             - Each invocation takes {:.0} ms of a function with {:.0} MB on arm64, the template's default. Nothing was \
             measured on AWS. Starts of new instances, each with a call for the key ring, are not in it.\n\
             - Each invocation logs {:.0} bytes: Lambda's own lines, and one or two of the function's at `info`.\n\
             - `$connect` and `$disconnect` are no messages. A close by the service is none either.\n\
             - Nothing fails and nothing is repeated; no notification has a topic or asks for a receipt.\n\
             - What is sent to application servers is not counted: a million answers of 1 KB are ${:.2} of transfer.\n\
             - What waits takes room: a million messages of 5 KB, a day long, ${:.2}, with their point-in-time recovery \
             ${:.2}.\n\
             - No domain of one's own, firewall, alarm, tracing or support plan is in it, and no tax.\n",
            assumed::MILLISECONDS,
            assumed::MEMORY * 1024.0,
            assumed::LOGGED,
            self.prices.of("transfer", 1.0),
            self.prices.of("dynamodb-storage", a_day),
            self.prices.of("dynamodb-storage", a_day) + self.prices.of("dynamodb-recovery", a_day),
        )
    }

    fn others(&self) -> String {
        let sent = TERMINALS * DAILY * 30.0;
        let mut text = format!(
            "\n## Beside what AWS offers\n\n\
             The same load: 1,000 terminals, connected all the month, and {DAILY:.0} notifications a day to each, which is \
             {} in the month. In dollars for the month:\n\n\
             | bodies | Signalbox | SNS mobile push | AppSync Events |\n|---|---|---|---|\n",
            grouped(sent)
        );
        for (bytes, operations) in &self.sizes {
            let work = &operations.iter().find(|operation| operation.name == CONNECTED).unwrap().work;
            let ours = self.connected() + self.prices.million(work).sum() * sent / 1e6;
            // Base64 in an event of JSON.
            let pieces = f64::from(u32::try_from((bytes * 4 / 3 + 200).div_ceil(5 * 1024)).unwrap());
            let a_day = TERMINALS * 30.0 * 2.0;
            let appsync = self.prices.of("appsync-operation", 2.0 * pieces * sent + a_day)
                + self.prices.of("appsync-minute", TERMINALS * MINUTES);
            let sns = self.prices.of("sns-push", sent);
            let _ = writeln!(text, "| {} bytes | {ours:.2} | {sns:.2} | {appsync:.2} |", size(*bytes));
        }
        text += "\nThese are not the same thing, and the sums say so only in part.\n\n\
                 - **SNS mobile push** hands a notification to Apple's or Google's service, which holds the connection to the \
                 device, keeps what waits and wakes the application. So there are no connections to pay for, and the first \
                 million of each month is said to be free, which this load is within. It reaches applications that are \
                 signed up with those services, and no browser, service or device without them. What they carry they can \
                 read, unless the application encrypts it itself. The sender learns that it was handed over, and not that \
                 the application has it. Where all terminals are such phones it is the cheaper way by far.\n\
                 - **AppSync Events** holds WebSockets as this service does, and is dearer by the event and cheaper by the \
                 minute. Reckoned are two operations a notification, publication and delivery, each for every 5 KB begun, \
                 and two a day for a connection and a subscription; that 5 KB are the measure and that keep-alives are free \
                 was not confirmed, nor what its handlers cost. An event that finds no subscriber is gone: what waits for an \
                 absent terminal, acknowledgements, a token for each application and its validation would have to be built \
                 around it, and paid for too.\n\
                 - **Signalbox** in Lambda pays for connections and pings before the first notification. On a machine of your \
                 own the same service has neither.\n";
        text
    }

    fn list() -> String {
        format!(
            "\n## Prices\n\nPut down on 2026-11-24 from `tests/functions/bill/prices.txt`. AWS's pages are linked, but could \
             not be read for this: the last column says where each price was seen instead. Look them up before you count on them: a change in that file and a run of the test make this page anew.\n\n\
             | what | price | AWS's page | seen |\n|---|---|---|---|\n{}",
            Prices::rows()
        )
    }
}
