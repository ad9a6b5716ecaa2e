//! Answers requests.

use std::io;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State as Shared};
use axum::http::request::Parts;
use axum::http::{Response, header};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::check::{Method, check_body, check_query};
use super::{Call, SPREADSHEET, State, grid, locked, token};

const BODY_LIMIT: usize = 64 * 1024 * 1024;

/// Status, words for a program, words for a person.
pub(super) struct Refusal(pub(super) u16, pub(super) &'static str, pub(super) String);

impl Refusal {
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self(400, "INVALID_ARGUMENT", message.into())
    }

    fn body(&self) -> Value {
        json!({ "error": { "code": self.0, "message": self.2, "status": self.1 } })
    }
}

/// Runs the server until `stopped`.
pub(super) fn spawn(listener: TcpListener, state: Arc<Mutex<State>>, stopped: oneshot::Receiver<()>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let listener = {
        let _inside = runtime.enter();
        tokio::net::TcpListener::from_std(listener)?
    };
    let serve = async move {
        let router = Router::new().fallback(answer).with_state(state);
        tokio::select! {
            _ = axum::serve(listener, router).into_future() => {}
            _ = stopped => {}
        }
    };
    std::thread::Builder::new().name("fake-sheets".to_owned()).spawn(move || runtime.block_on(serve)).map(drop)
}

async fn answer(Shared(state): Shared<Arc<Mutex<State>>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, BODY_LIMIT).await.unwrap_or_default();
    respond(&mut locked(&state), &parts, &body)
}

fn respond(state: &mut State, parts: &Parts, body: &[u8]) -> Response<Body> {
    let is_token = parts.uri.path() == "/token";
    let found = Method::find(parts.method.as_str(), parts.uri.path());
    let method = match &found {
        _ if is_token => "token".to_owned(),
        Some((method, _)) => method.name().to_owned(),
        None => format!("{} {}", parts.method, parts.uri.path()),
    };
    let query: Vec<(String, String)> =
        form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let fault = state.fault(&method);
    let carried_out = fault.as_ref().is_none_or(|fault| fault.after_commit);
    let (mut status, mut answer) = match &found {
        _ if !carried_out => (200, Value::Null),
        _ if is_token => token::give(state, body),
        Some((method, id)) => call(state, method, id, parts, &query, body)
            .map_or_else(|refusal| (refusal.0, refusal.body()), |answer| (200, answer)),
        None => (404, json!({ "error": { "code": 404, "message": "Not Found", "status": "NOT_FOUND" } })),
    };
    if let Some(fault) = &fault {
        status = fault.status;
        answer = json!({ "error": { "code": status, "message": "A fault was asked for.", "status": "FAULT" } });
    }
    state.calls.push(Call { method, query, body: serde_json::from_slice(body).unwrap_or_default(), status });
    let mut response = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
    if let Some(seconds) = fault.and_then(|fault| fault.retry_after) {
        response = response.header(header::RETRY_AFTER, seconds);
    }
    response.body(Body::from(answer.to_string())).unwrap_or_default()
}

fn call(
    state: &mut State,
    method: &Method,
    id: &str,
    parts: &Parts,
    query: &[(String, String)],
    body: &[u8],
) -> Result<Value, Refusal> {
    check_query(method, query)?;
    let body = check_body(method, body)?;
    authorize(state, method, parts)?;
    if id != SPREADSHEET || state.gone {
        return Err(Refusal(404, "NOT_FOUND", "Requested entity was not found.".to_owned()));
    }
    match method.name() {
        "spreadsheets.get" => Ok(facts(state, query)),
        "values.batchGet" => batch_get(state, query),
        _ => batch_update(state, &body),
    }
}

fn authorize(state: &State, method: &Method, parts: &Parts) -> Result<(), Refusal> {
    let header = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let scopes = header.and_then(|text| text.strip_prefix("Bearer ")).and_then(|token| state.tokens.get(token));
    let Some(scopes) = scopes else {
        let message = "Request had invalid authentication credentials. Expected OAuth 2 access token.";
        return Err(Refusal(401, "UNAUTHENTICATED", message.to_owned()));
    };
    if scopes.split(' ').any(|scope| method.allows(scope)) {
        return Ok(());
    }
    Err(Refusal(403, "PERMISSION_DENIED", "Request had insufficient authentication scopes.".to_owned()))
}

fn facts(state: &State, query: &[(String, String)]) -> Value {
    let sheets: Vec<Value> = (0..)
        .zip(&state.sheets)
        .map(|(index, (title, _)): (u32, _)| {
            json!({ "properties": { "sheetId": index, "title": title, "index": index, "sheetType": "GRID" } })
        })
        .collect();
    let whole = json!({
        "spreadsheetId": SPREADSHEET,
        "properties": { "title": "Fake", "locale": "uk_UA", "timeZone": state.zone },
        "sheets": sheets,
    });
    match query.iter().find(|(name, _)| name == "fields") {
        Some((_, mask)) => super::check::masked(&whole, &mask.split(',').collect::<Vec<_>>()),
        None => whole,
    }
}

fn batch_get(state: &State, query: &[(String, String)]) -> Result<Value, Refusal> {
    let option = |wanted: &str| query.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    if option("majorDimension").is_some_and(|dimension| dimension != "ROWS") {
        return Err(Refusal(501, "UNIMPLEMENTED", "The fake gives rows only.".to_owned()));
    }
    let formatted = option("valueRenderOption").is_none_or(|option| option == "FORMATTED_VALUE");
    let ranges: Result<Vec<Value>, Refusal> = query
        .iter()
        .filter(|(name, _)| name == "ranges")
        .map(|(_, range)| grid::read(&state.sheets, range, formatted))
        .collect();
    Ok(json!({ "spreadsheetId": SPREADSHEET, "valueRanges": ranges? }))
}

/// All ranges are checked before the first is written.
fn batch_update(state: &mut State, body: &Value) -> Result<Value, Refusal> {
    if body["valueInputOption"] != "RAW" {
        return Err(Refusal(501, "UNIMPLEMENTED", "The fake writes RAW only.".to_owned()));
    }
    let mut sheets = state.sheets.clone();
    let mut cells = 0;
    for range in body["data"].as_array().into_iter().flatten() {
        cells += grid::write(&mut sheets, range)?;
    }
    state.sheets = sheets;
    Ok(json!({ "spreadsheetId": SPREADSHEET, "totalUpdatedCells": cells }))
}
