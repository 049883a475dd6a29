use crate::bill::meter::Work;
use crate::bill::prices::Bill;

/// A row of a table.
pub(crate) fn row(cells: &[&str]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

/// The head of a table with these columns.
fn head(columns: &[&str]) -> String {
    row(columns) + "|" + &"---|".repeat(columns.len()) + "\n"
}

/// What operations cost, in dollars.
pub(crate) fn priced<'n>(operations: impl IntoIterator<Item = (&'n str, Bill)>) -> String {
    let rows = operations.into_iter().map(|(name, bill)| {
        let Bill { gateway, lambda, logs, dynamodb, queue, transfer } = bill;
        let cells = [gateway, lambda, logs, dynamodb, queue, transfer].map(|dollars| format!("{dollars:.2}"));
        let sum = format!("**{:.2}**", bill.sum());
        row(&[name, &cells.join(" | "), &sum])
    });
    head(&["", "API Gateway", "Lambda", "logs", "DynamoDB", "SQS", "transfer", "sum"])
        + &rows.collect::<String>()
}

/// What was counted of operations.
pub(crate) fn counted<'w>(operations: impl IntoIterator<Item = (String, &'w Work)>) -> String {
    let columns = [
        "",
        "invocations",
        "HTTP requests",
        "WebSocket messages",
        "DynamoDB calls",
        "read units",
        "write units",
        "SQS requests",
        "bytes to the terminal",
        "bytes of metrics",
    ];
    let rows = operations.into_iter().map(|(name, work)| {
        let Work { invocations, requests, messages, calls, reads, writes, queued, bytes, metrics, .. } = work;
        let numbers =
            [invocations, requests, messages, calls, reads, writes, queued].map(|number| tenths(*number));
        row(&[&name, &numbers.join(" | "), &grouped(*bytes), &grouped(*metrics)])
    });
    head(&columns) + &rows.collect::<String>()
}

/// 2 as `2`, and 2.3 as `2.3`.
fn tenths(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

/// 43200 as `43,200`.
pub(crate) fn grouped(number: f64) -> String {
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

/// A number of bytes.
pub(crate) fn size(bytes: usize) -> String {
    grouped(f64::from(u32::try_from(bytes).unwrap()))
}
