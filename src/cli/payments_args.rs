//! The arguments of `rowbill payments`, `accounts` and `webhooks`.

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub enum PaymentsCommand {
    /// The payments that the ledger knows
    List {
        /// Only those of this connection
        name: Option<String>,
        /// Only those in this state, as `-o json` says it: `open`, `requires_action`, `paid`, `disputed`, …
        #[arg(long)]
        state: Option<String>,
        /// The claims that were made by hand, instead
        #[arg(long, conflicts_with = "state")]
        claimed: bool,
    },
    /// Somebody says that an invoice was paid by bank, cash or another wallet
    Claim {
        /// The connection
        name: String,
        /// The key of the row
        key: String,
        /// How: `bank`, `cash`, …
        #[arg(long)]
        method: String,
        /// What else they say
        #[arg(long)]
        note: Option<String>,
    },
    /// The money is there: the invoice is marked as paid outside of Stripe, once
    Confirm {
        /// The claim, as `payments list --claimed` has it
        claim: String,
        /// How much came, in the invoice's currency: 80.00
        #[arg(long)]
        amount: String,
        /// The day on which it came: 2026-11-27
        #[arg(long)]
        date: String,
        /// What it can be found by at the bank
        #[arg(long)]
        reference: Option<String>,
    },
    /// The money did not come
    Cancel {
        /// The claim, as `payments list --claimed` has it
        claim: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Pay back what was paid through Stripe, wholly or in part: a plan first, then a yes
    Refund {
        /// The connection that made the invoice
        name: String,
        /// The key of the row
        key: String,
        /// How much, in the invoice's currency: 80.00; all that is left if left out
        #[arg(long)]
        amount: Option<String>,
        /// Why
        #[arg(long, value_parser = ["duplicate", "fraudulent", "requested_by_customer"])]
        reason: Option<String>,
        /// Only show what would go back
        #[arg(long)]
        dry_run: bool,
    },
    /// Ask Stripe what has happened, and write it down
    Poll {
        /// The accounts; all of them with --all
        #[arg(required_unless_present = "all")]
        accounts: Vec<String>,
        /// All accounts
        #[arg(long)]
        all: bool,
    },
}

#[derive(Debug, Subcommand)]
pub enum AccountsCommand {
    /// Kind and mode of the key, what it may do, and what the account is; changes nothing
    Check {
        /// Only these accounts
        names: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub enum WebhooksCommand {
    /// Have Stripe deliver to an address, with exactly the events that matter
    Add {
        /// The account
        account: String,
        /// The address, as the world sees it: `https://HOST/webhooks/stripe/ACCOUNT`
        url: String,
    },
    /// The endpoints, and the events that came
    Status {
        /// Only this account
        account: Option<String>,
    },
    /// Read an event again, and what it is about
    Replay {
        /// The account
        account: String,
        /// Its id: `evt_…`
        event: String,
    },
}
