//! A chat's incoming webhook, in the form that Slack made common.
//!
//! Facts: the body is `{"text": "…"}` (<https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks>);
//! `*…*` is bold, and `&`, `<` and `>` are written as entities, nothing else is
//! (<https://docs.slack.dev/messaging/formatting-message-text>). Slack cuts texts at 40,000 characters and may split
//! long ones (<https://api.slack.com/changelog/2018-04-truncating-really-long-messages>), in practice from 4,000.
//! Mattermost takes the same body, and shows `*…*` in italics
//! (<https://docs.mattermost.com/developers/integrate/slash-commands/slack>).

use async_trait::async_trait;
use rowbill_connector::{Channel, Notice, Problem};
use secrecy::SecretString;
use serde_json::json;

use crate::Timeouts;
use crate::http::{Http, Service};
use crate::text::{one_line, shorten, title};

/// The longest text, in characters, entities counted as they are written.
const TEXT: usize = 3000;
/// The longest line of it, before entities.
const LINE: usize = 500;
/// Room for the line that counts what was left out.
const MORE: usize = 30;

static SERVICE: Service = Service {
    name: "The webhook",
    unknown: "Make a new incoming webhook in the chat, put its URL into the secret, and look whether its channel is \
              still there.",
};

/// A [`Channel`] that posts to a chat.
#[derive(Debug)]
pub struct Webhook {
    http: Http,
}

impl Webhook {
    /// A webhook by its secret URL: https, or http on loopback.
    pub fn new(url: &SecretString, timeouts: Timeouts) -> Result<Self, Problem> {
        Ok(Self { http: Http::new(&SERVICE, url, timeouts)? })
    }
}

#[async_trait]
impl Channel for Webhook {
    fn name(&self) -> &'static str {
        "webhook"
    }

    async fn tell(&self, notice: &Notice) -> Result<(), Problem> {
        let body = json!({ "text": text(notice) }).to_string();
        self.http.post(self.http.address.url().clone(), "application/json", body.into_bytes()).await
    }
}

/// Title in bold behind a sign, then as many lines as fit.
fn text(notice: &Notice) -> String {
    let sign = if notice.trouble { "⚠️" } else { "✅" };
    let mut text = format!("{sign} *{}*", escape(&title(notice)));
    let mut length = text.chars().count();
    for (number, line) in notice.lines.iter().enumerate() {
        let line = escape(&shorten(&one_line(line), LINE));
        length += 1 + line.chars().count();
        let is_last = number + 1 == notice.lines.len();
        if length + if is_last { 0 } else { MORE } > TEXT {
            return format!("{text}\nand {} more", notice.lines.len() - number);
        }
        text.push('\n');
        text.push_str(&line);
    }
    text
}

/// Without this, a name such as `<!channel>` would call everybody.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(lines: Vec<String>) -> String {
        text(&Notice { title: "t".to_owned(), lines, trouble: true })
    }

    #[test]
    fn a_text_ends_with_what_was_left_out() {
        let whole = cut((0..100).map(|n| format!("line {n}")).collect());
        assert!(whole.ends_with("line 99"), "{whole}");
        for length in [1, 7, 90, 499, 800] {
            let lines: Vec<String> = (0..9000 / length).map(|_| "&".repeat(length)).collect();
            let count = lines.len();
            let text = cut(lines);
            let shown = text.lines().count() - 2;
            assert!(text.ends_with(&format!("\nand {} more", count - shown)), "{length}");
            assert!(text.chars().count() <= TEXT, "{length}");
        }
    }

    #[test]
    fn the_last_line_may_fill_the_text() {
        let lines: Vec<String> = [500, 500, 500, 500, 500, 488].map(|length| "x".repeat(length)).into();
        let text = cut(lines);
        assert_eq!(text.chars().count(), TEXT);
        assert!(!text.ends_with("more"));
    }
}
