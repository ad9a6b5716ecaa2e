//! The two kinds of file: `rowbill.yaml` and a mapping.

use super::shape::{Field, Fields, Shape, optional, required};

/// The whole of `rowbill.yaml`.
pub const SETTINGS: Shape = Shape::Map(&Fields {
    what: "rowbill.yaml",
    fields: &[
        required("version", Shape::Word(&[("1", "this format")]), "the version of this format: 1"),
        optional("timezone", Shape::Text, "the IANA time zone of every clock time; UTC if left out"),
        required("accounts", Shape::Named(&ACCOUNT), "the Stripe accounts, by names that you choose"),
        optional("google", GOOGLE, "the login for Google Sheets"),
        optional("ledger", LEDGER, "where the ledger is; state/ledger.db if left out"),
        optional("daemon", DAEMON, "what `rowbill daemon` serves and keeps"),
        optional("notify", NOTIFY, "who is told when a connection's state changes"),
        optional(
            "reports",
            Shape::Named(&REPORT),
            "cash-flow reports that the daemon writes, by names that you choose",
        ),
        optional("sources", Shape::Named(&SOURCE), "sources that several mappings share, by names that you choose"),
    ],
    one_of: &[],
    one_needed: false,
});

/// The whole of a mapping file.
pub const MAPPING: Shape = Shape::Map(&Fields {
    what: "a mapping",
    fields: MAPPING_FIELDS,
    one_of: &[
        "create_customer",
        "add_invoice_item",
        "create_invoice",
        "finalize_invoice",
        "send_invoice",
        "pay_invoice",
        "void_invoice",
        "mark_uncollectible",
        "create_refund",
        "create_credit_note",
        "record_payment",
    ],
    one_needed: true,
});

/// The keys of a mapping.
pub const MAPPING_FIELDS: &[Field] = &[
    optional("title", Shape::Text, "a name for people"),
    required("account", Shape::Text, "which account of rowbill.yaml the rows are billed in"),
    optional(
        "source",
        Shape::TextOr(&SOURCE_FIELDS),
        "where the rows come from: a name from rowbill.yaml, or a source",
    ),
    optional("key", Shape::OneOrMany(&Shape::Text), "the columns that identify a row; never its number"),
    optional("group_by", Shape::OneOrMany(&Shape::Text), "the columns whose values make one invoice, once, ever"),
    required("first_run", FIRST_RUN, "what to do with the rows that are there today: all | only_new"),
    optional("only_if", Shape::Template, "a condition; rows for which it is false are skipped"),
    optional("on_change", ON_CHANGE, "what to do when a row is edited after it was done; review if left out"),
    optional("create_customer", Shape::Open, "make a customer of each row: Stripe's parameters"),
    optional("add_invoice_item", Shape::Open, "make an invoice item of each row: Stripe's parameters"),
    optional("create_invoice", Shape::Open, "make an invoice of each group of rows: Stripe's parameters"),
    optional("finalize_invoice", Shape::Open, "finalize the invoice that each row names"),
    optional("send_invoice", Shape::Open, "mail the invoice that each row names"),
    optional("pay_invoice", Shape::Open, "charge the customer's stored means of payment for the invoice"),
    optional("void_invoice", Shape::Open, "take the invoice that each row names back"),
    optional("mark_uncollectible", Shape::Open, "give the invoice that each row names up"),
    optional("create_refund", Shape::Open, "pay back what was paid through Stripe, wholly or in part"),
    optional("create_credit_note", Shape::Open, "lower the invoice that each row names by a credit note"),
    optional("record_payment", Shape::Open, "claim, confirm or cancel a payment by bank, cash or another wallet"),
    optional(
        "match_existing",
        Shape::Word(&[("email", "the same e-mail")]),
        "adopt the customer that already has this e-mail",
    ),
    optional("duplicates", DUPLICATES, "what to do when several rows have the same key; fail if left out"),
    optional("when_unsure", WHEN_UNSURE, "what to do when an answer was lost and the object is not found"),
    optional("schedule", SCHEDULE, "when the daemon runs it; by hand only if left out"),
    optional("limits", LIMITS, "more than this in one run: stop before anything is sent"),
    optional("write_back", WRITE_BACK, "columns of the source that rowbill fills in"),
    optional("tests", Shape::List(&TEST), "examples of rows and what must become of them"),
];

const FIRST_RUN: Shape = Shape::Word(&[
    ("all", "rows that are there already are billed"),
    ("only_new", "rows that are there already are recorded, and never billed"),
]);

const ON_CHANGE: Shape = Shape::Word(&[
    ("ignore", "nothing happens"),
    ("review", "a person is asked"),
    ("update", "the customer is updated"),
]);

const DUPLICATES: Shape = Shape::Word(&[
    ("fail", "all of them fail, and each names the others"),
    ("first", "the first counts, the others are skipped"),
    ("last", "the last counts, the others are skipped"),
    ("same", "rows that are identical after mapping count as one; others fail"),
]);

const WHEN_UNSURE: Shape = Shape::Word(&[
    ("ask", "a person says whether the object is there"),
    ("resend", "it is sent again under a new key"),
]);

const ACCOUNT: Shape = Shape::Map(&Fields {
    what: "an account",
    fields: &[
        required(
            "mode",
            Shape::Word(&[("test", "play money"), ("live", "real money")]),
            "test | live; must match the key",
        ),
        required("key", SECRET, "where the API key is: { env: NAME }, { file: PATH } or { credential: NAME }"),
        optional("webhook_secrets", Shape::List(&SECRET), "where the signing secrets of the webhook endpoint are"),
        optional("payments", PAYMENTS, "how the daemon follows what became of the invoices"),
        optional("connected_account", Shape::Text, "act for this connected account (acct_…)"),
        optional("api_base", Shape::Text, "another address than Stripe's: loopback only, mode test only"),
        optional(
            "rate_limit",
            Shape::Rate,
            "requests per second of the whole account: 100/s live, 25/s test if left out",
        ),
        optional("endpoint_rate_limit", Shape::Rate, "requests per second of each endpoint: 25/s if left out"),
    ],
    one_of: &[],
    one_needed: false,
});

const PAYMENTS: Shape = Shape::WordOr(
    &[("poll", "the list of events is read every five minutes")],
    &Fields {
        what: "payments",
        fields: &[
            optional("poll", Shape::Duration, "how often the list of events is read: 5m"),
            optional("most_reads", Shape::Whole(1), "at most so many invoices are read at once: 500 if left out"),
        ],
        one_of: &[],
        one_needed: false,
    },
);

const SECRET: Shape = Shape::Map(&Fields {
    what: super::shape::A_SECRET,
    fields: &[
        optional("env", Shape::Text, "the name of an environment variable"),
        optional("file", Shape::Text, "the path of a file that holds nothing else"),
        optional("credential", Shape::Text, "the name of a systemd credential"),
    ],
    one_of: &["env", "file", "credential"],
    one_needed: true,
});

const GOOGLE: Shape = Shape::Map(&Fields {
    what: "the Google login",
    fields: &[
        required("login", SECRET, "where the service account's JSON key file is"),
        optional("api_base", Shape::Text, "another address than Google's: loopback only"),
    ],
    one_of: &[],
    one_needed: false,
});

const LEDGER: Shape = Shape::Map(&Fields {
    what: "the ledger",
    fields: &[required("sqlite", Shape::Text, "the path of the ledger file")],
    one_of: &[],
    one_needed: false,
});

const DAEMON: Shape = Shape::Map(&Fields {
    what: "the daemon",
    fields: &[
        optional("dashboard", Shape::Text, "address and port of the pages, such as 127.0.0.1:8377"),
        optional("webhooks", Shape::Text, "address and port of the webhook receiver, such as 127.0.0.1:8378"),
        optional("keep_runs", Shape::Duration, "how long runs stay in the history: 90d if left out"),
    ],
    one_of: &[],
    one_needed: false,
});

const NOTIFY: Shape = Shape::Map(&Fields {
    what: "notifications",
    fields: &[
        optional("webhook", URL, "a webhook that takes Slack's messages: { url: { env: NAME } }"),
        optional("email", EMAIL, "e-mail"),
        optional("healthchecks", URL, "a Healthchecks project: each run pings the check with the connection's name"),
    ],
    one_of: &[],
    one_needed: false,
});

const URL: Shape = Shape::Map(&Fields {
    what: "a secret address",
    fields: &[required("url", SECRET, "where the address is: { env: NAME }, { file: PATH } or { credential: NAME }")],
    one_of: &[],
    one_needed: false,
});

const EMAIL: Shape = Shape::Map(&Fields {
    what: "e-mail",
    fields: &[
        required("server", Shape::Text, "the mail server, such as smtp.example.org:465"),
        optional(
            "security",
            Shape::Word(&[("tls", "from the first byte"), ("starttls", "after a greeting"), ("none", "loopback only")]),
            "how the way there is made safe: tls | starttls | none; tls if left out",
        ),
        optional("user", Shape::Text, "who logs in"),
        optional("password", SECRET, "where the password is"),
        required("from", Shape::Text, "the sender, such as `rowbill <billing@example.org>`"),
        required("to", Shape::OneOrMany(&Shape::Text), "the readers"),
    ],
    one_of: &[],
    one_needed: false,
});

const REPORT: Shape = Shape::Map(&Fields {
    what: "a report",
    fields: &[
        optional(
            "by",
            Shape::Word(&[("day", "each day"), ("week", "from Monday"), ("month", "each month")]),
            "how long its periods are: day | week | month; month if left out",
        ),
        optional("last", Shape::Whole(1), "so many periods, up to and with the one of today: 1 if left out"),
        optional("accounts", Shape::OneOrMany(&Shape::Text), "the accounts; all of them if left out"),
        required("schedule", SCHEDULE, "when it is written: every, at or cron"),
        optional("csv", REPORT_CSV, "a CSV file, whole or not at all"),
        optional("google_sheets", REPORT_SHEET, "a sheet, whose content it becomes"),
    ],
    one_of: &["csv", "google_sheets"],
    one_needed: true,
});

const REPORT_CSV: Shape = Shape::Map(&Fields {
    what: "a CSV file",
    fields: &[required("path", Shape::Text, "the file, relative to rowbill.yaml")],
    one_of: &[],
    one_needed: false,
});

const REPORT_SHEET: Shape = Shape::Map(&Fields {
    what: "a sheet",
    fields: &[
        required("spreadsheet", Shape::Text, "the id of the spreadsheet, from its address"),
        required("sheet", Shape::Text, "the name of the sheet (the tab), which holds nothing else"),
    ],
    one_of: &[],
    one_needed: false,
});

const SOURCE_FIELDS: Fields = Fields {
    what: "a source",
    fields: &[
        optional("csv", CSV, "a CSV file"),
        optional("google_sheets", GOOGLE_SHEETS, "a sheet of a Google spreadsheet"),
    ],
    one_of: &["csv", "google_sheets"],
    one_needed: true,
};

const SOURCE: Shape = Shape::Map(&SOURCE_FIELDS);

const CSV: Shape = Shape::Map(&Fields {
    what: "a CSV source",
    fields: &[
        required("path", Shape::Text, "the file, relative to rowbill.yaml"),
        optional("delimiter", Shape::Text, "one character, or `tab`; detected from the header line if left out"),
        optional("encoding", Shape::Text, "such as windows-1251; UTF-8, or UTF-16 with a byte order mark, if left out"),
        optional("columns", Shape::Named(&COLUMN), "the columns that matter, with their types"),
    ],
    one_of: &[],
    one_needed: false,
});

const GOOGLE_SHEETS: Shape = Shape::Map(&Fields {
    what: "a Google Sheets source",
    fields: &[
        required("spreadsheet", Shape::Text, "the id of the spreadsheet, from its address"),
        required("sheet", Shape::Text, "the name of the sheet (the tab)"),
        optional("columns", Shape::Named(&COLUMN), "the columns that matter, with their types"),
    ],
    one_of: &[],
    one_needed: false,
});

const COLUMN: Shape = Shape::Map(&Fields {
    what: "a column",
    fields: &[
        required("header", Shape::Text, "the column's header, exactly as in the source"),
        optional("type", COLUMN_TYPE, "what its cells hold; text if left out"),
        optional("required", Shape::Bool, "whether an empty cell fails its row"),
        optional("currency", Shape::Text, "of money: a currency code, or the name of the column that holds it"),
        optional("decimal_mark", Shape::Word(&[(".", "12.50"), (",", "12,50")]), "what stands before the decimals"),
        optional(
            "thousands_mark",
            Shape::Word(&[(".", "1.000"), (",", "1,000"), ("'", "1'000"), ("space", "1 000")]),
            "what groups the digits",
        ),
        optional("format", Shape::Text, "of a date or timestamp: such as `%d.%m.%Y`; 2026-11-30 if left out"),
    ],
    one_of: &[],
    one_needed: false,
});

const COLUMN_TYPE: Shape = Shape::Word(&[
    ("text", "any text"),
    ("integer", "a whole number"),
    ("decimal", "an exact decimal number"),
    ("money", "an exact amount in a currency"),
    ("date", "a calendar day"),
    ("timestamp", "a day and a time"),
    ("bool", "true or false"),
    ("email", "an e-mail address"),
]);

const SCHEDULE: Shape = Shape::Map(&Fields {
    what: "a schedule",
    fields: &[
        optional("every", Shape::Duration, "a fixed interval: 15m"),
        optional("at", Shape::OneOrMany(&Shape::Text), "clock times: [\"09:00\", \"17:30\"]"),
        optional("cron", Shape::Text, "five fields as in crontab: \"0 9 * * mon-fri\""),
        optional("after", Shape::OneOrMany(&Shape::Text), "the connections after which it runs"),
        optional("days", Shape::Text, "with at: such as mon-fri or mon,thu"),
        optional(
            "when",
            Shape::Word(&[("succeeded", "only when all went well"), ("finished", "in any case")]),
            "with after; succeeded if left out",
        ),
        optional("within", Shape::Duration, "with several after: how old the older of them may be"),
        optional("jitter", Shape::Duration, "with every: a random delay of at most this"),
        optional(
            "missed",
            Shape::Word(&[("run_once", "catch up once"), ("skip", "wait for the next time")]),
            "what to do after downtime; run_once if left out",
        ),
        optional("timezone", Shape::Text, "the IANA time zone of its clock times"),
    ],
    one_of: &["every", "at", "cron", "after"],
    one_needed: true,
});

const LIMITS: Shape = Shape::Map(&Fields {
    what: "limits",
    fields: &[
        optional("new_rows", Shape::Whole(0), "the most rows that one run may newly send"),
        optional(
            "amount",
            Shape::Named(&Shape::Decimal),
            "the most money that one run may newly send, by currency, in major units",
        ),
    ],
    one_of: &[],
    one_needed: false,
});

const WRITE_BACK: Shape = Shape::Map(&Fields {
    what: "write_back",
    fields: &[
        optional("status", Shape::Text, "the header of the column for the row's state"),
        optional("stripe_id", Shape::Text, "the header of the column for the object's id"),
        optional("invoice_url", Shape::Text, "the header of the column for the invoice's page"),
        optional("problem", Shape::Text, "the header of the column for what is wrong"),
        optional("payment", Shape::Text, "the header of the column for the state of the payment"),
        optional("paid_at", Shape::Text, "the header of the column for when it was paid"),
        optional("amount_paid", Shape::Text, "the header of the column for what was paid"),
    ],
    one_of: &[],
    one_needed: false,
});

const TEST: Shape = Shape::Map(&Fields {
    what: "a test",
    fields: &[
        required("name", Shape::Text, "what it shows"),
        optional("row", Shape::Open, "cells by header"),
        optional("rows", Shape::Open, "of a create_invoice: several rows"),
        required("expect", Shape::Open, "the parameters that must come out, `skipped`, or { problem: code }"),
    ],
    one_of: &["row", "rows"],
    one_needed: true,
});
