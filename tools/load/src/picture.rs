//! A picture of latency against load, as SVG, written by hand: a library for plots would be larger than all of this program.

use std::fmt::Write as _;

use crate::latency::Latency;
use crate::numbers::float;
use crate::report::Step;

const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 480.0;
const LEFT: f64 = 80.0;
const RIGHT: f64 = 740.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 410.0;

/// Colours that are told apart by whoever sees few, on both grounds.
const STYLE: &str = "\
:root{--ground:#fff;--ink:#222;--grid:#ddd;--p50:#0072b2;--p90:#b36a00;--p99:#a6336f}\
@media(prefers-color-scheme:dark){:root{--ground:#161616;--ink:#e6e6e6;--grid:#3a3a3a;--p50:#56b4e9;--p90:#e69f00;--p99:#e58fbf}}\
text{font:13px system-ui,sans-serif;fill:var(--ink)}\
.title{font-size:16px;font-weight:600}.end{text-anchor:end}.middle{text-anchor:middle}\
.ground{fill:var(--ground)}.grid{stroke:var(--grid)}.axis{stroke:var(--ink)}\
polyline{fill:none;stroke-width:2}\
.p50{stroke:var(--p50)}.p90{stroke:var(--p90);stroke-dasharray:7 3}.p99{stroke:var(--p99);stroke-dasharray:2 3}\
circle{stroke-width:2;fill:var(--ground);stroke-dasharray:none!important}";

/// What is drawn of a step, by its class.
const LINES: [(&str, Quantile); 3] =
    [("p99", |times| times.p99), ("p90", |times| times.p90), ("p50", |times| times.p50)];

type Quantile = fn(&Latency) -> u64;

/// A step, as far as it is drawn.
struct Point<'a> {
    /// Begun, a second.
    rate: f64,
    times: &'a Latency,
}

/// Draws the times from when messages were due until they were there, over the rate that was begun. A step of which nothing
/// has arrived has no point.
pub(crate) fn of_steps(steps: &[Step]) -> String {
    let points = steps.iter().filter_map(|step| {
        let rate = step.open_loop.as_ref()?.begun_per_second;
        Some(Point { rate, times: step.latencies_us.get("due to frame")? })
    });
    draw(&points.collect::<Vec<_>>())
}

/// Where things are in the picture.
struct Scale {
    /// At the right edge, a second.
    most: f64,
    /// Powers of ten, in microseconds, at the bottom and at the top.
    decades: (i32, i32),
}

impl Scale {
    fn of(points: &[Point<'_>]) -> Self {
        let most = points.iter().map(|point| point.rate).fold(1.0, f64::max);
        let times = points.iter().flat_map(|point| LINES.map(|(_, quantile)| log(quantile(point.times))));
        let (low, high) =
            times.fold((f64::MAX, f64::MIN), |(low, high), time| (low.min(time), high.max(time)));
        let decades = if points.is_empty() { (2, 5) } else { (whole(low.floor()), whole(high.ceil())) };
        Self { most, decades: (decades.0, decades.1.max(decades.0 + 1)) }
    }

    fn x(&self, rate: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * rate / self.most
    }

    /// Of the logarithm of a time.
    fn y(&self, log: f64) -> f64 {
        let (low, high) = (f64::from(self.decades.0), f64::from(self.decades.1));
        BOTTOM - (BOTTOM - TOP) * (log - low) / (high - low)
    }
}

fn draw(points: &[Point<'_>]) -> String {
    let scale = Scale::of(points);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"Latency against load\">\n<style>{STYLE}</style>\n\
         <rect class=\"ground\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\n\
         <text class=\"title\" x=\"{LEFT}\" y=\"28\">From when a message is due until it is there</text>\n"
    );
    // What is written to text does not fail.
    let _ = draw_axes(&mut svg, &scale);
    for (place, (class, quantile)) in LINES.into_iter().enumerate() {
        let _ = draw_line(&mut svg, &scale, points, (class, quantile));
        let _ = draw_name(&mut svg, class, float(place as u64));
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw_axes(svg: &mut String, scale: &Scale) -> std::fmt::Result {
    for decade in scale.decades.0..=scale.decades.1 {
        let y = scale.y(f64::from(decade));
        writeln!(svg, r#"<line class="grid" x1="{LEFT}" x2="{RIGHT}" y1="{y:.1}" y2="{y:.1}"/>"#)?;
        let (label, below) = (time(decade), y + 4.0);
        writeln!(svg, r#"<text class="end" x="{:.1}" y="{below:.1}">{label}</text>"#, LEFT - 8.0)?;
    }
    let step = round_step(scale.most);
    let mut rate = 0.0;
    while rate <= scale.most * 1.000_001 {
        let x = scale.x(rate);
        writeln!(svg, r#"<line class="grid" x1="{x:.1}" x2="{x:.1}" y1="{TOP}" y2="{BOTTOM}"/>"#)?;
        writeln!(svg, r#"<text class="middle" x="{x:.1}" y="{:.1}">{rate}</text>"#, BOTTOM + 20.0)?;
        rate += step;
    }
    writeln!(svg, r#"<line class="axis" x1="{LEFT}" x2="{RIGHT}" y1="{BOTTOM}" y2="{BOTTOM}"/>"#)?;
    writeln!(svg, r#"<line class="axis" x1="{LEFT}" x2="{LEFT}" y1="{TOP}" y2="{BOTTOM}"/>"#)?;
    let (middle, below) = (f64::midpoint(LEFT, RIGHT), BOTTOM + 46.0);
    writeln!(svg, r#"<text class="middle" x="{middle}" y="{below}">messages begun a second</text>"#)
}

fn draw_line(
    svg: &mut String,
    scale: &Scale,
    points: &[Point<'_>],
    (class, quantile): (&str, Quantile),
) -> std::fmt::Result {
    let places = points.iter().map(|point| (scale.x(point.rate), scale.y(log(quantile(point.times))), point));
    let places: Vec<_> = places.collect();
    let path: Vec<_> = places.iter().map(|(x, y, _)| format!("{x:.1},{y:.1}")).collect();
    writeln!(svg, r#"<polyline class="{class}" points="{}"/>"#, path.join(" "))?;
    for (x, y, point) in places {
        let (rate, time) = (point.rate, quantile(point.times));
        writeln!(
            svg,
            r#"<circle class="{class}" cx="{x:.1}" cy="{y:.1}" r="3.5"><title>{class} at {rate}/s: {time} us</title></circle>"#
        )?;
    }
    Ok(())
}

/// In the corner, beside a piece of its line.
fn draw_name(svg: &mut String, class: &str, place: f64) -> std::fmt::Result {
    let (x, y) = (RIGHT - 190.0 + 70.0 * place, 24.0);
    let (to, text, below) = (x + 28.0, x + 33.0, y + 4.0);
    writeln!(svg, r#"<polyline class="{class}" points="{x},{y} {to},{y}"/>"#)?;
    writeln!(svg, r#"<text x="{text}" y="{below}">{class}</text>"#)
}

/// Of microseconds, to the base of ten; what is less counts as one.
fn log(micros: u64) -> f64 {
    float(micros.max(1)).log10()
}

/// An hour has 9.6 decades of microseconds.
#[allow(clippy::cast_possible_truncation, reason = "a decade has one digit")]
fn whole(decade: f64) -> i32 {
    decade as i32
}

/// A power of ten of microseconds, as people say it.
fn time(decade: i32) -> String {
    let (unit, of_it) = match decade {
        ..3 => ("us", 0),
        3..6 => ("ms", 3),
        _ => ("s", 6),
    };
    format!("{} {unit}", 10_f64.powi(decade - of_it))
}

/// The distance of some five to ten lines, which is 1, 2 or 5 with zeros.
fn round_step(most: f64) -> f64 {
    let decade = 10_f64.powf((most / 10.0).log10().floor());
    let fits = |step: &f64| most / step <= 10.0;
    [1.0, 2.0, 5.0].map(|times| times * decade).into_iter().find(fits).unwrap_or(10.0 * decade)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(micros: [u64; 2]) -> Latency {
        Latency::of(std::iter::repeat_n(micros[0], 95).chain(std::iter::repeat_n(micros[1], 5))).unwrap()
    }

    #[test]
    fn a_point_is_where_its_rate_and_time_are() {
        let (slow, fast) = (times([100, 1_000]), times([1_000, 1_000]));
        let svg = draw(&[Point { rate: 500.0, times: &slow }, Point { rate: 1000.0, times: &fast }]);
        // One decade, from 100 us at the bottom to 1 ms at the top; half and whole of the width.
        assert!(svg.contains(r#"<polyline class="p50" points="410.0,410.0 740.0,50.0"/>"#), "{svg}");
        assert!(svg.contains(r#"<polyline class="p99" points="410.0,50.0 740.0,50.0"/>"#), "{svg}");
        for label in [">100 us<", ">1 ms<", ">0<", ">500<", ">1000<"] {
            assert!(svg.contains(label), "{label}: {svg}");
        }
        assert!(svg.contains("p99 at 1000/s: 1000 us"), "{svg}");
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        let svg = draw(&[]);
        assert!(svg.contains(r#"<polyline class="p50" points=""/>"#), "{svg}");
        assert!(!svg.contains("NaN") && !svg.contains("<circle"), "{svg}");
    }

    #[test]
    #[allow(clippy::float_cmp, reason = "whole numbers")]
    fn lines_are_at_round_rates() {
        for (most, step) in
            [(1.0, 0.1), (4000.0, 500.0), (950.0, 100.0), (1001.0, 200.0), (60_000.0, 10_000.0)]
        {
            assert!((round_step(most) - step).abs() < 1e-9, "{most}: {}", round_step(most));
        }
    }
}
