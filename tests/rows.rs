//! Single rows: duplicates, refusals, `rows retry | skip`, `--only`, `--limit`, `only_if`, `first_run`.

use rowbill_stripe_sandbox::{Fault, Rule};

use crate::support::{Project, books, journal, person, samples};

fn customers(mapping: &str, csv: &str) -> Project {
    let project = Project::new();
    project.mapping("customers", mapping);
    project.csv("customers", &format!("Customer ID,E-mail,Name\n{csv}"));
    project
}

fn with_duplicates(rule: &str) -> Project {
    let mapping = format!("{}duplicates: {rule}\n", samples::CUSTOMERS);
    customers(&mapping, "1,a@example.org,First\n2,b@example.org,Bob\n1,a@example.org,Last\n")
}

fn names(project: &Project) -> Vec<String> {
    let mut names: Vec<_> =
        project.stripe.objects("customer").iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn rows_with_one_key_fail_with_both_numbers() {
    let run_of = |project: &Project| {
        let run = project.run_all();
        assert_eq!(run.exits(3).tally("customers"), "3 = 1 done + 2 failed");
        assert_eq!(run.problems("customers"), ["1 failed row.same_key"; 2]);
        let problems = run.report("customers")["problems"].as_array().unwrap().clone();
        let at = |n: usize| (problems[n]["where"]["row"].clone(), problems[n]["message"].as_str().unwrap().to_owned());
        assert_eq!((at(0).0, at(1).0), (2.into(), 4.into()));
        assert!(at(0).1.contains('4') && at(1).1.contains('2'), "{problems:#?}");
        assert_eq!(names(project), ["Bob"]);
    };
    run_of(&customers(samples::CUSTOMERS, "1,a@example.org,First\n2,b@example.org,Bob\n1,a@example.org,Last\n"));
    // `same` takes identical rows only.
    run_of(&with_duplicates("same"));
}

#[test]
fn the_first_or_the_last_of_them_counts_when_told() {
    for (rule, names_made) in [("first", ["Bob", "First"]), ("last", ["Bob", "Last"])] {
        let project = with_duplicates(rule);
        assert_eq!(project.run_all().exits(0).tally("customers"), "3 = 2 done + 1 skipped", "{rule}");
        assert_eq!(names(&project), names_made);
        assert_eq!(project.run_all().exits(0).tally("customers"), "3 = 2 already_done + 1 skipped", "{rule}");
    }
}

#[test]
fn identical_rows_are_one_operation_when_told() {
    let mapping = format!("{}duplicates: same\n", samples::CUSTOMERS);
    let project = customers(&mapping, "1,a@example.org,Ann\n2,b@example.org,Bob\n1,A@example.org,Ann\n");
    assert_eq!(project.run_all().exits(0).tally("customers"), "3 = 3 done");
    assert_eq!(names(&project), ["Ann", "Bob"]);
    assert_eq!(project.run_all().exits(0).tally("customers"), "3 = 3 already_done");
}

#[test]
fn a_refused_row_is_not_sent_again_until_it_changes() {
    let project = customers(samples::CUSTOMERS, "1,a@example.org,Ann\n2,b@example.org,Bob\n");
    project.stripe.faults().script(Rule::on("POST /v1/customers", Fault::RejectBefore(400)).counted(0, 1));
    let run = project.run_all();
    assert_eq!(run.exits(3).tally("customers"), "2 = 1 done + 1 failed");
    let key = run.report("customers")["problems"][0]["key"][0].as_str().unwrap().to_owned();
    let mark = project.mark();
    for _ in 0..2 {
        let run = project.run_all();
        assert_eq!(run.exits(3).tally("customers"), "2 = 1 already_done + 1 failed");
        assert!(run.report("customers")["problems"][0]["message"].is_string());
    }
    assert_eq!(project.posts_since(mark), [""; 0], "a definite refusal stays until the row changes");
    let name = if key == "1" { "Ann" } else { "Bob" };
    project.edit("data/customers.csv", name, "Changed");
    assert_eq!(project.run_all().exits(0).tally("customers"), "2 = 1 done + 1 already_done");
    assert_eq!(project.posts_since(mark).len(), 1);
}

#[test]
fn a_refused_row_is_tried_again_or_left_out_when_a_person_says_so() {
    for (word, after) in [("retry", "2 = 1 done + 1 already_done"), ("skip", "2 = 1 already_done + 1 skipped")] {
        let project = customers(samples::CUSTOMERS, "1,a@example.org,Ann\n2,b@example.org,Bob\n");
        project.stripe.faults().script(Rule::on("POST /v1/customers", Fault::RejectBefore(402)).counted(0, 1));
        let run = project.run_all();
        let key = run.exits(3).report("customers")["problems"][0]["key"][0].as_str().unwrap().to_owned();
        assert_eq!(project.row("customers", &key)["state"], "failed");
        project.run(&["rows", word, "customers", &key]).exits(0);
        assert_eq!(project.run_all().exits(0).tally("customers"), after, "{word}");
        let keys: Vec<_> = journal::posts(&project.stripe, 0).into_iter().map(|post| post.key.unwrap()).collect();
        let count = if word == "retry" { 3 } else { 2 };
        assert_eq!(keys.len(), count, "a new try has a new key: {keys:?}");
        assert_eq!(keys.iter().collect::<std::collections::BTreeSet<_>>().len(), count);
    }
}

#[test]
fn a_skipped_row_can_be_taken_up_again() {
    let project = customers(samples::CUSTOMERS, "1,a@example.org,Ann\n");
    project.stripe.faults().script(Rule::on("POST /v1/customers", Fault::RejectBefore(402)).counted(0, 1));
    project.run_all().exits(3);
    project.run(&["rows", "skip", "customers", "1"]).exits(0);
    project.run_all().exits(0);
    project.run(&["rows", "retry", "customers", "1"]).exits(0);
    assert_eq!(project.run_all().exits(0).tally("customers"), "1 = 1 done");
}

#[test]
fn decisions_on_rows_that_need_none_are_refused() {
    let project = customers(samples::CUSTOMERS, "1,a@example.org,Ann\n");
    project.run_all().exits(0);
    for args in [
        &["rows", "retry", "customers", "1"][..],
        &["rows", "skip", "customers", "1"],
        &["rows", "accept", "customers", "1"],
        &["rows", "resolve", "customers", "1", "--none"],
        &["rows", "retry", "customers", "no-such-row"],
    ] {
        let output = project.run(args);
        assert_ne!(output.code, 0, "{args:?}: {output:#?}");
        assert_eq!(output.json["result"], "refused", "{args:?}");
    }
    assert_eq!(project.run_all().exits(0).tally("customers"), "1 = 1 already_done");
}

#[test]
fn only_one_row_is_sent() {
    let project = customers(samples::CUSTOMERS, "1,a@example.org,Ann\n2,b@example.org,Bob\n3,c@example.org,Cid\n");
    let run = project.run(&["run-now", "customers", "--only", "2"]);
    assert_eq!(run.exits(0).tally("customers"), "1 = 1 done");
    assert_eq!(names(&project), ["Bob"]);
    assert_eq!(project.run_all().exits(0).tally("customers"), "3 = 2 done + 1 already_done");
}

#[test]
fn a_limit_leaves_the_rest_for_the_next_run() {
    let project = customers(samples::CUSTOMERS, "1,a@example.org,Ann\n2,b@example.org,Bob\n3,c@example.org,Cid\n");
    let run = project.run(&["run-now", "customers", "--limit", "2"]);
    assert_eq!(run.exits(5).tally("customers"), "3 = 2 done + 1 deferred");
    assert_eq!(run.problems("customers"), ["3 deferred run.limit"]);
    assert_eq!(project.run_all().exits(0).tally("customers"), "3 = 1 done + 2 already_done");
}

#[test]
fn rows_that_do_not_meet_the_condition_are_skipped_until_they_do() {
    let mapping = format!("{}only_if: ${{{{ row.name != \"\" }}}}\n", samples::CUSTOMERS);
    let project = customers(&mapping, "1,a@example.org,Ann\n2,b@example.org,\n");
    assert_eq!(project.run_all().exits(0).tally("customers"), "2 = 1 done + 1 skipped");
    project.edit("data/customers.csv", "2,b@example.org,", "2,b@example.org,Bob");
    assert_eq!(project.run_all().exits(0).tally("customers"), "2 = 1 done + 1 already_done");
    assert_eq!(names(&project), ["Ann", "Bob"]);
}

#[test]
fn rows_that_were_there_before_the_first_run_are_never_billed() {
    let mapping = samples::CUSTOMERS.replace("first_run: all", "first_run: only_new");
    let project = customers(&mapping, "1,a@example.org,Ann\n2,b@example.org,Bob\n");
    assert_eq!(project.run(&["plan", "customers"]).would("customers"), "2 already_done");
    assert_eq!(project.run_all().exits(0).tally("customers"), "2 = 2 already_done");
    assert_eq!(project.posts_since(0), [""; 0]);
    project
        .csv("customers", "Customer ID,E-mail,Name\n1,a@example.org,Anna\n2,b@example.org,Bob\n3,c@example.org,Cid\n");
    assert_eq!(project.run_all().exits(0).tally("customers"), "3 = 1 done + 2 already_done");
    assert_eq!(names(&project), ["Cid"]);
    assert_eq!(project.row("customers", "1")["state"], "already_there");
}

#[test]
fn a_bad_row_fails_alone_and_is_sent_once_it_is_mended() {
    let project = customers(samples::CUSTOMERS, "1,a@example.org,Ann\n2,nobody,Bob\n,c@example.org,Cid\n");
    let run = project.run_all();
    assert_eq!(run.exits(3).tally("customers"), "3 = 1 done + 2 failed");
    assert_eq!(run.problems("customers"), ["2 failed row.not_an_email", " failed row.required_empty"]);
    project.edit("data/customers.csv", "nobody", "bob@example.org");
    project.edit("data/customers.csv", "\n,c@", "\n3,c@");
    assert_eq!(project.run_all().exits(0).tally("customers"), "3 = 2 done + 1 already_done");
}

#[test]
fn a_person_resolves_a_row_whose_answer_was_lost() {
    for found in [true, false] {
        let mapping = format!("{}when_unsure: ask\n", samples::CUSTOMERS);
        let project = customers(&mapping, "1,a@example.org,Ann\n");
        project.stripe.faults().script(Rule::on("POST /v1/customers", Fault::FailUncommitted(500)).counted(0, 1));
        let run = project.run_all();
        assert_eq!(run.exits(5).tally("customers"), "1 = 1 deferred");
        project.advance(std::time::Duration::from_mins(7));
        let run = project.run_all();
        assert_eq!(run.exits(16).problems("customers"), ["1 needs_review row.unsure"]);
        let refused = project.run(&["rows", "retry", "customers", "1"]);
        assert_ne!(refused.code, 0, "only a look into Stripe tells: {refused:#?}");
        if found {
            let wrong = project.run(&["rows", "resolve", "customers", "1", "--stripe-id", "cus_nobody"]);
            assert_ne!(wrong.code, 0, "an id that is not there: {wrong:#?}");
            let id = person::customer(&project.stripe, "a@example.org");
            project.run(&["rows", "resolve", "customers", "1", "--stripe-id", &id]).exits(0);
            assert_eq!(project.run_all().exits(0).tally("customers"), "1 = 1 already_done");
            assert_eq!(project.row("customers", "1")["objects"][0]["id"], id);
        } else {
            project.run(&["rows", "resolve", "customers", "1", "--none"]).exits(0);
            assert_eq!(project.run_all().exits(0).tally("customers"), "1 = 1 done");
            books::agree(&project, &["customers"]);
        }
        assert_eq!(project.stripe.objects("customer").len(), 1);
    }
}
