use std::fmt::Write as _;

use crate::meter::Second;
use crate::report::Report;

const WIDTH: f64 = 860.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 70.0;
const GAP: f64 = 46.0;
/// A line has no more points than this.
const POINTS: usize = 400;

/// A line of a panel: its name, its colour, and what it shows of a second.
type Line = (&'static str, &'static str, fn(&Second) -> u32);

const PANELS: [(&str, &[Line]); 3] = [
    (
        "a second",
        &[
            ("deliveries", "#0b6e4f", |second| second.posts),
            ("acknowledgements", "#3a6ea5", |second| second.acks),
            ("API Gateway's requests", "#888888", |second| {
                second.posts + second.acks + second.refused_posts + second.refused_acks
            }),
        ],
    ),
    ("workers", &[("running", "#7a3e9d", |second| second.workers)]),
    (
        "refused a second",
        &[
            ("posts", "#c0392b", |second| second.refused_posts),
            ("acknowledgements", "#e08e0b", |second| second.refused_acks),
            ("DynamoDB", "#222222", |second| second.throttles),
        ],
    ),
];

/// The course of a simulation as an SVG: deliveries, workers and refusals over time.
#[must_use]
pub fn draw(report: &Report) -> String {
    let seconds = &report.counts.seconds;
    let each = seconds.len().div_ceil(POINTS).max(1);
    let (wide, high) = (LEFT + WIDTH + 20.0, 50.0 + 3.0 * (HEIGHT + GAP));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {wide} {high}\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"{wide}\" height=\"{high}\" fill=\"#fff\"/>\n"
    );
    let setting = &report.setting;
    let _ = writeln!(
        svg,
        "<text x=\"{LEFT}\" y=\"20\" font-size=\"15\">{} members, {} workers of {} posts/s: {:.1} s (the quota's bound: {:.1} s), simulated</text>",
        setting.members,
        setting.workers,
        setting.rate,
        report.times.end(),
        report.times.by_quota,
    );
    for (place, (title, lines)) in (0_u8..).zip(PANELS) {
        let top = 50.0 + f64::from(place) * (HEIGHT + GAP);
        panel(&mut svg, top, title, lines, seconds, each);
    }
    svg + "</svg>\n"
}

fn panel(svg: &mut String, top: f64, title: &str, lines: &[Line], seconds: &[Second], each: usize) {
    let means: Vec<Vec<f64>> = lines.iter().map(|(_, _, of)| means(seconds, each, *of)).collect();
    let most = round(means.iter().flatten().copied().fold(1.0, f64::max));
    let bottom = top + HEIGHT;
    let _ = writeln!(
        svg,
        "<path d=\"M{LEFT} {top}V{bottom}H{}\" fill=\"none\" stroke=\"#444\"/>\n<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{most}</text>\n<text x=\"{}\" y=\"{bottom}\" text-anchor=\"end\">0</text>\n<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{} s</text>",
        LEFT + WIDTH,
        LEFT - 6.0,
        top + 10.0,
        LEFT - 6.0,
        LEFT + WIDTH,
        bottom + 15.0,
        seconds.len(),
    );
    let _ = write!(svg, "<text x=\"{LEFT}\" y=\"{}\">{title}:", top - 6.0);
    for (name, colour, _) in lines {
        let _ = write!(svg, " <tspan fill=\"{colour}\">{name}</tspan>");
    }
    svg.push_str("</text>\n");
    for ((_, colour, _), means) in lines.iter().zip(means) {
        let step = WIDTH / f64::from(u32::try_from(means.len().max(2) - 1).unwrap_or(1));
        let points = (0_u32..).zip(&means).map(|(x, mean)| {
            format!("{:.1},{:.1}", LEFT + f64::from(x) * step, bottom - HEIGHT * mean / most)
        });
        let points = points.collect::<Vec<_>>().join(" ");
        let _ = writeln!(svg, "<polyline points=\"{points}\" fill=\"none\" stroke=\"{colour}\"/>");
    }
}

/// The mean of so many seconds at a time.
fn means(seconds: &[Second], each: usize, of: fn(&Second) -> u32) -> Vec<f64> {
    let mean = |some: &[Second]| {
        some.iter().map(|second| f64::from(of(second))).sum::<f64>()
            / f64::from(u32::try_from(some.len()).unwrap_or(1))
    };
    seconds.chunks(each).map(mean).collect()
}

/// The next number that is good to read.
fn round(most: f64) -> f64 {
    let unit = 10_f64.powf(most.log10().floor());
    let step = [1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    let step = step.into_iter().find(|step| step * unit >= most).unwrap_or(10.0);
    (step * unit).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_ends_at_a_round_number() {
        for (most, end) in [(1.0, 1.0), (9.3, 10.0), (10_400.0, 12_000.0), (4_999.0, 5_000.0)] {
            assert!((round(most) - end).abs() < 1e-6, "{most}");
        }
    }

    #[test]
    fn a_long_course_is_drawn_in_means() {
        let seconds: Vec<_> = (0..10).map(|posts| Second { posts, ..Second::default() }).collect();
        assert_eq!(means(&seconds, 4, |second| second.posts), [1.5, 5.5, 8.5]);
    }
}
