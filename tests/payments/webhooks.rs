//! The webhook receiver of the daemon.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use reqwest::Client;
use rowbill_stripe_sandbox::{Steering, signature};
use serde_json::{Value, json};

use super::{VISA, billed, invoice, row, written};
use crate::clients;
use crate::support::{Daemon, Project, RUNTIME, person};

const SECRET: &str = "whsec_test_of_the_account";

static HTTP: LazyLock<Client> = LazyLock::new(|| {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
});

/// A daemon that receives, and its address.
fn receiving(project: &mut Project) -> (Daemon, String) {
    let stripe = project.stripe.clone();
    project.account("acme", &stripe, "webhook_secrets: [{ file: acme.whsec }]");
    project.write("acme.whsec", SECRET);
    let settings = project.read("rowbill.yaml");
    project.write("rowbill.yaml", &format!("{settings}daemon: {{ webhooks: 127.0.0.1:0 }}\n"));
    let daemon = Daemon::start(project);
    let address = daemon.until("receiving", |_| true)["address"].as_str().unwrap().to_owned();
    (daemon, format!("http://{address}/webhooks/stripe/acme"))
}

/// Has the sandbox deliver there, signed with the endpoint's own secret.
fn registered(project: &Project, url: &str) {
    let endpoint = person::post(&project.stripe, "/v1/webhook_endpoints", &format!("url={url}&enabled_events[0]=*"));
    project.write("acme.whsec", endpoint["secret"].as_str().unwrap());
}

/// Delivers a body by hand; the status.
fn deliver(url: &str, header: &str, body: &str) -> u16 {
    let request = HTTP.post(url).header("stripe-signature", header).body(body.to_owned());
    RUNTIME.block_on(async { request.send().await.unwrap().status().as_u16() })
}

fn now(project: &Project) -> i64 {
    let now = project.stripe.clock().now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_secs()).unwrap()
}

/// Every event of the account, as it would be delivered.
fn events(project: &Project) -> Vec<Value> {
    project.stripe.objects("event")
}

#[track_caller]
fn eventually(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_mins(1);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::yield_now();
    }
}

#[test]
fn a_payment_is_shown_in_the_sheet() {
    let mut project = billed();
    let (daemon, url) = receiving(&mut project);
    registered(&project, &url);
    project.stripe.pay(&invoice(&project, 0), VISA, None).unwrap();
    daemon.until("payment", |line| line["state"] == "paid");
    eventually("the results", || written(&project, "Payment", 0) == "paid");
    assert_eq!(row(&project, 0)["payment"], "paid");
    assert_eq!(daemon.stop().0, 143);
}

#[test]
fn repeated_reordered_and_lost_deliveries_come_to_the_same() {
    let mut project = billed();
    let (daemon, url) = receiving(&mut project);
    registered(&project, &url);
    let stripe = project.stripe.clone();
    stripe.steer_webhooks(Steering { hold: Some(true), repeat: Some(3), reorder_seed: Some(7), lose: Some(5) });
    let first = invoice(&project, 0);
    stripe.pay(&first, "4000000000000002", None).unwrap();
    let paid = stripe.pay(&first, VISA, None).unwrap();
    person::post(&stripe, "/v1/refunds", &format!("charge={}&amount=100", paid["charge"].as_str().unwrap()));
    stripe.steer_webhooks(Steering { hold: Some(false), ..Steering::default() });
    eventually("all deliveries", || stripe.deliveries().pending == 0);
    assert_eq!(stripe.deliveries().failed, 0, "{:?}", stripe.deliveries());
    daemon.until("payment", |line| line["state"] == "part_refunded");
    // Each is told once.
    let told = daemon.told("delivered");
    let mut ids: Vec<&str> = told.iter().map(|line| line["event"].as_str().unwrap()).collect();
    ids.sort_unstable();
    let all = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), all);
}

#[test]
fn what_is_not_signed_for_this_account_changes_nothing() {
    let mut project = billed();
    project.stripe.pay(&invoice(&project, 0), VISA, None).unwrap();
    let (daemon, url) = receiving(&mut project);
    let event = events(&project).into_iter().find(|event| event["type"] == "invoice.paid").unwrap();
    let body = event.to_string();
    let time = now(&project);
    let good = signature(SECRET, time, body.as_bytes());
    let live = json!({ "livemode": true, "object": "event", "id": "evt_live", "type": "invoice.paid", "created": time,
        "data": event["data"] })
    .to_string();
    let foreign = body.replacen('{', "{\"account\":\"acct_other\",", 1);
    for (header, body, status) in [
        (String::new(), body.as_str(), 400),
        ("t=1,v1=00".to_owned(), &body, 400),
        (signature("whsec_other", time, body.as_bytes()), &body, 400),
        (signature(SECRET, time - 301, body.as_bytes()), &body, 400),
        (signature(SECRET, time + 400, body.as_bytes()), &body, 400),
        (good.replace("v1=", "v0="), &body, 400),
        (good.clone(), &body.replace("invoice.paid", "invoice.void"), 400),
        (signature(SECRET, time, b"not json"), "not json", 400),
        (signature(SECRET, time, live.as_bytes()), &live, 400),
        (signature(SECRET, time, foreign.as_bytes()), &foreign, 400),
    ] {
        assert_eq!(deliver(&url, &header, body), status, "{header} {body}");
    }
    assert_eq!(deliver(&url.replace("/acme", "/other"), &good, &body), 404);
    assert_eq!(deliver(&url.replace("/webhooks", "/other"), &good, &body), 404);
    assert_eq!(deliver(&url, &good, &" ".repeat(1024 * 1024 + 1)), 413);
    assert_eq!(daemon.told("delivered"), [Value::Null; 0]);
    assert_eq!(row(&project, 0)["payment"], Value::Null);
    assert_eq!(deliver(&url, &good, &body), 200);
    daemon.until("payment", |line| line["state"] == "paid");
    // The secret is in no line of the log.
    assert!(!format!("{:?}", daemon.log()).contains("whsec"), "{:#?}", daemon.log());
}

/// What an official SDK says of a body: `sign SECRET TIME`, or `check SECRET HEADER`.
fn sdk((program, script): &(String, PathBuf), args: [&str; 3], body: &str) -> String {
    let mut command = Command::new(program);
    command.arg(script).args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn signatures_are_those_of_the_official_clients() {
    let Some(signers) = clients::signers() else { return };
    let mut project = billed();
    project.stripe.pay(&invoice(&project, 0), VISA, None).unwrap();
    let (daemon, url) = receiving(&mut project);
    let bodies: Vec<String> = events(&project).iter().map(Value::to_string).collect();
    for (signer, body) in signers.iter().zip(&bodies) {
        let time = now(&project);
        // Theirs are accepted, and ours by them.
        let theirs = sdk(signer, ["sign", SECRET, &time.to_string()], body);
        assert_eq!(deliver(&url, &theirs, body), 200, "{theirs}");
        let event: Value = serde_json::from_str(body).unwrap();
        let ours = rowbill_stripe::sign(SECRET, time, body.as_bytes());
        assert_eq!(ours, theirs);
        assert_eq!(sdk(signer, ["check", SECRET, &ours], body), event["id"].as_str().unwrap());
    }
    assert_eq!(daemon.told("delivered").len(), signers.len());
}

#[test]
fn a_secret_is_replaced_without_losing_an_event() {
    let mut project = billed();
    project.stripe.pay(&invoice(&project, 0), VISA, None).unwrap();
    let (_daemon, url) = receiving(&mut project);
    let bodies: Vec<String> = events(&project).iter().map(Value::to_string).collect();
    let settings = project.read("rowbill.yaml");
    project.write("new.whsec", "whsec_new");
    let both = "[{ file: acme.whsec }, { file: new.whsec }]";
    project.write("rowbill.yaml", &settings.replace("[{ file: acme.whsec }]", both));
    eventually("both secrets", || {
        deliver(&url, &signature("whsec_new", now(&project), bodies[0].as_bytes()), &bodies[0]) == 200
    });
    assert_eq!(deliver(&url, &signature(SECRET, now(&project), bodies[1].as_bytes()), &bodies[1]), 200);
}

#[test]
fn a_kill_in_a_burst_loses_nothing() {
    let mut project = billed();
    let (daemon, url) = receiving(&mut project);
    let time = now(&project);
    let template = events(&project)[0].clone();
    let bodies: Vec<String> = (0..300)
        .map(|nth| {
            let mut event = template.clone();
            event["id"] = json!(format!("evt_burst{nth:04}"));
            event.to_string()
        })
        .collect();
    // As Stripe does: what was not answered with a 200 comes again.
    let port = url.split(':').nth(2).unwrap().split('/').next().unwrap().to_owned();
    let settings = project.read("rowbill.yaml");
    project.write("rowbill.yaml", &settings.replace("127.0.0.1:0", &format!("127.0.0.1:{port}")));
    let sending = std::thread::spawn(move || {
        RUNTIME.block_on(async {
            let sends = bodies.iter().map(async |body| {
                let header = signature(SECRET, time, body.as_bytes());
                loop {
                    let request = HTTP.post(&url).header("stripe-signature", &header).body(body.clone());
                    match request.send().await {
                        Ok(answer) if answer.status() == 200 => return,
                        _ => tokio::time::sleep(Duration::from_millis(20)).await,
                    }
                }
            });
            futures::future::join_all(sends).await;
        });
    });
    daemon.until("delivered", |_| true);
    daemon.kill();
    let daemon = Daemon::start(&project);
    sending.join().unwrap();
    assert_eq!(daemon.stop().0, 143);
    let known = project.run(&["webhooks", "status", "acme"]).json["accounts"][0]["events"].clone();
    assert_eq!(
        known["applied"].as_u64().unwrap() + known["ignored"].as_u64().unwrap() + known["pending"].as_u64().unwrap(),
        300
    );
}
