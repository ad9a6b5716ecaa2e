//! A target whose rules are broken on purpose: what the transport alone cannot break.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use async_trait::async_trait;
use rowbill_connector::{
    Call, Filter, IdempotencyKey, Inspection, OperationId, Receipt, Request, SendError, Target, TargetInfo,
};

use super::broken::Broken;
use super::world::hold;

/// A target with a broken rule.
pub struct Bent {
    /// The real one.
    pub inner: Arc<dyn Target>,
    /// What is broken.
    pub broken: Broken,
    /// What was encoded last, by operation.
    pub latest: Mutex<HashMap<String, Vec<u8>>>,
}

fn mark(body: &[u8]) -> Option<String> {
    form_urlencoded::parse(body).find(|(name, _)| name == "metadata[rowbill_op]").map(|(_, op)| op.into_owned())
}

#[async_trait]
impl Target for Bent {
    fn encode(&self, call: &Call) -> Request {
        let request = self.inner.encode(call);
        if let Some(op) = mark(&request.body) {
            hold(&self.latest).insert(op, request.body.clone());
        }
        request
    }

    async fn ready(&self, operation: &str) {
        self.inner.ready(operation).await;
    }

    async fn send(&self, request: &Request, key: &IdempotencyKey) -> Result<Receipt, SendError> {
        let latest = mark(&request.body).and_then(|op| hold(&self.latest).get(&op).cloned());
        match latest.filter(|_| self.broken == Broken::EditedUnderOldKey) {
            Some(body) => self.inner.send(&Request { body, ..request.clone() }, key).await,
            None => self.inner.send(request, key).await,
        }
    }

    async fn find(&self, request: &Request, op: &OperationId, since: i64) -> Result<Option<Receipt>, SendError> {
        self.inner.find(request, op, since).await
    }

    async fn get(&self, id: &str) -> Result<Receipt, SendError> {
        self.inner.get(id).await
    }

    async fn list(&self, object: &str, filter: &Filter) -> Result<Vec<Receipt>, SendError> {
        if self.broken == Broken::NoListAfterRestore && filter.email.is_none() {
            return Ok(Vec::new());
        }
        self.inner.list(object, filter).await
    }

    async fn search_ours(&self) -> Result<Option<Vec<Receipt>>, SendError> {
        if self.broken == Broken::NoListAfterRestore {
            return Ok(Some(Vec::new()));
        }
        self.inner.search_ours().await
    }

    async fn delete(&self, id: &str) -> Result<(), SendError> {
        self.inner.delete(id).await
    }

    async fn check(&self) -> Result<TargetInfo, SendError> {
        self.inner.check().await
    }

    async fn inspect(&self) -> Result<Inspection, SendError> {
        self.inner.inspect().await
    }

    fn link(&self, id: &str) -> String {
        self.inner.link(id)
    }

    fn clock(&self) -> Option<SystemTime> {
        if self.broken == Broken::StoppedClock { None } else { self.inner.clock() }
    }
}
