//! `rowbill accounts check`: what a key may do, against what the mappings need.

use std::collections::BTreeSet;

use rowbill_connector::{Grant, Inspection, Problem};
use serde_json::{Value, json};

use super::context::{Context, Problems};
use super::exit;
use super::payments_args::AccountsCommand;
use super::screen::{bad, bold, dim, good, harmless, unsure};
use crate::config::{Account, Act, Action, Connection, Project};
use crate::connectors;
use crate::mapping::object::{ObjectExpr, Way};

/// Something that a key must be able to do: what, and whether it is writing.
type Need = (&'static str, bool);

/// What reading an invoice's payments takes.
const MONEY: [Need; 4] =
    [("invoice payments", false), ("payment intents", false), ("charges", false), ("disputes", false)];

pub async fn accounts(context: &Context, command: AccountsCommand) -> Result<u8, Problems> {
    let AccountsCommand::Check { names } = command;
    let project = context.project()?;
    let accounts: Vec<&Account> = if names.is_empty() {
        project.settings.accounts.values().collect()
    } else {
        let named = names.iter().map(|name| project.account_named(name));
        named.collect::<Result<_, _>>().map_err(|problem| vec![problem])?
    };
    let mut told = Vec::new();
    let mut problems = Vec::new();
    for account in accounts {
        let target = connectors::target(account).map_err(|problem| vec![problem])?;
        let found = target.inspect().await.map_err(|error| vec![error.problem().clone()])?;
        let needs = needs(&project, account);
        problems.extend(missing(account, &found, &needs));
        told.push(Told { account, notes: notes(account, &found), found, needs });
    }
    let code = if problems.is_empty() { exit::OK } else { exit::NEEDS_PERSON };
    if context.screen.is_json() {
        let values: Vec<Value> = told.iter().map(Told::value).collect();
        let result = if code == exit::OK { "ok" } else { "needs_person" };
        let value = json!({ "v": 1, "result": result, "accounts": values, "problems": problems });
        context.screen.json(&value);
    } else {
        told.iter().flat_map(Told::lines).for_each(|line| context.screen.line(line));
    }
    Ok(code)
}

/// What the mappings and settings of an account ask of its key.
fn needs(project: &Project, account: &Account) -> BTreeSet<Need> {
    let mut needs = BTreeSet::from([("customers", false), ("invoice items", false), ("invoices", false)]);
    for connection in project.connections.iter().filter(|connection| connection.account == account.name) {
        needs.extend(of_connection(connection));
    }
    if account.follows_payments() {
        needs.insert(("events", false));
        needs.extend(MONEY);
    }
    needs
}

fn of_connection(connection: &Connection) -> Vec<Need> {
    let mut needs = match &connection.action {
        Action::CreateCustomer => vec![("customers", true)],
        Action::AddInvoiceItem => vec![("invoice items", true)],
        Action::CreateInvoice(invoice) if invoice.items_from.is_some() => vec![("invoices", true)],
        Action::CreateInvoice(_) => vec![("invoices", true), ("invoice items", true)],
        Action::OnInvoice(Act::Refund) => vec![("refunds", true)],
        Action::OnInvoice(Act::Credit) => vec![("credit notes", true)],
        Action::OnInvoice(_) => vec![("invoices", true)],
    };
    if matches!(connection.action, Action::OnInvoice(_)) {
        needs.extend(MONEY);
    }
    let about = connection.action.invoice().map(|invoice| &invoice.customer).or(connection.recipe.about.as_ref());
    if about.is_some_and(|about: &ObjectExpr| matches!(about.way, Way::ByEmail { create: true, .. })) {
        needs.push(("customers", true));
    }
    needs
}

fn missing(account: &Account, found: &Inspection, needs: &BTreeSet<Need>) -> Vec<Problem> {
    let lacks = found.grants.iter().filter(|grant| grant.is_allowed == Some(false) && is_needed(grant, needs));
    let problem = |grant: &Grant| {
        let message = format!("the key of `{}` may not {}", account.name, told(grant));
        let permission = grant.lacks.as_deref().unwrap_or("the permission");
        Problem::new("stripe.permission", message).advise(format!("give the key {permission} in Stripe's dashboard"))
    };
    lacks.map(problem).collect()
}

/// Writing holds reading.
fn is_needed(grant: &Grant, needs: &BTreeSet<Need>) -> bool {
    needs.contains(&(grant.what, grant.writes))
}

fn told(grant: &Grant) -> String {
    format!("{} {}", if grant.writes { "write" } else { "read" }, grant.what)
}

fn notes(account: &Account, found: &Inspection) -> Vec<String> {
    let mut notes = Vec::new();
    if !found.is_live {
        notes.push(
            "test mode: only Stripe's test cards pay, such as 4242 4242 4242 4242; real cards are refused".to_owned(),
        );
    }
    if found.is_live && !found.is_restricted {
        notes.push("a full key may do everything: make a restricted key with only what is needed here".to_owned());
    }
    if found.takes_payments == Some(false) {
        notes.push("the account may not take payments yet: finish its set-up in Stripe's dashboard".to_owned());
    }
    if found.account.is_none() {
        notes.push(format!("the key of `{}` may not read the account: its country is not known", account.name));
    }
    let currency = found.currency.as_deref();
    let known = currency.and_then(|code| Some((code, connectors::catalog().currencies.get(code)?.minimum?)));
    if let Some((code, minimum)) = known {
        let least = crate::mapping::money::display(minimum, code, &connectors::catalog().currencies);
        notes.push(format!("an invoice below {least} is not collected: it goes to the customer's balance"));
    }
    notes
}

struct Told<'a> {
    account: &'a Account,
    found: Inspection,
    needs: BTreeSet<Need>,
    notes: Vec<String>,
}

impl Told<'_> {
    fn value(&self) -> Value {
        let grant = |grant: &Grant| {
            json!({
                "what": grant.what, "access": if grant.writes { "write" } else { "read" }, "allowed": grant.is_allowed,
                "needed": is_needed(grant, &self.needs), "lacks": grant.lacks,
            })
        };
        let found = &self.found;
        json!({
            "account": self.account.name, "mode": if found.is_live { "live" } else { "test" }, "key": found.key,
            "id": found.account, "country": found.country, "default_currency": found.currency,
            "takes_payments": found.takes_payments, "permissions": found.grants.iter().map(grant).collect::<Vec<_>>(),
            "notes": self.notes,
        })
    }

    fn lines(&self) -> Vec<String> {
        let found = &self.found;
        let mode = if found.is_live { bad("LIVE") } else { dim("test") };
        let known =
            [found.account.clone(), found.country.clone(), found.currency.as_ref().map(|code| code.to_uppercase())];
        let known: Vec<String> = known.into_iter().flatten().map(|text| harmless(&text)).collect();
        let mut lines = vec![format!("{} {mode}  {}  {}", bold(&self.account.name), found.key, known.join("  "))];
        for grant in &found.grants {
            let (sign, remark) = match (grant.is_allowed, is_needed(grant, &self.needs)) {
                (Some(true), _) => (good("✔"), String::new()),
                (Some(false), true) => (bad("✘"), format!("needed: {}", grant.lacks.as_deref().unwrap_or_default())),
                (Some(false), false) => (dim("–"), dim("not needed here")),
                (None, _) => (unsure("?"), "no answer".to_owned()),
            };
            lines.push(format!("  {sign} {:26} {}", told(grant), harmless(&remark)).trim_end().to_owned());
        }
        lines.extend(self.notes.iter().map(|note| format!("  {} {}", dim("→"), harmless(note))));
        lines
    }
}
