//! Commands beside a daemon and without one: the same results, the same exit codes, the same books.

use std::time::Duration;

use rowbill_stripe_sandbox::{Fault, Rule};
use serde_json::Value;

use super::customers_of;
use crate::support::{Daemon, Output, Project, books, invariants, person, samples};

/// Two equal projects; a daemon owns the ledger of the second.
struct Twins {
    alone: Project,
    served: Project,
    daemon: Daemon,
}

impl Twins {
    fn new(make: impl Fn() -> Project) -> Self {
        let (alone, served) = (make(), make());
        for project in [&alone, &served] {
            project.run(&["ledger", "create"]).exits(0);
        }
        let daemon = Daemon::start(&served);
        Self { alone, served, daemon }
    }

    /// Does something to both.
    fn both(&self, change: impl Fn(&Project)) {
        change(&self.alone);
        change(&self.served);
    }

    /// Runs a command in both: they tell the same.
    #[track_caller]
    fn run(&self, args: &[&str]) -> Output {
        let [alone, served] = [&self.alone, &self.served].map(|project| project.run(args));
        assert_eq!(plain(&alone.json, &self.alone), plain(&served.json, &self.served), "{args:?}: {served:#?}");
        assert_eq!(alone.code, served.code, "{args:?}: {served:#?}");
        alone
    }

    /// Stops the daemon; the histories and the books agree.
    fn end(self, connections: &[&str]) {
        assert_eq!(self.daemon.stop().0, 143);
        let runs = |project: &Project| {
            let mut runs = project.run(&["runs"]).json["runs"].clone();
            // One of them stands there, whichever came first.
            runs.as_array_mut().unwrap().iter_mut().for_each(|run| run["problems"] = Value::Null);
            plain(&runs, project)
        };
        assert_eq!(runs(&self.alone), runs(&self.served));
        for project in [&self.alone, &self.served] {
            books::agree(project, connections);
        }
    }
}

/// A value without what differs from process to process: ids, times, places.
fn plain(value: &Value, project: &Project) -> Value {
    const OWN: [&str; 8] = ["run", "started_at", "finished_at", "at", "request_id", "id", "because_of", "late_seconds"];
    match value {
        Value::Object(fields) => {
            let field = |(name, value): (&String, &Value)| {
                let is_own = OWN.contains(&name.as_str()) && !value.is_null();
                (name.clone(), if is_own { "…".into() } else { plain(value, project) })
            };
            fields.iter().map(field).collect()
        }
        Value::Array(values) => {
            let mut values: Vec<Value> = values.iter().map(|value| plain(value, project)).collect();
            // Rows are settled side by side: the order of their problems is left to chance.
            values.sort_by_key(|value| value["key"].to_string());
            values.into()
        }
        Value::String(text) => plain_text(text, project).into(),
        other => other.clone(),
    }
}

fn plain_text(text: &str, project: &Project) -> String {
    let text = text.replace(project.root().to_str().unwrap(), "ROOT").replace(&project.stripe.url(), "STRIPE");
    let is_id = |word: &str| ["cus_", "ii_", "in_", "req_", "acct_"].iter().any(|start| word.starts_with(start));
    let mut words = text.split_inclusive(|c: char| !c.is_alphanumeric() && c != '_');
    words.by_ref().map(|word| if is_id(word) { "…" } else { word }).collect()
}

/// One customer that cannot be, an order of a customer that is not there, and one with an amount that is unclear.
fn shop() -> Project {
    let project = Project::new();
    project.mapping("customers", &samples::CUSTOMERS.replace("write_back:", "#"));
    project.mapping("items", samples::ITEMS);
    project.csv("customers", "Customer ID,E-mail,Name\n1,a@example.org,Ann\n2,nobody,Bob\n3,c@example.org,Cid\n");
    project.csv("orders", "Order,Customer ID,Total\nA-1,1,10.00\nA-2,1,1.000\nA-3,9,5.00\nA-4,3,7.00\n");
    project
}

#[test]
fn runs_by_hand_are_the_same() {
    let twins = Twins::new(shop);
    twins.run(&["status"]).exits(0);
    twins.run(&["plan", "--all"]).exits(0);
    twins.run(&["run-now", "customers", "--dry-run"]).exits(0);
    twins.run(&["run-now", "customers", "--only", "3"]).exits(0);
    twins.run(&["run-now", "customers", "--limit", "1"]).exits(3);
    twins.run(&["run-now", "customers", "--only", "77"]).refused(1, &["run.no_such_row"]);
    twins.run(&["run-now", "nobody"]).refused(10, &["config.unknown_connection"]);
    twins.run(&["run-now", "nobody", "customers", "neither"]).exits(10);
    let run = twins.run(&["run-now", "items", "customers"]).exits(3).json.clone();
    assert_eq!((&run[0]["connection"], &run[1]["connection"]), (&"items".into(), &"customers".into()));
    assert_eq!(twins.run(&["run-now", "--all"]).exits(3).tally("customers"), "3 = 2 already_done + 1 failed");
    twins.run(&["status"]).exits(0);
    twins.both(|project| project.edit("data/orders.csv", "A-1,1,10.00", "A-1,1,11.00"));
    let problems = twins.run(&["run-now", "items"]).exits(16).problems("items");
    assert!(problems.contains(&"A-1 needs_review row.changed_after_done".to_owned()), "{problems:?}");
    twins.both(|project| project.csv("orders", "Order,Customer ID,Total\nA-1"));
    twins.run(&["run-now", "items"]).exits(13);
    twins.run(&["run-now", "--all"]).exits(13);
    twins.both(|project| project.mapping("items", &format!("{}limits: {{ new_rows: 1 }}\n", samples::ITEMS)));
    twins.both(|project| project.csv("orders", "Order,Customer ID,Total\nB-1,1,1.00\nB-2,1,1.00\n"));
    twins.run(&["run-now", "items"]).refused(14, &["guard.new_rows"]);
    twins.both(|project| project.key("acme", "sk_live_acme0000000000"));
    twins.run(&["run-now", "customers"]).refused(12, &["stripe.key_mode"]);
    twins.run(&["run-now", "--all"]).refused(12, &["stripe.key_mode"]);
    twins.both(|project| std::fs::remove_file(project.path("acme.key")).unwrap());
    twins.run(&["run-now", "customers"]).exits(10);
    twins.both(|project| project.edit("mappings/items.yaml", "first_run: all", "first_run: al"));
    twins.run(&["run-now", "customers"]).exits(10);
    twins.both(|project| project.edit("mappings/items.yaml", "first_run: al\n", "first_run: all\n"));
    twins.end(&["customers", "items"]);
}

#[test]
fn decisions_about_rows_are_the_same() {
    let twins = Twins::new(shop);
    let rows = |args: &[&str], code: i32| {
        let args = [&["rows"], args].concat();
        twins.run(&args).exits(code);
    };
    twins.run(&["run-now", "--all"]).exits(3);
    rows(&["items"], 0);
    rows(&["items", "--failed"], 0);
    rows(&["items", "A-2"], 0);
    rows(&["nobody"], 10);
    rows(&["items", "no-such-row"], 10);
    rows(&["retry", "items", "A-1"], 1);
    rows(&["retry", "items", "no-such-row"], 10);
    rows(&["retry", "nobody", "A-1"], 10);
    rows(&["accept", "items", "A-1"], 1);
    rows(&["resolve", "items", "A-1", "--none"], 1);
    rows(&["skip", "items", "A-3"], 0);
    rows(&["retry", "items", "A-2"], 0);
    assert_eq!(twins.run(&["run-now", "items"]).exits(3).tally("items"), "4 = 2 already_done + 1 skipped + 1 failed");
    rows(&["retry", "items", "A-3"], 0);
    twins.both(|project| project.edit("data/orders.csv", "A-1,1,10.00", "A-1,1,11.00"));
    twins.run(&["run-now", "items"]).exits(16);
    rows(&["accept", "items", "A-1"], 0);
    assert_eq!(twins.run(&["run-now", "items"]).exits(3).problems("items").len(), 2);
    twins.end(&["customers", "items"]);
}

/// A row whose answer was lost, found in Stripe by the person or not.
fn a_lost_answer_is_resolved_the_same(is_found: bool) {
    let twins = Twins::new(|| {
        let project = Project::new();
        customers_of(&project, "customers", None, "1,a@example.org,Ann\n");
        project.edit("mappings/customers.yaml", "key: [id]", "key: [id]\nwhen_unsure: ask");
        project
    });
    let fault = Fault::FailUncommitted(500);
    twins.both(|project| project.stripe.faults().script(Rule::on("POST /v1/customers", fault.clone())));
    twins.run(&["run-now", "customers"]).exits(5);
    // A daemon's clock goes on by itself: another one takes over seven minutes later.
    let Twins { alone, served, daemon } = twins;
    daemon.stop();
    for project in [&alone, &served] {
        project.advance(Duration::from_mins(7));
    }
    let daemon = Daemon::start(&served);
    let twins = Twins { alone, served, daemon };
    assert_eq!(twins.run(&["run-now", "customers"]).exits(16).problems("customers"), ["1 needs_review row.unsure"]);
    twins.run(&["rows", "retry", "customers", "1"]).exits(1);
    twins.run(&["rows", "resolve", "customers", "1", "--stripe-id", "cus_nobody"]).exits(1);
    if is_found {
        for project in [&twins.alone, &twins.served] {
            let id = person::customer(&project.stripe, "a@example.org");
            project.run(&["rows", "resolve", "customers", "1", "--stripe-id", &id]).exits(0);
        }
    } else {
        twins.run(&["rows", "resolve", "customers", "1", "--none"]).exits(0);
    }
    twins.run(&["run-now", "customers"]).exits(0);
    twins.both(|project| assert_eq!(project.stripe.objects("customer").len(), 1));
    twins.end(&["customers"]);
}

pub fn a_lost_answer_is_found_the_same() {
    a_lost_answer_is_resolved_the_same(true);
}

pub fn a_lost_answer_is_not_found_the_same() {
    a_lost_answer_is_resolved_the_same(false);
}

#[test]
fn pause_resume_and_the_ledger_are_the_same() {
    let twins = Twins::new(|| {
        let project = shop();
        // A time that does not come while the test runs, and is told alike.
        project.mapping("items", &format!("{}schedule: {{ cron: \"0 0 1 1 *\" }}\n", samples::ITEMS));
        project
    });
    // Where a connection stands is first written down by a daemon.
    twins.alone.run(&["resume", "items"]).exits(0);
    for args in [
        &["pause", "customers"][..],
        &["pause", "items"],
        &["pause", "nobody"],
        &["resume", "nobody"],
        &["resume", "customers"],
        &["ledger", "verify"],
        &["ledger", "backup", "copy.db"],
        &["ledger", "create"],
    ] {
        let code = twins.run(args).code;
        let expected = if args.contains(&"nobody") {
            10
        } else if args.contains(&"create") {
            15
        } else {
            0
        };
        assert_eq!(code, expected, "{args:?}");
    }
    let paused = |project: &Project, name| super::standing(project, name)["paused"].clone();
    twins.both(|project| {
        assert_eq!((paused(project, "items"), paused(project, "customers")), (true.into(), false.into()));
    });
    assert_eq!(
        twins.run(&["run-now", "items"]).exits(3).tally("items"),
        "4 = 1 failed + 3 deferred",
        "by hand it runs"
    );
    twins.both(|project| invariants::hold(&project.stripe));
    twins.end(&["customers", "items"]);
}
