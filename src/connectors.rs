//! The one place that names concrete connectors.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use rowbill_connector::{Catalog, Channel, Pinger, Problem, Source, Target};
use rowbill_csv::{CsvConfig, CsvSource};
use rowbill_google_sheets::{Budget, Login, Pool, SheetsConfig, SheetsSource, SheetsTable};
use rowbill_notify::{EmailConfig, Healthchecks, MailLogin, Timeouts, Webhook};
use rowbill_stripe::{StripeConfig, StripeTarget};

use crate::config::watch::{Email, Notify, Security};
use crate::config::{Account, Connection, Google, Rate, SourceConfig, SourceKind};
use crate::mapping::binding::snake_case;
use crate::mapping::column::clean;

/// What Stripe can do.
pub fn catalog() -> &'static Catalog {
    rowbill_stripe_spec::catalog()
}

/// The quota of Google Sheets counts for the whole process.
static BUDGET: LazyLock<Budget> = LazyLock::new(Budget::new);
/// One login per key file: it holds the token.
static LOGINS: Mutex<Vec<(PathBuf, Login)>> = Mutex::new(Vec::new());

/// The sheets that were read a moment ago.
static POOL: LazyLock<Pool> = LazyLock::new(Pool::new);

/// The source of a connection. What was read at most `max_age` ago may be taken for its content.
pub fn source(connection: &Connection, google: Option<&Google>, max_age: Duration) -> Result<Box<dyn Source>, Problem> {
    let write = !connection.write_back.columns.is_empty();
    match &connection.source.kind {
        SourceKind::Csv { .. } => Ok(Box::new(CsvSource::new(csv_config(&connection.source))?)),
        SourceKind::GoogleSheets { spreadsheet, sheet } => {
            let google = google.ok_or_else(|| Problem::new("config.google_login", "a Google sheet needs a login"))?;
            let login = login(google)?;
            let config = SheetsConfig {
                spreadsheet: spreadsheet.clone(),
                sheet: sheet.clone(),
                api_base: google.api_base.clone(),
                write,
                max_age,
            };
            Ok(Box::new(SheetsSource::new(config, &login, &BUDGET, &POOL)?))
        }
    }
}

/// Makes these records the content of a sheet, in one step.
pub async fn replace_sheet(
    google: Option<&Google>,
    spreadsheet: &str,
    sheet: &str,
    records: &[Vec<String>],
) -> Result<(), Problem> {
    let google = google.ok_or_else(|| Problem::new("config.google_login", "a Google sheet needs a login"))?;
    let config = SheetsConfig {
        spreadsheet: spreadsheet.to_owned(),
        sheet: sheet.to_owned(),
        api_base: google.api_base.clone(),
        write: true,
        max_age: Duration::ZERO,
    };
    SheetsTable::new(config, &login(google)?, &BUDGET)?.replace(records).await
}

fn login(google: &Google) -> Result<Login, Problem> {
    let path = google.login.path()?;
    let mut logins = LOGINS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, login)) = logins.iter().find(|(known, _)| *known == path) {
        return Ok(login.clone());
    }
    let login = Login::open(&path, &google.login.describe()).map_err(|problem| google.login.placed(problem))?;
    logins.push((path, login.clone()));
    Ok(login)
}

fn csv_config(source: &SourceConfig) -> CsvConfig {
    let SourceKind::Csv { path, delimiter, encoding } = &source.kind else {
        return CsvConfig { path: PathBuf::new(), display: source.display.clone(), delimiter: None, encoding: None };
    };
    CsvConfig { path: path.clone(), display: source.display.clone(), delimiter: *delimiter, encoding: encoding.clone() }
}

/// The target of an account. The key's form and mode are checked before any request.
pub fn target(account: &Account) -> Result<Arc<dyn Target>, Problem> {
    let usual = if account.live { Rate::PerSecond(100) } else { Rate::PerSecond(25) };
    let config = StripeConfig {
        account: account.name.clone(),
        live: account.live,
        key: account.key.read()?,
        connected_account: account.connected_account.clone(),
        api_base: account.api_base.clone(),
        rate_limit: rate(account.rate_limit.unwrap_or(usual)),
        endpoint_rate_limit: rate(account.endpoint_rate_limit.unwrap_or(Rate::PerSecond(25))),
    };
    StripeTarget::new(config).map(|target| Arc::new(target) as _).map_err(|problem| account.key.placed(problem))
}

/// The ways on which people are told, and the service that waits for signs of life.
pub type Ways = (Vec<Box<dyn Channel>>, Option<Box<dyn Pinger>>);

/// Opens them as the settings name them.
pub fn notify(notify: &Notify) -> Result<Ways, Vec<Problem>> {
    let (mut channels, mut problems): (Vec<Box<dyn Channel>>, Vec<Problem>) = Default::default();
    let timeouts = Timeouts::default();
    let mut take = |made: Result<Box<dyn Channel>, Problem>| match made {
        Ok(channel) => channels.push(channel),
        Err(problem) => problems.push(problem),
    };
    if let Some(url) = &notify.webhook {
        let made = url.read().and_then(|secret| Webhook::new(&secret, timeouts).map_err(|problem| url.placed(problem)));
        take(made.map(|webhook| Box::new(webhook) as _));
    }
    if let Some(email) = &notify.email {
        take(mail(email).and_then(|config| {
            let made = rowbill_notify::Email::new(config, timeouts).map_err(|problem| problem.at(email.place.clone()));
            made.map(|email| Box::new(email) as _)
        }));
    }
    let pinger = notify.healthchecks.as_ref().map(|url| {
        let made = |secret| Healthchecks::new(&secret, timeouts).map_err(|problem| url.placed(problem));
        url.read().and_then(made)
    });
    let pinger = pinger.transpose().map_err(|problem| problems.push(problem)).unwrap_or_default();
    if problems.is_empty() { Ok((channels, pinger.map(|pinger| Box::new(pinger) as _))) } else { Err(problems) }
}

fn mail(email: &Email) -> Result<EmailConfig, Problem> {
    let login = email
        .login
        .as_ref()
        .map(|(user, password)| password.read().map(|password| MailLogin { user: user.clone(), password }));
    Ok(EmailConfig {
        host: email.host.clone(),
        port: email.port,
        security: match email.security {
            Security::Tls => rowbill_notify::Security::Tls,
            Security::StartTls => rowbill_notify::Security::StartTls,
            Security::None => rowbill_notify::Security::None,
        },
        login: login.transpose()?,
        from: email.from.clone(),
        to: email.to.clone(),
    })
}

fn rate(rate: Rate) -> rowbill_stripe::Rate {
    match rate {
        Rate::PerSecond(number) => rowbill_stripe::Rate::PerSecond(number),
        Rate::Unlimited => rowbill_stripe::Rate::Unlimited,
    }
}

/// The short names of a source's columns, where its header can be seen without a network; a problem when what is declared
/// cannot be.
pub fn column_names(source: &SourceConfig) -> Result<Option<Vec<String>>, Problem> {
    let SourceKind::Csv { .. } = source.kind else { return Ok(None) };
    let csv = CsvSource::new(csv_config(source))?;
    // A file that is not there, or not whole, is for the run to tell.
    let Ok(headers) = csv.headers() else { return Ok(None) };
    // Nor is a header that lacks a column: the names of such a file say nothing about templates.
    let headers: Vec<String> = headers.iter().map(|header| clean(header)).collect();
    if !source.columns.iter().all(|column| headers.contains(&clean(&column.header))) {
        return Ok(None);
    }
    let mut names: Vec<String> = source.columns.iter().map(|column| column.name.clone()).collect();
    for header in headers {
        let name = snake_case(&header);
        if !source.columns.iter().any(|column| clean(&column.header) == header) && !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(Some(names))
}
