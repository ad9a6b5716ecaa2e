//! The report as a picture: bars of what was paid, what was left of it and what went to the bank, one chart for each
//! currency of each account. Whole numbers only: lengths are hundredths of a pixel.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use rowbill_connector::Currency;

use super::{Flow, Period, Report, total};
use crate::mapping::money::display;

const WIDTH: i64 = 96_000;
const MARGIN: i64 = 2_000;
/// One chart, with its heading and the days below it.
const CHART: i64 = 24_000;
const HEADING: i64 = 3_500;
const BARS: i64 = 17_000;

/// A bar: its name, its colour, and how long it is.
type Bar = (&'static str, &'static str, fn(&Flow) -> i64);

const SHOWN: [Bar; 3] = [
    ("paid", "#6c8ebf", |flow| flow.paid),
    ("net", "#2e7d4f", Flow::net),
    ("paid out", "#b0a08a", |flow| flow.paid_out),
];

/// The whole picture.
pub fn svg(report: &Report, currencies: &BTreeMap<String, Currency>) -> String {
    let mut charts = String::new();
    let mut top = 0;
    for account in &report.accounts {
        for (code, flows) in &account.currencies {
            let money = |minor: i64| display(minor, code, currencies);
            let sum = total(flows);
            let _ = writeln!(charts, "<g transform=\"translate(0 {top})\">");
            let heading = escaped(&format!("{}  {}", account.name, code.to_uppercase()));
            let legend = SHOWN.iter().map(|(name, colour, of)| {
                let told = escaped(&format!("■ {name} {}", money(of(&sum))));
                format!("<tspan fill=\"{colour}\" dx=\"1200\">{told}</tspan>")
            });
            text(&mut charts, MARGIN, "start", HEADING / 2, &legend.fold(heading, |all, one| all + &one));
            chart(&mut charts, &report.periods, flows, &money);
            charts.push_str("</g>\n");
            top += CHART;
        }
    }
    let (height, title) = (top.max(CHART), format!("Cash flow, {} to {}", report.from, report.to));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{}\" height=\"{}\" \
         font-family=\"sans-serif\" font-size=\"1300\">\n<title>{}</title>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n{charts}</svg>\n",
        WIDTH / 100,
        height / 100,
        escaped(&title)
    )
}

fn chart(out: &mut String, periods: &[Period], flows: &[Flow], money: &dyn Fn(i64) -> String) {
    let amounts = || flows.iter().flat_map(|flow| SHOWN.iter().map(move |(_, _, of)| of(flow)));
    let (high, low) = (amounts().max().unwrap_or(0).max(0), amounts().min().unwrap_or(0).min(0));
    text(out, WIDTH - MARGIN, "end", HEADING / 2, &escaped(&format!("highest {}", money(high))));
    let zero = HEADING + length(high, high, low);
    let count = i64::try_from(flows.len()).unwrap_or(i64::MAX).max(1);
    let step = (WIDTH - 2 * MARGIN) / count;
    let width = (step / 4).max(1);
    for (index, (period, flow)) in (0..).zip(periods.iter().zip(flows)) {
        for (nth, (name, colour, of)) in (0..).zip(SHOWN) {
            let amount = of(flow);
            let (size, x) = (length(amount, high, low), MARGIN + index * step + nth * width);
            let y = if amount < 0 { zero } else { zero - size };
            let what = escaped(&format!("{} {name} {}", days(period), money(amount)));
            let _ = writeln!(
                out,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{size}\" fill=\"{colour}\"><title>{what}</title></rect>"
            );
        }
    }
    let _ = writeln!(
        out,
        "<line x1=\"{MARGIN}\" y1=\"{zero}\" x2=\"{}\" y2=\"{zero}\" stroke=\"#444444\" stroke-width=\"60\"/>",
        WIDTH - MARGIN
    );
    if let (Some(first), Some(last)) = (periods.first(), periods.last()) {
        let below = HEADING + BARS + 2_000;
        text(out, MARGIN, "start", below, &days(first));
        if periods.len() > 1 {
            text(out, WIDTH - MARGIN, "end", below, &days(last));
        }
    }
}

/// How long a bar is, when the longest upwards and downwards are to fill the chart.
fn length(amount: i64, high: i64, low: i64) -> i64 {
    let span = i128::from(high) - i128::from(low);
    if span == 0 {
        return 0;
    }
    i64::try_from(i128::from(amount).abs() * i128::from(BARS) / span).unwrap_or(BARS)
}

fn days(period: &Period) -> String {
    if period.first == period.last { period.first.to_string() } else { format!("{} to {}", period.first, period.last) }
}

/// A line of text; what it says is escaped already.
fn text(out: &mut String, x: i64, anchor: &str, y: i64, what: &str) {
    let _ = writeln!(out, "<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{what}</text>");
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_fill_the_chart_and_no_more() {
        for (high, low) in [(1, 0), (100, -100), (i64::MAX, i64::MIN), (0, -7)] {
            assert!(length(high, high, low) + length(low, high, low) <= BARS, "{high} {low}");
        }
        assert_eq!(length(0, 0, 0), 0);
        assert_eq!(length(50, 100, 0), BARS / 2);
    }

    #[test]
    fn texts_cannot_leave_their_place() {
        assert_eq!(escaped("<a href=\"x\">&'\u{1b}"), "&lt;a href=&quot;x&quot;&gt;&amp;&apos;");
    }
}
