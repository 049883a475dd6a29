use std::str::FromStr;

use serde::Serialize;

use super::Rate;

/// As many as a picture can show.
const MOST: usize = 100;

/// One rate after the other, upwards.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Rates(Vec<Rate>);

/// They are no rates.
#[derive(Debug, thiserror::Error)]
#[error("rates such as 500,1000,2000 or 500..4000:500, from the lowest to the highest, a hundred at most")]
pub(crate) struct NoRates;

impl FromStr for Rates {
    type Err = NoRates;

    fn from_str(text: &str) -> Result<Self, NoRates> {
        let mut rates: Vec<Rate> = Vec::new();
        for part in text.split(',') {
            match part.split_once("..") {
                None => rates.push(part.parse().map_err(|_| NoRates)?),
                Some((from, rest)) => {
                    let (to, step) = rest.split_once(':').ok_or(NoRates)?;
                    let [from, to, step] = [from, to, step].map(str::parse::<Rate>);
                    let (from, to, step) =
                        (from.map_err(|_| NoRates)?, to.map_err(|_| NoRates)?, step.map_err(|_| NoRates)?);
                    rates.extend(from.up_to(to, step).take(MOST + 1));
                }
            }
        }
        let upwards = rates.is_sorted_by(|lower, higher| lower.a_second() < higher.a_second());
        if rates.is_empty() || rates.len() > MOST || !upwards {
            return Err(NoRates);
        }
        Ok(Self(rates))
    }
}

impl Rates {
    pub(crate) fn iter(&self) -> impl Iterator<Item = Rate> {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<f64> {
        text.parse::<Rates>().unwrap().iter().map(Rate::a_second).collect()
    }

    #[test]
    #[allow(clippy::float_cmp, reason = "whole numbers")]
    fn lists_and_ranges_are_rates() {
        assert_eq!(read("500"), [500.0]);
        assert_eq!(read("500,1000,2000.5"), [500.0, 1000.0, 2000.5]);
        assert_eq!(read("10,100..400:100,1000"), [10.0, 100.0, 200.0, 300.0, 400.0, 1000.0]);
        // The end is met where the steps come to it.
        assert_eq!(read("100..350:100"), [100.0, 200.0, 300.0]);
    }

    #[test]
    fn what_is_no_list_of_rates_is_refused() {
        for wrong in ["", "0", "a", "2000,1000", "5,5", "1..", "1..2", "4..2:1", "1..1000:1", "1..2:0", "1,"]
        {
            assert!(wrong.parse::<Rates>().is_err(), "{wrong}");
        }
    }
}
