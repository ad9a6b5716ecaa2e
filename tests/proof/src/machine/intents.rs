//! The rule that everything else stands on: the intent is on the disk before the first byte leaves.

use std::path::Path;

use rowbill::ledger::Ledger;
use rowbill::ledger::sqlite::SqliteLedger;
use rowbill::protocol::State;
use rowbill_connector::OperationId;
use rowbill_stripe_sandbox::{RequestEntry, Sandbox};

use super::RUNTIME;
use crate::journal;

/// Every POST so far has its intent in this ledger, with the very bytes.
pub fn of_all_posts(stripe: &Sandbox, ledger: &Path) {
    let posts = journal::posts(stripe, 0);
    if posts.is_empty() {
        return;
    }
    let keys: Vec<(OperationId, u32)> = posts.iter().map(operation).collect();
    let ids: Vec<OperationId> = keys.iter().map(|(id, _)| id.clone()).collect();
    let records = RUNTIME.block_on(async {
        let ledger = SqliteLedger::open_read_only(ledger).await?;
        let records = ledger.operations(&ids).await;
        ledger.close().await;
        records
    });
    let records = records.unwrap_or_else(|problem| panic!("{} requests were sent, and {problem:?}", posts.len()));
    for ((post, (_, generation)), record) in posts.iter().zip(keys).zip(records) {
        let Some(record) = record else { panic!("sent without a durable intent: {post:#?}") };
        if let State::Intent(intent) = record.state {
            assert!(generation <= intent.generation, "sent before its generation was durable: {post:#?}");
            let is_other = generation == intent.generation && (record.body != post.body || record.path != post.path);
            assert!(!is_other, "sent other bytes than the intent has: {post:#?} {record:#?}");
        }
    }
}

/// What an idempotency key is made of.
fn operation(post: &RequestEntry) -> (OperationId, u32) {
    let parts = post.key.as_deref().and_then(|key| key.strip_prefix("rowbill-1-")?.rsplit_once('-'));
    let parts = parts.and_then(|(id, generation)| Some((OperationId(id.to_owned()), generation.parse().ok()?)));
    parts.unwrap_or_else(|| panic!("a key of another form: {post:#?}"))
}
