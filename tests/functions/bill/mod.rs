//! The page `docs/COSTS.md`: what the functions were counted to do, at the prices of `prices.txt`, in the words of
//! `page.md`. Fails where the page is not what these make; `SIGNALBOX_WRITE=1` writes it.

mod fan_out;
mod meter;
mod month;
mod operations;
mod page;
mod prices;
mod tables;

use crate::written::assert_up_to_date;

use fan_out::fan_outs;
use month::Month;
use operations::{KeepAlives, Terminals, enrolments, notifications, validations};
use page::Page;
use prices::Prices;

/// The bodies that the page reckons with: a short one, and what every push service must take.
const BODIES: [usize; 2] = [200, 4096];

/// The page is what is counted, priced.
#[tokio::test]
async fn the_page_of_costs_is_up_to_date() {
    let terminals = Terminals::count().await;
    let mut operations = terminals.operations();
    operations.extend(validations().await);
    let (mut sizes, mut crowds) = (Vec::new(), Vec::new());
    for bytes in BODIES {
        sizes.push((bytes, notifications(bytes).await));
        let (crowd, joining) = Box::pin(fan_outs(bytes)).await;
        crowds.push((bytes, crowd));
        if bytes == BODIES[0] {
            operations.push(joining);
        }
    }
    let alive = KeepAlives::count().await;
    operations.extend(alive.operations());
    operations.extend(enrolments().await);
    let month = Month::of(&terminals, &alive);
    let page = Page { prices: Prices::read(), operations, sizes, crowds, month };
    assert_up_to_date("docs/COSTS.md", &page.text());
}
