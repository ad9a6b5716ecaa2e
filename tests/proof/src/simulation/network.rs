//! The network between a process and the accounts. A request that has left goes its own way, whoever waits for it.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use http::{HeaderValue, Request, Response};
use rowbill_stripe::{Lost, TOTAL, Transport};
use rowbill_stripe_sandbox::Sandbox;
use tokio::time::{Instant, sleep, timeout};

use super::broken::Broken;
use super::business::CANARY;
use super::shape::Trouble;
use super::trips::Port;
use super::world::{World, hold};

/// So long a held request stays: with the way there, and the minute in which a send may wait for the rate limits, less
/// than the six minutes after which rowbill takes it for dead.
const HELD: Duration = Duration::from_mins(3);

/// What left, and what came back.
#[derive(Debug, Default)]
pub struct Wires {
    unplugged: BTreeMap<&'static str, bool>,
    /// By process and account.
    pub lines: BTreeMap<(u32, &'static str), Line>,
    /// When the last request left.
    pub last: Option<Instant>,
    /// The idempotency keys that left, in their order.
    pub keys: Vec<String>,
    requests: u64,
}

/// The line of one process to one account.
#[derive(Debug, Default)]
pub struct Line {
    /// When requests left.
    pub left: Vec<Instant>,
    /// The key was refused.
    pub refused: bool,
    /// A POST left after that.
    pub after_refusal: Option<String>,
}

impl Wires {
    /// A key that works again may be used again, by whom it was refused as well.
    pub fn put_right(&mut self, account: &'static str) {
        self.unplug(account, false);
        let of_account = self.lines.iter_mut().filter(|((_, other), _)| *other == account);
        of_account.for_each(|(_, line)| line.refused = false);
    }

    /// Pulls a plug, or puts it back.
    pub fn unplug(&mut self, account: &'static str, out: bool) {
        self.unplugged.insert(account, out);
    }
}

/// One process's way to one account.
pub struct Network {
    /// The process's port.
    pub port: Port,
    /// The account.
    pub account: &'static str,
    /// The number of the process.
    pub process: u32,
}

/// What becomes of a request on its way.
struct Way {
    there: Duration,
    arrives: bool,
    comes_back: bool,
}

#[async_trait]
impl Transport for Network {
    async fn exchange(&self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Lost> {
        self.port.pass(false).await;
        let world = &self.port.world;
        let is_search = request.uri().path().ends_with("/search");
        let (request, way) = self.leave(request);
        if !way.arrives {
            sleep(way.there.min(Duration::from_secs(5))).await;
            self.port.pass(false).await;
            world.count("requests lost");
            return Err(Lost::Connect(format!("connection refused for Bearer {CANARY}")));
        }
        let sandbox = world.stripe[self.account].clone();
        let arrival = tokio::spawn(async move {
            sleep(way.there).await;
            answered(&sandbox, request).await
        });
        let answer = timeout(TOTAL, arrival).await;
        self.port.pass(false).await;
        let Ok(answer) = answer else {
            world.count("requests given up");
            return Err(Lost::Timeout("operation timed out".to_owned()));
        };
        match answer.ok().flatten() {
            Some(answer) if way.comes_back => {
                // A key that may not search may do everything else.
                if answer.status() == 401 || (answer.status() == 403 && !is_search) {
                    self.line(|line| line.refused = true);
                }
                Ok(answer)
            }
            _ if world.broken == Some(Broken::LostIsRefused) => Ok(refusal()),
            _ => {
                world.count("answers lost");
                Err(Lost::Cut(format!("connection reset; authorization: Bearer {CANARY}")))
            }
        }
    }
}

impl Network {
    fn line<T>(&self, with: impl FnOnce(&mut Line) -> T) -> T {
        with(hold(&self.port.world.wires).lines.entry((self.process, self.account)).or_default())
    }

    /// The request leaves: from now on it is the network's.
    fn leave(&self, mut request: Request<Vec<u8>>) -> (Request<Vec<u8>>, Way) {
        let world = &self.port.world;
        let what = format!("{} {}", request.method(), request.uri().path());
        self.line(|line| {
            line.left.push(Instant::now());
            if line.refused && request.method() != "GET" {
                line.after_refusal.get_or_insert_with(|| what.clone());
            }
        });
        let (number, unplugged) = {
            let wires = &mut *hold(&world.wires);
            wires.last = Some(Instant::now());
            let key = request.headers().get("idempotency-key").and_then(|key| key.to_str().ok());
            wires.keys.extend(key.map(str::to_owned));
            wires.requests += 1;
            (wires.requests, wires.unplugged.get(self.account) == Some(&true))
        };
        world.count("requests");
        if world.broken == Some(Broken::NewKeyEachTime)
            && let Some(key) = request.headers().get("idempotency-key").and_then(|key| key.to_str().ok())
            && let Ok(key) = HeaderValue::from_str(&format!("{key}-{number}"))
        {
            request.headers_mut().insert("idempotency-key", key);
        }
        if world.broken == Some(Broken::CentShort) && request.method() == "POST" {
            *request.body_mut() = cent_short(request.body());
        }
        let mut way = way(world, unplugged);
        if world.broken == Some(Broken::StoppedClock) && request.method() == "POST" {
            // Only what stays open for a day can show it.
            way.comes_back &= world.roll(20) == 0;
        }
        (request, way)
    }
}

/// An amount in a form's body, a cent less.
fn cent_short(body: &[u8]) -> Vec<u8> {
    let fields = form_urlencoded::parse(body).map(|(name, value)| {
        let less = value.parse().ok().filter(|_| name == "amount").map(|amount: i64| (amount - 1).to_string());
        (name, less.unwrap_or(value.into_owned()))
    });
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish().into_bytes()
}

fn refusal() -> Response<Vec<u8>> {
    let mut response = Response::new(br#"{"error":{"type":"invalid_request_error","message":"No."}}"#.to_vec());
    *response.status_mut() = http::StatusCode::BAD_REQUEST;
    response
}

fn way(world: &World, unplugged: bool) -> Way {
    let there = match world.roll(if world.shape.has(Trouble::Late) { 12 } else { 1 }) {
        11 => Duration::from_secs(u64::from(world.roll(70))),
        _ => Duration::from_millis(u64::from(5 + world.roll(60))),
    };
    let one_in = if world.broken.is_some() { 4 } else { 15 };
    let lost = || world.strikes(Trouble::Network, one_in);
    Way { there, arrives: !unplugged && !lost(), comes_back: !lost() }
}

/// What is held is let go after a while, so that nothing is under way for ever.
async fn answered(sandbox: &Sandbox, request: Request<Vec<u8>>) -> Option<Response<Vec<u8>>> {
    let answer = sandbox.answer(request);
    let mut answer = std::pin::pin!(answer);
    if let Ok(answer) = timeout(HELD, &mut answer).await {
        return answer;
    }
    sandbox.faults().release();
    answer.await
}
