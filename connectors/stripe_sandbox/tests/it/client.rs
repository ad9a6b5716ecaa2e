//! A bare HTTP client for the tests.

use std::net::{Ipv4Addr, SocketAddr};

use reqwest::Method;
use rowbill_stripe_sandbox::{Entry, ObjectEntry, Options, RequestEntry, Sandbox};
use serde_json::Value;

/// A sandbox and a client with a key.
#[derive(Clone)]
pub struct Stripe {
    pub sandbox: Sandbox,
    pub key: String,
    http: reqwest::Client,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    pub fn id(&self) -> &str {
        assert_eq!(self.status, 200, "{self:?}");
        self.body["id"].as_str().unwrap()
    }

    /// Status, code (or type, where there is no code) and parameter of an error.
    pub fn error(&self) -> (u16, &str, &str) {
        let error = &self.body["error"];
        let name = error["code"].as_str().or_else(|| error["type"].as_str());
        (self.status, name.unwrap_or_default(), error["param"].as_str().unwrap_or_default())
    }

    pub fn data(&self) -> &Vec<Value> {
        assert_eq!(self.status, 200, "{self:?}");
        self.body["data"].as_array().unwrap()
    }

    pub fn ids(&self) -> Vec<&str> {
        self.data().iter().map(|each| each["id"].as_str().unwrap()).collect()
    }
}

impl Stripe {
    pub fn start() -> Self {
        Self::with(Options::default())
    }

    pub fn with(options: Options) -> Self {
        // Built with the whole workspace, reqwest speaks TLS and wants to know with what, although no test here does.
        drop(rustls::crypto::ring::default_provider().install_default());
        let sandbox = Sandbox::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), options).unwrap();
        Self { sandbox, key: "sk_test_it".into(), http: reqwest::Client::new() }
    }

    pub fn with_key(&self, key: &str) -> Self {
        Self { key: key.into(), ..self.clone() }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, "", None).await.unwrap()
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send(Method::DELETE, path, "", None).await.unwrap()
    }

    pub async fn post(&self, path: &str, form: &str) -> Answer {
        self.send(Method::POST, path, form, None).await.unwrap()
    }

    pub async fn keyed(&self, path: &str, form: &str, key: &str) -> Answer {
        self.try_keyed(path, form, key).await.unwrap()
    }

    pub async fn try_keyed(&self, path: &str, form: &str, key: &str) -> reqwest::Result<Answer> {
        self.send(Method::POST, path, form, Some(key)).await
    }

    async fn send(&self, method: Method, path: &str, form: &str, key: Option<&str>) -> reqwest::Result<Answer> {
        let url = format!("{}{path}", self.sandbox.url());
        let mut request = self.http.request(method, url).header("authorization", format!("Bearer {}", self.key));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let response = request.body(form.to_owned()).send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = serde_json::from_slice(&response.bytes().await?).unwrap_or_default();
        Ok(Answer { status, headers, body })
    }

    /// A customer with an e-mail.
    pub async fn customer(&self) -> String {
        self.post("/v1/customers", "email=ann@example.org&name=Ann").await.id().to_owned()
    }

    /// A pending item in euros.
    pub async fn item(&self, customer: &str, amount: i64) -> String {
        let form = format!("customer={customer}&amount={amount}&currency=eur");
        self.post("/v1/invoiceitems", &form).await.id().to_owned()
    }

    /// A draft in euros.
    pub async fn draft(&self, customer: &str) -> String {
        self.post("/v1/invoices", &format!("customer={customer}&currency=eur")).await.id().to_owned()
    }

    /// The committed changes, as the journal has them.
    pub fn changes(&self) -> Vec<ObjectEntry> {
        let object = |entry| {
            if let Entry::Object(entry) = entry { Some(entry) } else { None }
        };
        self.sandbox.journal().into_iter().filter_map(object).collect()
    }

    pub fn requests(&self) -> Vec<RequestEntry> {
        let request = |entry| {
            if let Entry::Request(entry) = entry { Some(entry) } else { None }
        };
        self.sandbox.journal().into_iter().filter_map(request).collect()
    }
}
