//! The post office: letters that wait, and the count of those that were sent.

use std::sync::Arc;

use axum::body::Bytes;
use axum::http::Uri;
use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use tokio::sync::Notify;

use super::{Deliveries, Steering};
use crate::lock::Lock;
use crate::store::event::Cause;
use crate::store::{Kind, Store, at};

/// An event for one endpoint.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    pub(super) url: Arc<str>,
    pub(super) secret: Arc<str>,
    pub(super) body: Bytes,
    /// Tries so far.
    pub(super) tries: usize,
}

#[derive(Debug)]
pub(crate) struct Post {
    /// A sandbox without a server delivers nothing.
    open: bool,
    desk: Lock<Desk>,
    bell: Notify,
}

#[derive(Debug, Default)]
struct Desk {
    waiting: Vec<Letter>,
    /// Taken and not yet settled.
    under_way: u64,
    counts: Deliveries,
    repeat: u32,
    reorder: Option<SmallRng>,
    held: bool,
    lose: u32,
}

impl Post {
    pub(crate) fn new(open: bool) -> Self {
        Self { open, desk: Lock::new(Desk { repeat: 1, ..Desk::default() }), bell: Notify::new() }
    }

    /// Writes the letters for what has happened since the last time.
    pub(crate) fn collect(&self, store: &mut Store) {
        let places = store.events.places();
        let fresh = store.undelivered.max(places.start)..places.end;
        store.undelivered = places.end;
        store.cause = Cause::default();
        if !self.open || store.endpoints.is_empty() || fresh.is_empty() {
            return;
        }
        let mut desk = self.desk.hold();
        for place in fresh {
            let name = store.events.get(place).map_or("", |event| event.name);
            let wanted: Vec<u32> =
                (0..store.next(Kind::Endpoint)).filter(|&endpoint| store.endpoints[at(endpoint)].wants(name)).collect();
            if wanted.is_empty() {
                continue;
            }
            let body = Bytes::from(store.render_event(place).to_string());
            for endpoint in wanted {
                let (url, secret) =
                    (Arc::from(&*store.endpoints[at(endpoint)].url), store.ids.signing_secret(endpoint));
                desk.put(Letter { url, secret: secret.into(), body: body.clone(), tries: 0 });
            }
        }
        self.bell.notify_one();
    }

    pub(crate) fn steer(&self, steering: Steering) {
        let mut desk = self.desk.hold();
        desk.repeat = steering.repeat.unwrap_or(desk.repeat);
        if let Some(seed) = steering.reorder_seed {
            desk.reorder = (seed != 0).then(|| SmallRng::seed_from_u64(seed));
        }
        desk.held = steering.hold.unwrap_or(desk.held);
        desk.lose = steering.lose.unwrap_or(desk.lose);
        self.bell.notify_one();
    }

    pub(crate) fn deliveries(&self) -> Deliveries {
        let desk = self.desk.hold();
        Deliveries { pending: desk.under_way + desk.waiting.len() as u64, ..desk.counts }
    }

    /// All letters that may go out now; waits until there are some.
    pub(super) async fn take(&self) -> Vec<Letter> {
        loop {
            let letters = self.desk.hold().take();
            if !letters.is_empty() {
                return letters;
            }
            self.bell.notified().await;
        }
    }

    /// A letter that was refused waits for its next try.
    pub(super) fn put_back(&self, letter: Letter) {
        let mut desk = self.desk.hold();
        desk.under_way -= 1;
        desk.waiting.push(letter);
        self.bell.notify_one();
    }

    pub(super) fn delivered(&self) {
        let mut desk = self.desk.hold();
        desk.under_way -= 1;
        desk.counts.delivered += 1;
    }

    /// One more try was refused; with the last one the letter is given up.
    pub(super) fn refused(&self, last: bool) {
        let mut desk = self.desk.hold();
        desk.counts.refused += 1;
        if last {
            desk.under_way -= 1;
            desk.counts.failed += 1;
        }
    }
}

impl Desk {
    fn put(&mut self, letter: Letter) {
        if !is_local(&letter.url) {
            self.counts.not_local += 1;
        } else if self.lose > 0 {
            self.lose -= 1;
            self.counts.lost += 1;
        } else {
            self.waiting.extend(std::iter::repeat_n(letter, self.repeat as usize));
        }
    }

    fn take(&mut self) -> Vec<Letter> {
        if self.held {
            return Vec::new();
        }
        let mut letters = std::mem::take(&mut self.waiting);
        self.under_way += letters.len() as u64;
        if let Some(draw) = &mut self.reorder {
            letters.shuffle(draw);
        }
        letters
    }
}

/// Tests must not reach the world outside.
fn is_local(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else {
        return false;
    };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let loopback = host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    uri.scheme_str() == Some("http") && (loopback || host == "localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_given_up_after_its_last_try() {
        let post = Post::new(true);
        let letter = Letter { url: "http://127.0.0.1:9/".into(), secret: "".into(), body: Bytes::new(), tries: 0 };
        post.desk.hold().put(letter);
        for last in [false, true] {
            assert_eq!(post.deliveries().pending, 1);
            let letter = post.desk.hold().take().remove(0);
            post.refused(last);
            if !last {
                post.put_back(letter);
            }
        }
        assert_eq!(post.deliveries(), Deliveries { failed: 1, refused: 2, ..Deliveries::default() });
    }

    #[test]
    fn only_this_machine_is_local() {
        for url in ["http://127.0.0.1:8080/hook", "http://localhost/x", "http://[::1]:9/"] {
            assert!(is_local(url), "{url}");
        }
        for url in
            ["https://127.0.0.1/", "http://example.org/", "http://127.0.0.1.example.org/", "http://10.0.0.1/", ""]
        {
            assert!(!is_local(url), "{url}");
        }
    }
}
