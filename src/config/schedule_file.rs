//! Reads `schedule:` into a [`Schedule`].

use jiff::tz::TimeZone;
use rowbill_connector::Problem;

use super::file::File;
use super::mapping_file::{elements, texts};
use super::settings::zone_advice;
use super::shape::parse_duration;
use super::yaml::Node;
use crate::schedule::{Clock, Days, Schedule, Trigger, parse_cron, parse_days, parse_time};

/// Reads a schedule whose shape is right.
pub fn read(file: &File, node: &Node, problems: &mut Vec<Problem>) -> Option<Schedule> {
    let mut reader = Reader { file, node, problems };
    reader.belongs();
    let zone = node.get("timezone").and_then(|zone| reader.zone(zone));
    let catch_up = reader.text("missed") != Some("skip");
    let written = reader.written();
    Some(Schedule { trigger: reader.trigger()?, zone, catch_up, written })
}

/// Whether a cron line has a day in any year.
fn comes(trigger: &Trigger) -> bool {
    let (trigger, written) = (trigger.clone(), String::new());
    let schedule = Schedule { trigger, zone: None, catch_up: true, written };
    let clock = Clock { schedule: &schedule, zone: &TimeZone::UTC, name: "", since: 0 };
    clock.next(0).is_some()
}

struct Reader<'a> {
    file: &'a File,
    node: &'a Node,
    problems: &'a mut Vec<Problem>,
}

impl<'a> Reader<'a> {
    fn text(&self, key: &str) -> Option<&'a str> {
        self.node.get(key).and_then(Node::text)
    }

    fn seconds(&self, key: &str) -> Option<u64> {
        self.text(key).and_then(parse_duration)
    }

    fn trigger(&mut self) -> Option<Trigger> {
        if let Some(seconds) = self.seconds("every") {
            let jitter = self.seconds("jitter").unwrap_or(0);
            if let Some(at) = self.node.get("jitter").filter(|_| jitter >= seconds) {
                let message = "the delay of `jitter` is as long as the interval of `every`".to_owned();
                self.tell(at, "config.schedule", message, "make it shorter than the interval");
            }
            return Some(Trigger::Every { seconds, jitter });
        }
        if let Some(cron) = self.node.get("cron") {
            return self.cron(cron);
        }
        if let Some(at) = self.node.get("at") {
            return self.at(at);
        }
        let names = texts(Some(self.node.get("after")?));
        Some(Trigger::After { names, succeeded: self.text("when") != Some("finished"), within: self.seconds("within") })
    }

    fn cron(&mut self, node: &Node) -> Option<Trigger> {
        match parse_cron(node.text()?) {
            Ok(trigger) if comes(&trigger) => Some(trigger),
            Ok(_) => {
                let message = format!("`{}` names a day that never comes", node.text()?);
                self.tell(node, "config.cron", message, "check its day and month");
                None
            }
            Err(reason) => {
                let message = format!("`{}` is not a cron line: {reason}", node.text()?);
                self.tell(
                    node,
                    "config.cron",
                    message,
                    "five fields: minute hour day month weekday, such as \"0 9 * * mon-fri\"",
                );
                None
            }
        }
    }

    fn at(&mut self, node: &Node) -> Option<Trigger> {
        let mut times = Vec::new();
        for element in elements(node) {
            let text = element.text().unwrap_or_default();
            match parse_time(text) {
                Some(time) => times.push(time),
                None => self.tell(
                    element,
                    "config.time",
                    format!("`{text}` is not a clock time"),
                    "write hours and minutes: \"09:00\"",
                ),
            }
        }
        let days = match self.node.get("days") {
            None => Days::All,
            Some(days) => parse_days(days.text()?).map(Days::Week).or_else(|| {
                let message = format!("`{}` are not days", days.text().unwrap_or_default());
                self.tell(days, "config.days", message, "write such as mon-fri or mon,thu");
                None
            })?,
        };
        times.sort_unstable();
        Some(Trigger::At { times, days })
    }

    /// The schedule in a line, without what is the default.
    fn written(&self) -> String {
        let words = |key: &str| {
            let texts = texts(self.node.get(key)).join(", ");
            (!texts.is_empty()).then_some(texts)
        };
        let head = ["every", "at", "cron", "after"].into_iter().find_map(|key| Some(format!("{key} {}", words(key)?)));
        let mut written = head.unwrap_or_default();
        for (key, before) in [("jitter", "jitter "), ("days", ""), ("within", "within "), ("timezone", "")] {
            if let Some(text) = words(key) {
                written = format!("{written} {before}{text}");
            }
        }
        if self.text("when") == Some("finished") { format!("{written}, even when they fail") } else { written }
    }

    fn zone(&mut self, node: &Node) -> Option<TimeZone> {
        let name = node.text()?;
        TimeZone::get(name).ok().or_else(|| {
            self.tell(node, "config.timezone", format!("`{name}` is not a time zone"), &zone_advice(name));
            None
        })
    }

    /// Settings that mean nothing for this kind of schedule are mistakes.
    fn belongs(&mut self) {
        for (key, with) in [("jitter", "every"), ("days", "at"), ("when", "after"), ("within", "after")] {
            if let (Some(at), None) = (self.node.get(key), self.node.get(with)) {
                self.tell(at, "config.schedule", format!("`{key}` goes with `{with}`"), "take it out");
            }
        }
    }

    fn tell(&mut self, node: &Node, code: &str, message: String, advice: &str) {
        let problem = Problem::new(code, message).advise(advice);
        self.problems.push(self.file.place(node.at, problem));
    }
}
