//! Runs when they are due: intervals, run-after, overlap, downtime.

use crate::support::{Daemon, Project, books, samples};

/// Customers every so often, then items.
pub fn chain(every: &str) -> Project {
    let project = Project::new();
    project.mapping("customers", &format!("{}schedule: {{ every: {every} }}\n", samples::CUSTOMERS));
    project.mapping("items", &format!("{}schedule: {{ after: customers }}\n", samples::ITEMS));
    project.csv("customers", &samples::customers(3));
    project.csv("orders", "Order,Customer ID,Total\nA-1,1,12.50\nA-2,2,7.00\n");
    project
}

#[test]
fn items_run_after_customers() {
    let project = chain("1h");
    let daemon = Daemon::start(&project);
    let (customers, items) = (daemon.run("customers", 0), daemon.run("items", 0));
    assert_eq!((&customers["done"], &items["done"]), (&3.into(), &2.into()), "{:#?}", daemon.log());
    assert_eq!(daemon.until("run_started", |line| line["connection"] == "items")["trigger"], "after");
    let (code, _) = daemon.stop();
    assert_eq!(code, 143);
    books::agree(&project, &["customers", "items"]);
}
