//! SIGINT and SIGTERM: what is under way is finished, the rest waits for the next run. A second one ends it at once.

use std::process::{Child, Command};

use rowbill_stripe_sandbox::{Fault, Rule};

use crate::support::{Output, Project, books, invariants, journal, samples};

fn project() -> Project {
    let project = Project::new();
    project.mapping("customers", samples::CUSTOMERS);
    project.csv("customers", &samples::customers(60));
    project.run(&["ledger", "create"]).exits(0);
    project
}

fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap();
    assert!(status.success());
}

/// A run that has sent so many requests and hangs on the next one.
fn hanging(project: &Project, after: u64) -> Child {
    project.stripe.faults().script(Rule::on("POST /v1/customers", Fault::Hold).counted(after, 1));
    let child = project.spawn(&["run-now", "customers"]);
    journal::until("a held request", || project.stripe.faults().held() == 1);
    child
}

#[test]
fn a_signal_lets_it_finish_what_is_under_way() {
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let project = project();
        // All others wait for longer, so that the signal finds rows that have not begun.
        let slow = Fault::Slow(std::time::Duration::from_millis(300));
        project.stripe.faults().script(Rule::on("POST /v1/customers", slow).counted(0, 1000));
        let child = project.spawn(&["run-now", "customers"]);
        journal::until("the first requests", || !journal::posts(&project.stripe, 0).is_empty());
        signal(&child, name);
        let output = Output::of(&child.wait_with_output().unwrap());
        output.is_well_formed();
        assert_eq!(output.exits(code).report("customers")["result"], "stopped", "{output:#?}");
        let rows = &output.report("customers")["rows"];
        assert!(rows["done"].as_u64() > Some(0) && rows["deferred"].as_u64() > Some(0), "{rows:#}");
        assert_eq!(journal::made(&project.stripe, "customer").len() as u64, rows["done"].as_u64().unwrap());
        assert!(output.problems("customers").iter().all(|problem| problem.ends_with("deferred run.stopped")));
        project.stripe.faults().clear();
        let left = rows["deferred"].clone();
        let run = project.run_all();
        assert_eq!(run.exits(0).report("customers")["rows"]["done"], left);
        books::agree(&project, &["customers"]);
    }
}

#[test]
fn a_second_signal_ends_it_at_once_and_nothing_is_doubled() {
    for after in [0, 10] {
        let project = project();
        let mut child = hanging(&project, after);
        signal(&child, "TERM");
        // The first one must have been taken before the second one counts as such.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
        while child.try_wait().unwrap().is_none() {
            assert!(std::time::Instant::now() < deadline, "it does not end");
            std::thread::park_timeout(std::time::Duration::from_millis(50));
            signal(&child, "TERM");
        }
        assert_eq!(child.wait().unwrap().code(), Some(143));
        project.stripe.faults().release();
        invariants::hold(&project.stripe);
        project.run_all().exits(0);
        assert_eq!(journal::made(&project.stripe, "customer").len(), 60);
        books::agree(&project, &["customers"]);
    }
}

#[test]
fn a_terminated_run_of_several_connections_begins_no_other() {
    let project = project();
    project.mapping("bills", samples::BILLS.replace("E-mail", "Who").as_str());
    project.mapping("items", samples::ITEMS);
    project.csv("bills", "Bill,Who,What,Total\n");
    project.csv("orders", "Order,Customer ID,Total\nA-1,1,10.00\n");
    project.stripe.faults().script(Rule::on("POST /v1/customers", Fault::Hold));
    let child = project.spawn(&["run-now", "--all"]);
    journal::until("a held request", || project.stripe.faults().held() == 1);
    signal(&child, "INT");
    project.stripe.faults().release();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    assert!(project.stripe.objects("invoiceitem").is_empty());
    project.run_all().exits(0);
}
