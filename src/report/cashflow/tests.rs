//! The sums, over books that are written down here.

use jiff::civil::date;
use rowbill_connector::Part;

use super::super::periods::{By, periods};
use super::*;

fn november() -> Vec<Period> {
    periods(date(2026, 11, 1), date(2026, 11, 30), By::Month, &TimeZone::UTC, 1).unwrap()
}

fn at(day: Date) -> i64 {
    day.to_zoned(TimeZone::UTC).unwrap().timestamp().as_second()
}

fn entry(kind: EntryKind, currency: &str, amount: i64, fee: i64) -> Entry {
    let created = at(date(2026, 11, 5));
    let (id, source) = ("txn_1".to_owned(), None);
    let currency = currency.to_owned();
    Entry { id, kind, amount, fee, net: amount - fee, currency, created, available: created, source }
}

fn invoice() -> Owed {
    Owed {
        id: "in_1".to_owned(),
        currency: "eur".to_owned(),
        total: 1000,
        due: 1000,
        finalized: at(date(2026, 11, 5)),
        ..Owed::default()
    }
}

fn flow(owed: Owed) -> Flow {
    let books = Books { owed: vec![owed], ..Books::default() };
    cashflow(&books, &november(), &TimeZone::UTC).unwrap().remove("eur").unwrap_or_default().pop().unwrap_or_default()
}

#[test]
fn every_kind_has_its_place_and_fees_are_together() {
    let entries = vec![
        entry(EntryKind::Charge, "eur", 10_000, 320),
        entry(EntryKind::Refund, "eur", -2000, 0),
        entry(EntryKind::Dispute, "eur", -1000, 1500),
        entry(EntryKind::Fee, "eur", -77, 0),
        entry(EntryKind::Other("topup".to_owned()), "eur", 5, 0),
        entry(EntryKind::Payout, "eur", -3000, 25),
        entry(EntryKind::Charge, "jpy", 500, 45),
    ];
    let books = Books { entries, ..Books::default() };
    let flows = cashflow(&books, &november(), &TimeZone::UTC).unwrap();
    let euros = Flow {
        paid: 10_000,
        fees: -320 - 1500 - 77 - 25,
        refunds: -2000,
        disputes: -1000,
        other: 5,
        paid_out: 3000,
        ..Flow::default()
    };
    assert_eq!(flows["eur"], [euros]);
    assert_eq!(euros.net(), 10_000 - 1922 - 2000 - 1000 + 5);
    assert_eq!(flows["jpy"], [Flow { paid: 500, fees: -45, ..Flow::default() }]);
}

#[test]
fn books_that_do_not_add_up_are_not_printed() {
    let code = |entries| {
        let books = Books { entries, ..Books::default() };
        cashflow(&books, &november(), &TimeZone::UTC).map_err(|problem| problem.code).unwrap_err()
    };
    let wrong = Entry { net: 9_681, ..entry(EntryKind::Charge, "eur", 10_000, 320) };
    assert_eq!(code(vec![wrong]), "report.unbalanced");
    let outside = Entry { created: at(date(2026, 12, 1)), ..entry(EntryKind::Charge, "eur", 10_000, 320) };
    assert_eq!(code(vec![outside.clone()]), "report.unbalanced");
    assert_eq!(code(vec![entry(EntryKind::Charge, "usd", 1, 0), outside]), "report.unbalanced");
    let huge = entry(EntryKind::Charge, "eur", i64::MAX, 0);
    assert_eq!(code(vec![huge.clone(), huge]), "report.unbalanced");
}

#[test]
fn an_invoice_is_open_until_it_is_settled() {
    let day = |day| Some(at(date(2026, 11, day)));
    assert_eq!(flow(invoice()), Flow { invoiced: 1000, open: [1000, 0, 0, 0], ..Flow::default() });
    let later = Some(at(date(2026, 12, 1)));
    for open in [
        Owed { paid: 1000, paid_at: later, ..invoice() },
        Owed { given_up_at: later, ..invoice() },
        Owed { due_by: day(6), ..invoice() },
    ] {
        assert_eq!(flow(open).open, [1000, 0, 0, 0]);
    }
    assert_eq!(flow(Owed { voided_at: later, ..invoice() }), Flow { open: [1000, 0, 0, 0], ..Flow::default() });
    assert_eq!(flow(Owed { voided_at: day(6), ..invoice() }), Flow::default());
    assert_eq!(flow(Owed { given_up_at: day(6), ..invoice() }), Flow { invoiced: 1000, ..Flow::default() });
    assert_eq!(flow(Owed { finalized: at(date(2026, 12, 1)), ..invoice() }), Flow::default());
}

#[test]
fn parts_count_from_when_they_came_in() {
    let part = |day, amount, is_of_target| Part { at: at(day), amount, is_of_target };
    let parts = vec![
        part(date(2026, 11, 6), 300, true),
        part(date(2026, 11, 7), 200, false),
        part(date(2026, 12, 1), 100, true),
    ];
    let open = Owed { paid: 600, parts: parts.clone(), ..invoice() };
    assert_eq!(flow(open), Flow { invoiced: 1000, outside: 200, open: [500, 0, 0, 0], ..Flow::default() });
    // The rest was paid in cash, and the target has no record of it.
    let paid = |at| Owed { paid: 1000, paid_at: Some(at), parts: parts[..2].to_vec(), ..invoice() };
    assert_eq!(
        flow(paid(at(date(2026, 11, 30)))),
        Flow { invoiced: 1000, outside: 200 + 500, open: [0; 4], ..Flow::default() }
    );
    assert_eq!(
        flow(paid(at(date(2026, 12, 1)))),
        Flow { invoiced: 1000, outside: 200, open: [500, 0, 0, 0], ..Flow::default() }
    );
}

#[test]
fn ages_are_days_since_the_invoice() {
    for (day, class) in [
        (date(2026, 11, 30), 0),
        (date(2026, 10, 31), 0),
        (date(2026, 10, 30), 1),
        (date(2026, 10, 1), 1),
        (date(2026, 9, 30), 2),
        (date(2026, 9, 1), 2),
        (date(2026, 8, 31), 3),
        (date(2020, 1, 1), 3),
    ] {
        let mut open = [0; 4];
        open[class] = 1000;
        assert_eq!(flow(Owed { finalized: at(day), ..invoice() }).open, open, "{day}");
    }
}

#[test]
fn days_are_those_of_the_zone() {
    let zone = TimeZone::get("Europe/Kyiv").unwrap();
    let days = periods(date(2026, 10, 24), date(2026, 10, 26), By::Day, &zone, 3).unwrap();
    // Clocks go back on the 25th: the day has 25 hours, and its last second is 21:59:59 UTC.
    let last = date(2026, 10, 25).at(21, 59, 59, 0).to_zoned(TimeZone::UTC).unwrap().timestamp().as_second();
    let on = |created| Entry { created, ..entry(EntryKind::Charge, "eur", 100, 0) };
    let entries = vec![on(last), on(last + 1), on(days[1].from), on(days[1].from - 1)];
    let flows = cashflow(&Books { entries, ..Books::default() }, &days, &zone).unwrap();
    let paid: Vec<i64> = flows["eur"].iter().map(|flow| flow.paid).collect();
    assert_eq!(paid, [100, 200, 100]);
}

#[test]
fn money_on_its_way_is_of_the_payout() {
    let payout = |is_on_its_way| Payout {
        id: "po_1".to_owned(),
        amount: 400,
        currency: "eur".to_owned(),
        created: at(date(2026, 11, 5)),
        arrival: at(date(2026, 11, 9)),
        is_on_its_way,
    };
    let books = Books { payouts: vec![payout(true), payout(false)], ..Books::default() };
    let flows = cashflow(&books, &november(), &TimeZone::UTC).unwrap();
    assert_eq!(flows["eur"], [Flow { on_its_way: 400, ..Flow::default() }]);
}
