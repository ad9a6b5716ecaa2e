//! What a hostile review proved: orders that are killed, mappings that change while an order waits, and crowds.

use rowbill_stripe_sandbox::{Fault, Rule};

use crate::support::{Daemon, Output, Project, books, invariants, journal, samples};

/// What was to run after another is owed, also when a person began it and it never came to its end.
#[test]
fn a_killed_order_is_made_up_for() {
    let project = Project::new();
    project.mapping("customers", samples::CUSTOMERS);
    project.mapping("items", &format!("{}schedule: {{ after: customers }}\n", samples::ITEMS));
    project.csv("customers", &samples::customers(3));
    project.csv("orders", "Order,Customer ID,Total\nA-1,1,12.50\nA-2,2,7.00\nA-3,3,1.00\n");
    project.stripe.faults().script(Rule::on("POST /v1/invoiceitems", Fault::Hold));
    let daemon = Daemon::start(&project);
    let mut order = project.spawn(&["run-now", "customers", "--with-after"]);
    journal::until("a held request", || project.stripe.faults().held() == 1);
    daemon.kill();
    project.stripe.faults().clear();
    project.stripe.faults().release();
    assert_eq!(order.wait().unwrap().code(), Some(11));
    let daemon = Daemon::start(&project);
    daemon.run("items", 0);
    let began = daemon.until("run_started", |line| line["connection"] == "items");
    assert_eq!(began["trigger"], "after", "it is due anyway, and that run makes up for it: {began:#}");
    daemon.stop();
    invariants::hold(&project.stripe);
    books::agree(&project, &["customers", "items"]);
    assert_eq!(books::ours(&project.stripe, "invoiceitem").len(), 3);
}

/// A correction that is in the files before an order begins counts for it.
#[test]
fn an_order_that_waited_takes_the_mapping_as_it_is_now() {
    let project = Project::new();
    project.mapping("customers", samples::CUSTOMERS);
    project.csv("customers", &samples::customers(1));
    project.stripe.faults().script(Rule::on("POST /v1/customers", Fault::Hold).counted(0, 1));
    let daemon = Daemon::start(&project);
    let first = project.spawn(&["run-now", "customers"]);
    journal::until("a held request", || project.stripe.faults().held() == 1);
    let second = project.spawn(&["run-now", "customers"]);
    // It has asked, and waits: a daemon answers questions in their order.
    project.run_beside(&["status"]).exits(0);
    project.csv("customers", &samples::customers(2));
    project.edit("mappings/customers.yaml", "name: ${{ row.name }}", "name: Dear ${{ row.name }}");
    daemon.until("configuration_read", |_| true);
    project.stripe.faults().release();
    assert_eq!(Output::of(&first.wait_with_output().unwrap()).code, 0);
    Output::of(&second.wait_with_output().unwrap()).exits(0);
    daemon.stop();
    let names: Vec<String> =
        books::ours(&project.stripe, "customer").values().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
    assert!(names.contains(&"Dear Customer 2".to_owned()), "{names:?}");
}

/// More are due than can run at once: nobody is always the last.
#[test]
fn in_a_crowd_everybody_comes_to_run() {
    let project = Project::new();
    let name = |nth: u32| format!("c{nth:02}");
    for nth in 0..40 {
        let mapping =
            samples::CUSTOMERS.replace("write_back: { status: \"Billing status\", stripe_id: \"Stripe ID\" }\n", "");
        project.mapping(&name(nth), &format!("{mapping}schedule: {{ every: 1s }}\n"));
    }
    project.csv("customers", &samples::customers(1));
    let slow = Fault::Slow(std::time::Duration::from_millis(1500));
    project.stripe.faults().script(Rule::on("POST /v1/customers", slow).counted(0, 1000));
    let daemon = Daemon::start(&project);
    for nth in 0..40 {
        daemon.run(&name(nth), 0);
    }
    daemon.stop();
}
