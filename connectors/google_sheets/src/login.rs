//! The service account that asks.

use std::fmt;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use google_sheets4::common::{self, GetToken};
use google_sheets4::hyper_util::client::legacy::{Builder, Client, connect::HttpConnector};
use google_sheets4::hyper_util::rt::TokioExecutor;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use rowbill_connector::Problem;
use tokio::sync::OnceCell;
use yup_oauth2::authenticator::Authenticator;
use yup_oauth2::client::CustomHyperClientBuilder;
use yup_oauth2::{ServiceAccountAuthenticator, ServiceAccountKey};

use crate::problems;

/// How requests reach Google.
pub(crate) type Connector = HttpsConnector<HttpConnector>;

/// How long Google may take to give a token.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(30);

/// A service account with its connections and tokens. Clones share them.
#[derive(Clone)]
pub struct Login(Arc<Inner>);

struct Inner {
    key: ServiceAccountKey,
    connector: Connector,
    client: common::Client<Connector>,
    tokens: OnceCell<Authenticator<Connector>>,
    /// The API has refused a token that looked good.
    distrusted: AtomicBool,
}

/// Gives the tokens of a login to the generated client.
#[derive(Clone)]
pub(crate) struct Tokens {
    login: Login,
    authenticator: Authenticator<Connector>,
}

impl Login {
    /// Reads a service account's key file. `display` is the path as a person wrote it.
    pub fn open(path: &Path, display: &str) -> Result<Self, Problem> {
        let text = std::fs::read(path).map_err(|error| problems::login_unreadable(display, &error))?;
        // What the parser says may quote the key: it is not passed on.
        let key = yup_oauth2::parse_service_account_key(text).map_err(|_| problems::login_not_a_key(display))?;
        if !is_https_or_loopback(&key.token_uri) {
            return Err(problems::login_insecure(display));
        }
        let connector = connector();
        let client = builder().build(connector.clone());
        Ok(Self(Arc::new(Inner {
            key,
            connector,
            client,
            tokens: OnceCell::new(),
            distrusted: AtomicBool::new(false),
        })))
    }

    /// The account's address, with which sheets are shared.
    pub fn email(&self) -> &str {
        &self.0.key.client_email
    }

    pub(crate) fn client(&self) -> common::Client<Connector> {
        self.0.client.clone()
    }

    /// What gives tokens and keeps them until they expire.
    pub(crate) async fn tokens(&self) -> Result<Tokens, Problem> {
        let make = async || {
            let client = CustomHyperClientBuilder::from(builder().build(self.0.connector.clone()));
            let flow = ServiceAccountAuthenticator::with_client(self.0.key.clone(), client);
            flow.with_timeout(TOKEN_TIMEOUT).build().await
        };
        let authenticator = self.0.tokens.get_or_try_init(make).await;
        let authenticator = authenticator.cloned().map_err(|_| problems::login_unusable(self.email()))?;
        Ok(Tokens { login: self.clone(), authenticator })
    }

    /// The next call fetches a new token, even when the one at hand has not expired.
    pub(crate) fn distrust_token(&self) {
        self.0.distrusted.store(true, Ordering::Relaxed);
    }
}

impl Tokens {
    async fn fetch(&self, scopes: &[&str]) -> Result<String, yup_oauth2::Error> {
        let refused = self.login.0.distrusted.swap(false, Ordering::Relaxed);
        if !refused && let Some(token) = self.authenticator.token(scopes).await?.token() {
            return Ok(token.to_owned());
        }
        // An answer without a token would be kept as if it were one that never expires.
        let token = self.authenticator.force_refreshed_token(scopes).await?;
        token.token().map(str::to_owned).ok_or(yup_oauth2::Error::MissingAccessToken)
    }
}

impl GetToken for Tokens {
    fn get_token<'a>(
        &'a self,
        scopes: &'a [&str],
    ) -> Pin<Box<dyn Future<Output = Result<Option<String>, Box<dyn std::error::Error + Send + Sync>>> + Send + 'a>>
    {
        Box::pin(async move { Ok(Some(self.fetch(scopes).await?)) })
    }
}

/// The key and the tokens are not shown.
impl fmt::Debug for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Login").field("email", &self.email()).finish_non_exhaustive()
    }
}

fn builder() -> Builder {
    Client::builder(TokioExecutor::new())
}

/// The machine's certificates, or the ones built in where the machine has none (small containers).
fn connector() -> Connector {
    let ring = rustls::crypto::ring::default_provider;
    let schemes = HttpsConnectorBuilder::new().with_provider_and_native_roots(ring()).unwrap_or_else(|_| {
        let built_in = HttpsConnectorBuilder::new().with_provider_and_webpki_roots(ring());
        built_in.expect("ring speaks the protocol versions of TLS that are built in")
    });
    schemes.https_or_http().enable_http1().build()
}

/// Whether nobody on the way could read what is sent there.
pub(crate) fn is_https_or_loopback(address: &str) -> bool {
    let Some(rest) = address.strip_prefix("http://") else {
        return address.starts_with("https://");
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let port = authority.rfind(':').filter(|_| !authority.ends_with(']'));
    let host = &authority[..port.unwrap_or(authority.len())];
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_https_or_loopback;

    #[test]
    fn plain_http_stays_on_the_machine() {
        for good in [
            "https://oauth2.googleapis.com/token",
            "http://127.0.0.1:8080/token",
            "http://[::1]:80/",
            "http://[::1]",
            "http://localhost/",
        ] {
            assert!(is_https_or_loopback(good), "{good}");
        }
        for bad in
            ["http://example.org/", "http://127.0.0.1.example.org/", "http://127.0.0.1@example.org/", "ftp://x", ""]
        {
            assert!(!is_https_or_loopback(bad), "{bad}");
        }
    }
}
