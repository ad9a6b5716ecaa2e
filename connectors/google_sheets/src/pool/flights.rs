//! Which readings share an answer: those that wait for the same request, and those that come soon after it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use rowbill_connector::Problem;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Answer;
use crate::{SheetsConfig, a1, problems};

/// How long a request's address may be for its ranges: servers refuse one of more than some 8 KB.
const LONGEST: usize = 6000;

/// What became of each sheet of a flight.
pub(super) type Results = HashMap<String, Result<Arc<Answer>, Problem>>;
/// Where the results of a flight are waited for.
pub(super) type Landing = watch::Receiver<Option<Arc<Results>>>;

/// The requests of a spreadsheet, gathering or on their way, and the answers that may be used again.
#[derive(Debug, Default)]
pub(super) struct Flights {
    under_way: Vec<Flight>,
    kept: HashMap<String, Kept>,
    /// Sheets that are there and were refused all the same: they fly alone, for others would be refused with them.
    apart: HashSet<String>,
    /// How often the spreadsheet was written to: answers from before a write are not used after it.
    writes: u64,
    /// The longest that any source would use an answer.
    longest: Duration,
    next: u64,
}

/// One request for the sheets of all who are aboard.
#[derive(Debug)]
struct Flight {
    number: u64,
    sheets: Vec<String>,
    /// When the last one came aboard.
    called: Instant,
    /// When the request was made, and after how many writes; nothing while others may come aboard.
    sent: Option<(Instant, u64)>,
    is_apart: bool,
    landing: Landing,
}

#[derive(Debug)]
struct Kept {
    answer: Arc<Answer>,
    until: Instant,
}

/// How a reading gets its answer.
pub(super) enum Seat {
    /// It is there.
    Answered(Arc<Answer>),
    /// By a flight that somebody else began.
    Aboard(Landing),
    /// By a flight that it has to begin.
    First(Landing, Departure),
}

/// A flight that gathers, for the task that flies it.
pub(super) struct Departure {
    pub(super) number: u64,
    pub(super) results: watch::Sender<Option<Arc<Results>>>,
}

/// A flight that nobody can board any more.
#[derive(Debug)]
pub(super) struct Departed {
    number: u64,
    pub(super) sheets: Vec<String>,
    pub(super) called: Instant,
    pub(super) begun: Instant,
    writes: u64,
}

impl Flights {
    /// From now on answers are kept for a source that would use them for so long.
    pub(super) fn keep_for(&mut self, max_age: Duration) {
        self.longest = self.longest.max(max_age);
    }

    /// A seat for a reading that begins now.
    pub(super) fn seat(&mut self, config: &SheetsConfig, now: Instant) -> Seat {
        self.forget(now);
        // A flight whose task has ended without a word, as when its runtime was shut down.
        self.under_way.retain(|flight| flight.landing.has_changed().is_ok());
        let SheetsConfig { sheet, max_age, .. } = config;
        let is_young = |begun| !max_age.is_zero() && now.saturating_duration_since(begun) <= *max_age;
        if let Some(kept) = self.kept.get(sheet).filter(|kept| is_young(kept.answer.begun)) {
            return Seat::Answered(Arc::clone(&kept.answer));
        }
        let is_usable = |&(begun, writes): &(Instant, u64)| writes == self.writes && is_young(begun);
        let on_its_way =
            |flight: &&Flight| flight.sheets.contains(sheet) && flight.sent.as_ref().is_some_and(is_usable);
        if let Some(flight) = self.under_way.iter().find(on_its_way) {
            return Seat::Aboard(flight.landing.clone());
        }
        let is_apart = self.apart.contains(sheet);
        if let Some(flight) = self.under_way.iter_mut().find(|flight| flight.takes(sheet, is_apart)) {
            flight.board(sheet, now);
            return Seat::Aboard(flight.landing.clone());
        }
        self.begin(sheet.clone(), is_apart, now)
    }

    fn begin(&mut self, sheet: String, is_apart: bool, now: Instant) -> Seat {
        let (results, landing) = watch::channel(None);
        let number = self.next;
        self.next += 1;
        let landing_too = landing.clone();
        self.under_way.push(Flight { number, sheets: vec![sheet], called: now, sent: None, is_apart, landing });
        Seat::First(landing_too, Departure { number, results })
    }

    /// The request is made now.
    pub(super) fn depart(&mut self, number: u64, now: Instant) -> Option<Departed> {
        let flight = self.under_way.iter_mut().find(|flight| flight.number == number)?;
        flight.sent = Some((now, self.writes));
        let (sheets, called) = (flight.sheets.clone(), flight.called);
        Some(Departed { number, sheets, called, begun: now, writes: self.writes })
    }

    /// Keeps the answers for those who may use them; says when they are to be forgotten.
    pub(super) fn land(&mut self, flight: &Departed, results: &Results, now: Instant) -> Option<Instant> {
        self.under_way.retain(|other| other.number != flight.number);
        for (sheet, result) in results {
            match result {
                Ok(_) => self.apart.remove(sheet),
                Err(problem) => problems::is_refusal(problem) && self.apart.insert(sheet.clone()),
            };
        }
        let until = flight.begun.checked_add(self.longest).filter(|&until| until > now)?;
        if flight.writes != self.writes {
            return None;
        }
        for (sheet, answer) in results.iter().filter_map(|(sheet, result)| Some((sheet, result.as_ref().ok()?))) {
            // A flight that left later may have landed earlier.
            if self.kept.get(sheet).is_none_or(|kept| kept.answer.begun <= answer.begun) {
                self.kept.insert(sheet.clone(), Kept { answer: Arc::clone(answer), until });
            }
        }
        Some(until)
    }

    /// Drops the answers that nobody would use any more.
    pub(super) fn forget(&mut self, now: Instant) {
        self.kept.retain(|_, kept| kept.until > now);
    }

    /// The spreadsheet is written to: what was seen before is not what it holds.
    pub(super) fn outdate(&mut self) {
        self.writes += 1;
        self.kept.clear();
    }
}

impl Flight {
    fn takes(&self, sheet: &String, is_apart: bool) -> bool {
        let is_free = !self.is_apart && !is_apart && self.length() + length(sheet) <= LONGEST;
        self.sent.is_none() && (self.sheets.contains(sheet) || is_free)
    }

    fn board(&mut self, sheet: &String, now: Instant) {
        self.called = now;
        if !self.sheets.contains(sheet) {
            self.sheets.push(sheet.clone());
        }
    }

    fn length(&self) -> usize {
        self.sheets.iter().map(|sheet| length(sheet)).sum()
    }
}

/// How long a sheet's range is in an address, at most.
fn length(sheet: &str) -> usize {
    "&ranges=".len() + 3 * a1::sheet(sheet).len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAX_AGE: Duration = Duration::from_secs(10);

    fn config(sheet: &str, max_age: Duration) -> SheetsConfig {
        SheetsConfig { spreadsheet: "x".into(), sheet: sheet.into(), api_base: None, write: false, max_age }
    }

    fn begun(flights: &mut Flights, sheet: &str, now: Instant) -> Departure {
        match flights.seat(&config(sheet, Duration::ZERO), now) {
            Seat::First(_, departure) => departure,
            _ => panic!("{sheet} should begin a flight"),
        }
    }

    fn is_aboard(flights: &mut Flights, sheet: &str, max_age: Duration, now: Instant) -> bool {
        matches!(flights.seat(&config(sheet, max_age), now), Seat::Aboard(_))
    }

    fn answered(flight: &Departed) -> Results {
        let answer = Arc::new(Answer { values: Arc::default(), zone: None, begun: flight.begun });
        flight.sheets.iter().map(|sheet| (sheet.clone(), Ok(Arc::clone(&answer)))).collect()
    }

    /// Flights that keep answers, and one that has left.
    fn departed(now: Instant) -> (Flights, Departure, Departed) {
        let mut flights = Flights::default();
        flights.keep_for(MAX_AGE);
        let departure = begun(&mut flights, "O", now);
        let flight = flights.depart(departure.number, now).unwrap();
        (flights, departure, flight)
    }

    #[test]
    fn who_asks_for_the_newest_boards_only_what_has_not_left() {
        let now = Instant::now();
        let mut flights = Flights::default();
        let departure = begun(&mut flights, "O", now);
        assert!(is_aboard(&mut flights, "O", Duration::ZERO, now) && is_aboard(&mut flights, "P", Duration::ZERO, now));
        assert_eq!(flights.depart(departure.number, now).unwrap().sheets, ["O", "P"]);
        assert!(is_aboard(&mut flights, "P", MAX_AGE, now + MAX_AGE));
        assert!(!is_aboard(&mut flights, "P", MAX_AGE / 2, now + MAX_AGE));
    }

    #[test]
    fn answers_are_used_and_held_no_longer_than_asked_for() {
        let now = Instant::now();
        let (mut flights, _departure, flight) = departed(now);
        assert_eq!(flights.land(&flight, &answered(&flight), now), Some(now + MAX_AGE));
        let mut is_answered = |max_age, now| matches!(flights.seat(&config("O", max_age), now), Seat::Answered(_));
        assert!(is_answered(MAX_AGE / 2, now + MAX_AGE / 2));
        assert!(!is_answered(MAX_AGE / 2, now + MAX_AGE * 3 / 4) && !is_answered(Duration::ZERO, now));
        // Whoever would use them longer than was known then has to ask.
        flights.keep_for(MAX_AGE * 2);
        flights.forget(now + MAX_AGE);
        assert!(flights.kept.is_empty());
    }

    #[test]
    fn without_sources_that_use_answers_again_none_is_held() {
        let now = Instant::now();
        let mut flights = Flights::default();
        let departure = begun(&mut flights, "O", now);
        let flight = flights.depart(departure.number, now).unwrap();
        assert_eq!(flights.land(&flight, &answered(&flight), now), None);
        assert!(flights.kept.is_empty() && flights.under_way.is_empty());
    }

    #[test]
    fn a_write_outdates_answers_that_are_there_and_that_come() {
        let now = Instant::now();
        let (mut flights, _departure, flight) = departed(now);
        flights.outdate();
        assert!(!is_aboard(&mut flights, "O", MAX_AGE, now));
        assert_eq!(flights.land(&flight, &answered(&flight), now), None);
        let (mut flights, _departure, flight) = departed(now);
        flights.land(&flight, &answered(&flight), now);
        flights.outdate();
        assert!(flights.kept.is_empty());
    }

    #[test]
    fn an_older_answer_does_not_replace_a_newer_one() {
        let now = Instant::now();
        let (mut flights, _departure, older) = departed(now);
        let departure = begun(&mut flights, "O", now);
        let newer = flights.depart(departure.number, now + MAX_AGE / 2).unwrap();
        flights.land(&newer, &answered(&newer), now + MAX_AGE / 2);
        flights.land(&older, &answered(&older), now + MAX_AGE / 2);
        assert_eq!(flights.kept["O"].answer.begun, newer.begun);
    }

    #[test]
    fn a_sheet_that_is_refused_alone_flies_alone() {
        let now = Instant::now();
        let (mut flights, _departure, flight) = departed(now);
        let refused = Err(Problem::new("source.refused", "no"));
        flights.land(&flight, &Results::from([("O".to_owned(), refused)]), now);
        let _others = begun(&mut flights, "P", now);
        let alone = begun(&mut flights, "O", now);
        assert!(is_aboard(&mut flights, "Q", Duration::ZERO, now));
        let flight = flights.depart(alone.number, now).unwrap();
        assert_eq!(flight.sheets, ["O"]);
        flights.land(&flight, &answered(&flight), now);
        assert!(is_aboard(&mut flights, "O", Duration::ZERO, now), "it was answered since");
    }

    #[test]
    fn an_address_does_not_grow_without_end() {
        let now = Instant::now();
        let mut flights = Flights::default();
        let _first = begun(&mut flights, &"a".repeat(100), now);
        let aboard = (0..100).take_while(|at| is_aboard(&mut flights, &format!("{at:0100}"), Duration::ZERO, now));
        assert_eq!(aboard.count(), 18);
    }

    #[test]
    fn a_flight_that_nobody_flies_is_not_boarded() {
        let now = Instant::now();
        let mut flights = Flights::default();
        drop(begun(&mut flights, "O", now));
        let _flown = begun(&mut flights, "O", now);
    }
}
