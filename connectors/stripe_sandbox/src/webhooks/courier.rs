//! The courier: carries letters to the endpoints, one after the other.

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, header, redirect, retry};
use tokio::sync::watch;

use super::post::Letter;
use super::signature;
use crate::engine::Engine;

/// Stripe tries for days; a test has seconds.
const NEXT_TRIES: [Duration; 4] =
    [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(10)];
/// An endpoint that does not answer holds up all letters so long.
const PATIENCE: Duration = Duration::from_secs(5);

pub(crate) struct Courier(Arc<Engine>);

impl Courier {
    pub(crate) fn new(engine: Arc<Engine>) -> Self {
        Self(engine)
    }

    /// Works until told to stop.
    pub(crate) async fn work(self, mut stop: watch::Receiver<bool>) {
        tokio::select! {
            () = self.carry() => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    async fn carry(&self) {
        let mut letters = self.0.post.take().await;
        // A client costs time to make, and most sandboxes never need one.
        let http = client();
        loop {
            for letter in letters {
                let taken = match &http {
                    Ok(http) => self.hand_over(http, &letter).await,
                    Err(_) => false,
                };
                if taken {
                    self.0.post.delivered();
                } else {
                    self.try_again(letter);
                }
            }
            letters = self.0.post.take().await;
        }
    }

    /// Whether the endpoint answered with a 2xx.
    async fn hand_over(&self, http: &Client, letter: &Letter) -> bool {
        let signature = signature(&letter.secret, self.0.clock.unix(), &letter.body);
        let request = http
            .post(&*letter.url)
            .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
            .header(header::USER_AGENT, "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
            .header("stripe-signature", signature)
            .body(letter.body.clone());
        request.send().await.is_ok_and(|answer| answer.status().is_success())
    }

    fn try_again(&self, mut letter: Letter) {
        let wait = NEXT_TRIES.get(letter.tries).copied();
        self.0.post.refused(wait.is_none());
        let Some(wait) = wait else { return };
        letter.tries += 1;
        let post = Arc::clone(&self.0.post);
        tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            post.put_back(letter);
        });
    }
}

fn client() -> reqwest::Result<Client> {
    // Built with the whole workspace, reqwest speaks TLS and wants to know with what.
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Somebody else may have been faster, with the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    let builder = Client::builder().timeout(PATIENCE).redirect(redirect::Policy::none()).retry(retry::never());
    builder.no_proxy().build()
}
