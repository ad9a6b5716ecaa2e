//! Connections that run at the same time, in one account.

use std::collections::BTreeSet;
use std::time::Duration;

use rowbill_stripe_sandbox::{Fault, Rule};

use crate::support::{Daemon, Project, books, invariants, samples};

/// Each looks for the customer and makes one if there is none: only one of them may.
#[test]
fn two_connections_make_one_customer_of_one_email() {
    let project = Project::new();
    let people: Vec<String> = (1..=8).map(|id| format!("B-{id},d{id}@example.org,Work,{id}0.00")).collect();
    for name in ["bills", "fees", "dues"] {
        let mapping = samples::BILLS.replace("data/bills.csv", &format!("data/{name}.csv"));
        project.mapping(name, &format!("{mapping}schedule: {{ every: 1h }}\n"));
        let rows = std::iter::once("Bill,E-mail,What,Total".to_owned()).chain(people.iter().cloned());
        project.csv(name, &samples::lines(rows));
    }
    // All of them have looked before the first one has made any.
    let slow = Fault::Slow(Duration::from_millis(100));
    project.stripe.faults().script(Rule::on("POST /v1/customers", slow).counted(0, 1000));
    let daemon = Daemon::start(&project);
    for name in ["bills", "fees", "dues"] {
        assert_eq!(daemon.run(name, 0)["done"], 8, "{:#?}", daemon.log());
    }
    daemon.stop();
    invariants::hold(&project.stripe);
    let customers = books::ours(&project.stripe, "customer");
    let emails: BTreeSet<String> = customers.values().map(|one| one["email"].to_string()).collect();
    assert_eq!((customers.len(), emails.len()), (8, 8), "{emails:?}");
    assert_eq!(books::ours(&project.stripe, "invoice").len(), 24);
}
