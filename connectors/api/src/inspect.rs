//! What an account is, and what its key may do there.

/// What was found of an account and its key, by looking only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// The kind of key, for people: `a restricted test key`.
    pub key: String,
    /// Whether the key may do only what was ticked for it.
    pub is_restricted: bool,
    /// Whether the key is of the live mode.
    pub is_live: bool,
    /// The account's id, where the key may read it.
    pub account: Option<String>,
    /// Its country, as two letters.
    pub country: Option<String>,
    /// Its default currency, lower-case.
    pub currency: Option<String>,
    /// Whether it may take payments.
    pub takes_payments: Option<bool>,
    /// What the key may do, one by one.
    pub grants: Vec<Grant>,
}

/// One thing that a key may do, or may not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// What it is about: `invoices`.
    pub what: &'static str,
    /// Whether it is about writing.
    pub writes: bool,
    /// Whether the key may; none where no answer said so.
    pub is_allowed: Option<bool>,
    /// The target's name of the permission that is missing.
    pub lacks: Option<String>,
}
