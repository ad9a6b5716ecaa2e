//! API keys: which mode one is of, and how it is shown to people.

use rowbill_connector::Problem;

/// Which of an account's two worlds a key opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyMode {
    /// Test mode: no money moves.
    Test,
    /// Live mode.
    Live,
}

/// Secret and restricted keys by prefix (docs.stripe.com/keys).
const PREFIXES: [(&str, KeyMode); 4] = [
    ("sk_test_", KeyMode::Test),
    ("rk_test_", KeyMode::Test),
    ("sk_live_", KeyMode::Live),
    ("rk_live_", KeyMode::Live),
];

/// Things that people paste in place of a key; their prefix may be shown.
const OTHERS: [(&str, &str); 4] = [
    ("pk_", "a publishable key"),
    ("whsec_", "a webhook signing secret"),
    ("acct_", "an account id"),
    ("rk_", "a restricted key of an unknown mode"),
];

/// What is shown of a secret's end.
const SHOWN: usize = 4;

impl KeyMode {
    /// The mode of a key by its prefix; `None` for anything but a secret or restricted key.
    pub fn of(key: &str) -> Option<Self> {
        prefix(key).map(|(_, mode)| mode)
    }

    /// The word that `rowbill.yaml` uses.
    pub fn word(self) -> &'static str {
        match self {
            Self::Test => "test",
            Self::Live => "live",
        }
    }
}

fn prefix(key: &str) -> Option<(&'static str, KeyMode)> {
    PREFIXES.into_iter().find(|(prefix, _)| key.starts_with(prefix))
}

/// The key as people may see it: its prefix and, where enough stays hidden, its last four characters.
pub(crate) fn masked(key: &str) -> String {
    let Some((prefix, _)) = prefix(key) else {
        return "…".to_owned();
    };
    let secret = &key[prefix.len()..];
    let long = secret.is_ascii() && secret.len() >= 3 * SHOWN;
    format!("{prefix}…{}", if long { &secret[secret.len() - SHOWN..] } else { "" })
}

/// Refuses a key that is none, or that is not of the account's mode, before any request is made.
pub(crate) fn check(account: &str, key: &str, live: bool) -> Result<(), Problem> {
    let Some((prefix, mode)) = prefix(key) else {
        return Err(no_key(account, key));
    };
    if key.len() == prefix.len() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        let message =
            format!("The key of account `{account}` is empty after `{prefix}` or holds a space or line break.");
        return Err(form(message));
    }
    let wanted = if live { KeyMode::Live } else { KeyMode::Test };
    if mode == wanted { Ok(()) } else { Err(other_mode(account, key, mode, wanted)) }
}

fn no_key(account: &str, key: &str) -> Problem {
    let what = OTHERS.into_iter().find(|(prefix, _)| key.starts_with(prefix));
    let found = what.map_or(String::new(), |(prefix, name)| format!(" It is {name} (`{prefix}…`)."));
    form(format!("The key of account `{account}` is not a Stripe secret key.{found}"))
}

fn form(message: String) -> Problem {
    let advice = "Give a secret key (sk_test_…, sk_live_…) or, better, a restricted key (rk_test_…, rk_live_…) from \
                  https://dashboard.stripe.com/apikeys.";
    Problem::new("stripe.key_form", message).advise(advice)
}

fn other_mode(account: &str, key: &str, mode: KeyMode, wanted: KeyMode) -> Problem {
    let (is, shown, wanted) = (mode.word(), masked(key), wanted.word());
    let message =
        format!("Account `{account}` is in {wanted} mode, but its key {shown} is a {is} key. Nothing was sent.");
    let advice = format!("Put the account's {wanted} key in place, or set `mode: {is}` if that is what you mean.");
    Problem::new("stripe.key_mode", message).advise(advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "51ABCDEFGHIJKLMNOP4242";

    #[test]
    fn only_secret_and_restricted_keys_of_the_right_mode_pass() {
        let cases = [
            ("sk_test_", false, None),
            ("rk_test_", false, None),
            ("sk_live_", true, None),
            ("rk_live_", true, None),
            ("sk_test_", true, Some("stripe.key_mode")),
            ("rk_live_", false, Some("stripe.key_mode")),
            ("pk_test_", false, Some("stripe.key_form")),
            ("whsec_", false, Some("stripe.key_form")),
            ("", false, Some("stripe.key_form")),
            ("rk_", true, Some("stripe.key_form")),
        ];
        for (prefix, live, code) in cases {
            let problem = check("acme", &format!("{prefix}{SECRET}"), live).err();
            assert_eq!(problem.as_ref().map(|problem| problem.code.as_str()), code, "{prefix} live={live}");
            let shown = format!("{problem:?}");
            assert!(!shown.contains("51ABC") && !shown.contains("MNOP"), "{shown}");
        }
    }

    #[test]
    fn a_line_break_in_a_key_is_named_as_such() {
        let problem = check("acme", "sk_test_abc\n", false).unwrap_err();
        assert!(problem.message.contains("line break"), "{problem}");
    }

    #[test]
    fn a_short_key_shows_no_end() {
        assert_eq!(masked("sk_test_123456"), "sk_test_…");
        assert_eq!(masked(&format!("rk_live_{SECRET}")), "rk_live_…4242");
        assert_eq!(masked("something"), "…");
    }
}
