//! Many connections of one account stay under Stripe's limits together.

use std::sync::Arc;
use std::time::Instant;

use rowbill_connector::{SendError, Target};
use rowbill_stripe::{Limits as Ours, StripeTarget};
use rowbill_stripe_sandbox::{Limits, Options};

use crate::support::{config, customer, key, sandbox};

#[tokio::test]
async fn parallel_sends_never_meet_a_limit() {
    let rate = Some(Limits { account: 25, endpoint: 25 });
    let sandbox = sandbox(Options { rate, ..Options::default() });
    let mut config = config(&sandbox.url());
    (config.rate_limit, config.endpoint_rate_limit) = (Ours::usual(false).account, Ours::usual(false).endpoint);
    let target = Arc::new(StripeTarget::new(config).unwrap());
    let (start, mut tasks) = (Instant::now(), tokio::task::JoinSet::new());
    for number in 0..60 {
        let target = Arc::clone(&target);
        tasks.spawn(async move {
            let request = target.encode(&customer(&format!("op{number}"), "a@b.example"));
            target.ready(&request.operation).await;
            target.send(&request, &key(&format!("op{number}"))).await
        });
    }
    let results = tasks.join_all().await;
    let limited = results.iter().filter(|result| matches!(result, Err(SendError::NotSent { .. }))).count();
    assert_eq!((limited, sandbox.objects("customer").len()), (0, 60));
    assert!(start.elapsed().as_millis() >= 2200, "{:?}", start.elapsed());
}
