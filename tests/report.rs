//! The cash-flow report: the same numbers as in Stripe's own books, to the minor unit.

mod command;
mod month;
mod scheduled;

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use rowbill_stripe_sandbox::Options;
use serde_json::{Value, json};

use crate::support::project::sandbox;
use crate::support::{Project, person};
use month::{CURRENCIES, Month, VISA, advance_to, invoice, today};

/// Per currency and name.
type Sums = BTreeMap<(String, &'static str), i64>;

const NAMES: [&str; 9] = ["invoiced", "paid", "fees", "refunds", "disputes", "other", "net", "paid_out", "off_stripe"];

fn report(project: &Project, args: &[&str]) -> Value {
    project.run_beside(&[&["report", "cashflow"], args].concat()).exits(0).json.clone()
}

/// The sandbox's own objects.
struct Objects {
    txns: Vec<Value>,
    invoices: Vec<Value>,
}

/// What they come to, on the days that are asked for. Nothing of rowbill's is used.
fn books(objects: &Objects, month: &Month, holds: &dyn Fn(i64) -> bool) -> Sums {
    let mut sums = Sums::new();
    let mut add = |object: &Value, name: &'static str, amount: i64| {
        *sums.entry((object["currency"].as_str().unwrap().to_owned(), name)).or_default() += amount;
    };
    let number = |object: &Value, name: &str| object[name].as_i64().unwrap();
    for txn in objects.txns.iter().filter(|txn| holds(number(txn, "created"))) {
        let (amount, fee) = (number(txn, "amount"), number(txn, "fee"));
        add(txn, "fees", -fee);
        match txn["type"].as_str().unwrap() {
            "charge" => add(txn, "paid", amount),
            "refund" | "refund_failure" => add(txn, "refunds", amount),
            "adjustment" => add(txn, "disputes", amount),
            "payout" | "payout_failure" => add(txn, "paid_out", -amount),
            other => panic!("{other}"),
        }
        if !txn["type"].as_str().unwrap().starts_with("payout") {
            add(txn, "net", number(txn, "net"));
        }
    }
    for invoice in objects.invoices.iter().filter(|invoice| invoice["status"] != "void") {
        if holds(invoice["status_transitions"]["finalized_at"].as_i64().unwrap()) {
            add(invoice, "invoiced", number(invoice, "total"));
        }
    }
    for (_, currency, amount) in month.cash.iter().filter(|(at, ..)| holds(*at)) {
        *sums.entry((currency.clone(), "off_stripe")).or_default() += amount;
    }
    sums.retain(|_, sum| *sum != 0);
    sums
}

/// What a report says, of its totals or of its periods by their index.
fn said(report: &Value, of: &dyn Fn(&Value) -> Value) -> Sums {
    let mut sums = Sums::new();
    for currency in report["accounts"][0]["currencies"].as_array().unwrap() {
        let amounts = of(currency);
        for name in NAMES {
            sums.insert((currency["currency"].as_str().unwrap().to_owned(), name), amounts[name].as_i64().unwrap());
        }
    }
    sums.retain(|_, sum| *sum != 0);
    sums
}

fn range(month: &Month) -> [String; 4] {
    ["--from".to_owned(), month.first.to_string(), "--to".to_owned(), month.last.to_string()]
}

#[test]
fn a_month_in_five_currencies_is_that_of_the_books() {
    let month = Month::play(20);
    let range = range(&month);
    let of_month = |more: &[&'static str]| {
        let args: Vec<&str> = range.iter().map(String::as_str).chain(more.iter().copied()).collect();
        report(&month.project, &args)
    };
    let whole = of_month(&[]);
    let stripe = &month.project.stripe;
    let objects = Objects { txns: stripe.objects("balance_transaction"), invoices: stripe.objects("invoice") };
    let books_of_month = books(&objects, &month, &|at| month.holds(at));
    assert_eq!(said(&whole, &|currency| currency["total"].clone()), books_of_month);
    // Everything happened, in every currency.
    for currency in CURRENCIES {
        for name in NAMES.into_iter().filter(|name| *name != "other") {
            assert!(
                books_of_month.contains_key(&(currency.to_owned(), name)),
                "{currency} {name}: {books_of_month:#?}"
            );
        }
    }
    // What was open when the month ended, though much of it was settled since.
    let mut open = BTreeMap::new();
    for currency in whole["accounts"][0]["currencies"].as_array().unwrap() {
        let code = currency["currency"].as_str().unwrap().to_owned();
        for (class, name) in ["0_30", "31_60", "61_90", "over_90"].into_iter().enumerate() {
            open.insert((code.clone(), class), currency["total"]["open"][name].as_i64().unwrap());
        }
    }
    open.retain(|_, amount| *amount != 0);
    assert_eq!(open, month.open);
    assert_eq!(open.len(), 4 * CURRENCIES.len(), "every age in every currency: {open:?}");

    // Every day and every week is that of the books, too, and they come to the same.
    for by in ["day", "week", "month"] {
        let cut = of_month(&["--by", by]);
        assert_eq!(said(&cut, &|currency| currency["total"].clone()), books_of_month, "{by}");
        let periods = cut["accounts"][0]["currencies"][0]["periods"].as_array().unwrap();
        let day = |period: &Value, name: &str| period[name].as_str().unwrap().parse::<Date>().unwrap();
        for (index, period) in periods.iter().enumerate() {
            let (first, last) = (day(period, "from"), day(period, "to"));
            let theirs = books(&objects, &month, &|at| (first..=last).contains(&month.date(at)));
            assert_eq!(said(&cut, &|currency| currency["periods"][index].clone()), theirs, "{first} to {last}");
        }
        assert_eq!((day(&periods[0], "from"), day(periods.last().unwrap(), "to")), (month.first, month.last), "{by}");
    }
    in_other_forms(&month, &books_of_month);
}

/// The CSV comes to the same; text and picture name each currency apart.
fn in_other_forms(month: &Month, books: &Sums) {
    let range = range(month);
    let print = |form: &str| {
        let args = ["report", "cashflow", "--by", "week", "-o", form];
        let args: Vec<&str> = args.into_iter().chain(range.iter().map(String::as_str)).collect();
        let output = month.project.command(&args).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:#?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let table = print("csv");
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let header = reader.headers().unwrap().clone();
    let mut sums = Sums::new();
    for record in reader.records().map(Result::unwrap) {
        let code = record[3].to_lowercase();
        for name in NAMES {
            let cell = &record[header.iter().position(|header| header == name).unwrap()];
            let decimals = cell.split_once('.').map_or(0, |(_, decimals)| decimals.len());
            assert_eq!(
                decimals,
                match code.as_str() {
                    "jpy" => 0,
                    "kwd" => 3,
                    _ => 2,
                },
                "{cell}"
            );
            *sums.entry((code.clone(), name)).or_default() += cell.replace('.', "").parse::<i64>().unwrap();
        }
    }
    sums.retain(|_, sum| *sum != 0);
    assert_eq!(&sums, books);

    let text = print("text");
    let headings: Vec<&str> = text.lines().filter(|line| line.len() == 5).map(str::trim).collect();
    assert_eq!(headings, ["EUR", "HUF", "JPY", "KWD", "USD"], "{text}");
    assert_eq!(text.lines().filter(|line| line.trim().starts_with("total")).count(), CURRENCIES.len(), "{text}");
    let picture = print("svg");
    assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"));
    assert_eq!(picture.matches("<g ").count(), CURRENCIES.len());
}

#[test]
fn days_are_those_of_the_zone_when_clocks_change() {
    let project = Project::new();
    let zone = TimeZone::get("Europe/Kyiv").unwrap();
    let now = Timestamp::from_second(project.stripe.clock().unix()).unwrap();
    let change = zone.following(now).next().unwrap().timestamp().to_zoned(zone.clone()).date();
    let begin = |day: Date| day.to_zoned(zone.clone()).unwrap().timestamp().as_second();
    let (start, end) = (begin(change), begin(change.tomorrow().unwrap()));
    assert_ne!(end - start, 24 * 3600);
    let customer = person::customer(&project.stripe, "fay@example.org");
    for (at, amount) in [(start - 600, 1000), (start + 600, 2000), (end - 600, 3000), (end + 600, 4000)] {
        advance_to(&project, at);
        project.stripe.pay(&invoice(&project.stripe, &customer, "eur", amount), VISA, None).unwrap();
    }
    let (from, to) = (change.yesterday().unwrap().to_string(), change.tomorrow().unwrap().to_string());
    let told = report(&project, &["--from", &from, "--to", &to, "--by", "day"]);
    assert_eq!(told["timezone"], "Europe/Kyiv");
    let periods = told["accounts"][0]["currencies"][0]["periods"].as_array().unwrap();
    let paid: Vec<&Value> = periods.iter().map(|period| &period["paid"]).collect();
    assert_eq!(paid, [1000, 5000, 4000]);
}

#[test]
fn accounts_are_apart_and_old_invoices_are_found() {
    let mut project = Project::new();
    let other = sandbox(Options::default());
    project.account("other", &other, "");
    let customer = |stripe| person::customer(stripe, "fay@example.org");
    let (ours, theirs) = (customer(&project.stripe), customer(&other));
    // One is open for two years and paid in part, one is paid in cash after them.
    let open = invoice(&project.stripe, &ours, "eur", 7000);
    project.stripe.pay(&open, VISA, Some(1000)).unwrap();
    let paid = invoice(&project.stripe, &ours, "eur", 500);
    project.advance(std::time::Duration::from_hours(2 * 366 * 24));
    person::post(&project.stripe, &format!("/v1/invoices/{paid}/pay"), "paid_out_of_band=true");
    project.stripe.pay(&invoice(&other, &theirs, "eur", 900), VISA, None).unwrap_err();
    other.pay(&invoice(&other, &theirs, "eur", 900), VISA, None).unwrap();

    let told = report(&project, &[]);
    let zone = TimeZone::get("Europe/Kyiv").unwrap();
    let today = today(&project.stripe, &zone);
    assert_eq!((&told["from"], &told["to"]), (&json!(today.first_of_month().to_string()), &json!(today.to_string())));
    let total = |told: &Value, account: usize| told["accounts"][account]["currencies"][0]["total"].clone();
    let (first, second) = (total(&told, 0), total(&told, 1));
    assert_eq!((&first["invoiced"], &first["open"]["over_90"]), (&json!(0), &json!(6000)));
    assert_eq!(
        (&second["invoiced"], &second["paid"], &second["open"]["total"]),
        (&json!(1800), &json!(900), &json!(900))
    );
    // Made more than a year before and not open: it is found where it is looked for.
    assert_eq!(first["off_stripe"], 0);
    let since = today.checked_sub(3.years()).unwrap().to_string();
    let told = report(&project, &["--account", "acme", "--invoices-since", &since]);
    assert_eq!(told["accounts"].as_array().unwrap().len(), 1);
    assert_eq!(total(&told, 0)["off_stripe"], 500);
}
