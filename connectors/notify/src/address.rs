//! A URL that is a secret: whoever knows it may write there.

use std::net::IpAddr;

use reqwest::Url;
use rowbill_connector::Problem;
use secrecy::{ExposeSecret, SecretString};

/// A checked URL. It has no `Debug`: even a host's name can be the secret part.
pub(crate) struct SecretUrl(Url);

impl SecretUrl {
    /// Takes `https://…`, and `http://…` on loopback. `whose` begins the sentence of a problem.
    pub(crate) fn read(whose: &str, text: &SecretString) -> Result<Self, Problem> {
        let refuse = |what: &str| {
            Problem::new("notify.url", format!("{whose} has a URL that {what}."))
                .advise("Put the whole URL into the secret, as its service shows it: https://…")
        };
        let url = Url::parse(text.expose_secret().trim()).map_err(|_| refuse("cannot be read"))?;
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if url.host_str().is_some_and(is_loopback) => Ok(Self(url)),
            "http" => Err(refuse("is http; without encryption only this machine is taken (127.0.0.1, localhost)")),
            _ => Err(refuse("does not begin with https://")),
        }
    }

    pub(crate) fn url(&self) -> &Url {
        &self.0
    }

    pub(crate) fn is_loopback(&self) -> bool {
        self.0.host_str().is_some_and(is_loopback)
    }

    /// Whether a text is a part of the URL, in any case of letters.
    pub(crate) fn holds(&self, text: &str) -> bool {
        self.0.as_str().to_lowercase().contains(&text.to_lowercase())
    }

    /// The text without the host, which errors of TLS name.
    pub(crate) fn scrub(&self, text: &str) -> String {
        match self.0.host_str() {
            Some(host) => text.replace(host, "[hidden]"),
            None => text.to_owned(),
        }
    }
}

/// Whether a host is this machine, by what it says; no name is looked up.
pub(crate) fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(url: &str) -> Option<String> {
        SecretUrl::read("The webhook", &url.into()).err().map(|problem| problem.code)
    }

    #[test]
    fn urls_are_encrypted_or_on_this_machine() {
        for url in
            ["https://h.example/x", "http://127.0.0.1:1/", "http://[::1]:9/x", "http://localhost/", " https://a/\n"]
        {
            assert_eq!(code(url), None, "{url}");
        }
        let others = [
            "http://h.example/x",
            "http://localhost.evil.example/",
            "http://127.0.0.1@evil.example/",
            "ftp://127.0.0.1/",
            "/services/T/B/x",
            "",
        ];
        for url in others {
            assert_eq!(code(url).as_deref(), Some("notify.url"), "{url}");
        }
    }

    #[test]
    fn a_host_is_taken_out_of_a_text() {
        let url = SecretUrl::read("The webhook", &"https://Secret.h.example/Path".into()).unwrap();
        assert_eq!(url.scrub("not valid for name \"secret.h.example\""), "not valid for name \"[hidden]\"");
        assert!(url.holds("path") && url.holds("SECRET") && !url.holds("no_service"));
    }
}
