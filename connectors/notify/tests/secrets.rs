//! URLs and passwords show up nowhere.

use std::fmt::Debug;

use rowbill_notify::{Email, Healthchecks, Webhook};

use crate::support::{SECRET, mail_to, patient, problem};

fn shows_no_secret(what: &impl Debug) {
    let text = format!("{what:?} {what:#?}");
    assert!(!text.contains("CANARY") && !text.contains("hooks.example"), "{text}");
}

#[test]
fn debug_shows_no_secret() {
    let url = format!("https://hooks.example/{SECRET}").into();
    shows_no_secret(&Webhook::new(&url, patient()).unwrap());
    shows_no_secret(&Healthchecks::new(&url, patient()).unwrap());
    shows_no_secret(&mail_to(25));
    shows_no_secret(&Email::new(mail_to(25), patient()).unwrap());
}

#[test]
fn a_url_that_is_refused_is_not_shown() {
    for base in ["http://hooks.example", "ftp://hooks.example", "hooks.example", "https://hooks.example:99999"] {
        let url = format!("{base}/{SECRET}").into();
        let refused =
            [problem(Webhook::new(&url, patient()).map(drop)), problem(Healthchecks::new(&url, patient()).map(drop))];
        for problem in refused {
            assert_eq!(problem.code, "notify.url");
            shows_no_secret(&problem);
        }
    }
}
