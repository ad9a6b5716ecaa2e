//! The sandbox and npm's `stripe-stateful-mock` mean the same by an idempotency key; where they do not, the table says
//! what each does, and why the sandbox is the one that does what Stripe documents.

use std::collections::HashMap;

use reqwest::Method;
use rowbill_stripe_sandbox::Fault;

use super::stateful::{Answer, Question, Side, StatefulMock};

const CUSTOMERS: &str = "POST /v1/customers";
const PRODUCTS: &str = "POST /v1/products";
/// The object that is called `a`: the first one that was answered.
const CHANGE: &str = "POST /v1/customers/{a}";
const MISSING: &str = "POST /v1/customers/cus_missing";
const READ: &str = "GET /v1/customers/{a}";

/// What the mock does otherwise, and by what right the sandbox does not.
const BY_PATH: &str = "the mock keeps keys per path; at Stripe a key belongs to its first endpoint";
const KEEPS_REFUSALS: &str = "the mock keeps all but 401 and 429; Stripe keeps nothing when the parameters are invalid";
const KEYED_READS: &str = "the mock takes keys on GET; at Stripe they have no effect there";
const ANY_LENGTH: &str = "the mock takes keys of any length; at Stripe 255 characters are the most";
const GUESSED_TYPE: &str =
    "\"an educated guess\", says the mock's source; Stripe's list of error types has none for limits";

/// One request and its answer: status, then the object (`a` is the first of the scenario) and its description, or the
/// error's type, code and parameter, then whether it is a replay. `COUNT` is answered by how many there are now.
#[derive(Clone, Copy)]
struct Step {
    request: &'static str,
    form: &'static str,
    key: &'static str,
    /// What Stripe documents: the sandbox must do it, and the mock, unless `mock` says what that one does, and why.
    answer: &'static str,
    mock: Option<(&'static str, &'static str)>,
    /// The mock is asked this instead.
    mock_asked: Option<(&'static str, &'static str)>,
    fault: Option<fn() -> Fault>,
    secret: &'static str,
}

impl Step {
    const fn but(mut self, answer: &'static str, why: &'static str) -> Self {
        self.mock = Some((answer, why));
        self
    }

    /// The mock is asked for something else, since it has its failures in charges.
    const fn or(mut self, request: &'static str, form: &'static str) -> Self {
        self.mock_asked = Some((request, form));
        self
    }

    const fn broken(mut self, fault: fn() -> Fault) -> Self {
        self.fault = Some(fault);
        self
    }

    const fn by(mut self, secret: &'static str) -> Self {
        self.secret = secret;
        self
    }
}

const fn step(request: &'static str, form: &'static str, key: &'static str, answer: &'static str) -> Step {
    let secret = "sk_test_compared";
    Step { request, form, key, answer, mock: None, mock_asked: None, fault: None, secret }
}

/// How many objects were made in the scenario.
const fn made(list: &'static str, answer: &'static str) -> Step {
    step(list, "", "", answer)
}

const FAILING: &str = "amount=500&currency=usd&description=A&source=tok_500|tok_visa|compared";
const LIMITED: &str = "amount=500&currency=usd&description=A&source=tok_429|tok_visa|compared";
const LONG_KEY: &str = match str::from_utf8(&[b'k'; 256]) {
    Ok(key) => key,
    Err(_) => panic!(),
};

const SCENARIOS: &[(&str, &[Step])] = &[
    (
        "one key, one object",
        &[
            step(CUSTOMERS, "description=A", "k", "200 a A"),
            step(CUSTOMERS, "description=A", "k", "200 a A, replayed"),
            step(CUSTOMERS, "description=A", "k", "200 a A, replayed"),
            made("COUNT /v1/customers", "1"),
        ],
    ),
    (
        "parameters are compared, not bytes",
        &[
            step(CUSTOMERS, "description=A&email=a%40b.example&metadata[x]=1", "k", "200 a A"),
            step(CUSTOMERS, "metadata%5Bx%5D=1&email=a@b.example&description=%41", "k", "200 a A, replayed"),
            made("COUNT /v1/customers", "1"),
        ],
    ),
    (
        "other parameters under the same key",
        &[
            step(CUSTOMERS, "description=A&metadata[x]=1", "k", "200 a A"),
            step(CUSTOMERS, "description=B&metadata[x]=1", "k", "400 idempotency_error"),
            step(CUSTOMERS, "description=A&metadata[x]=2", "k", "400 idempotency_error"),
            step(CUSTOMERS, "description=A", "k", "400 idempotency_error"),
            step(CUSTOMERS, "description=A&metadata[x]=1&email=a@b.example", "k", "400 idempotency_error"),
            step(CUSTOMERS, "description=A&metadata[x]=1", "k", "200 a A, replayed"),
            made("COUNT /v1/customers", "1"),
        ],
    ),
    (
        "other keys, and none",
        &[
            step(CUSTOMERS, "description=A", "k", "200 a A"),
            step(CUSTOMERS, "description=A", "K", "200 b A"),
            step(CUSTOMERS, "description=A", "", "200 c A"),
            step(CUSTOMERS, "description=A", "", "200 d A"),
            made("COUNT /v1/customers", "4"),
        ],
    ),
    (
        "a replay shows the object as it was",
        &[
            step(CUSTOMERS, "description=Before", "k", "200 a Before"),
            step(CHANGE, "description=After", "", "200 a After"),
            step(CUSTOMERS, "description=Before", "k", "200 a Before, replayed"),
            step(READ, "", "", "200 a After"),
        ],
    ),
    (
        "a change is made once",
        &[
            step(CUSTOMERS, "description=A", "", "200 a A"),
            step(CHANGE, "description=B", "k", "200 a B"),
            step(CHANGE, "description=C", "", "200 a C"),
            step(CHANGE, "description=B", "k", "200 a B, replayed"),
            step(READ, "", "", "200 a C"),
        ],
    ),
    (
        "one key at two endpoints",
        &[
            step(CUSTOMERS, "description=A", "k", "200 a A"),
            step(CHANGE, "description=A", "k", "400 idempotency_error").but("200 a A", BY_PATH),
            step(PRODUCTS, "name=A&description=A", "k", "400 idempotency_error").but("200 b A", BY_PATH),
            made("COUNT /v1/customers", "1"),
            made("COUNT /v1/products", "0").but("1", BY_PATH),
        ],
    ),
    (
        "the refusal of an executed request is kept",
        &[
            step(MISSING, "description=A", "k", "404 invalid_request_error resource_missing id"),
            step(MISSING, "description=A", "k", "404 invalid_request_error resource_missing id, replayed"),
            step(MISSING, "description=B", "k", "400 idempotency_error"),
            step(MISSING, "description=A", "K", "404 invalid_request_error resource_missing id"),
        ],
    ),
    (
        "invalid parameters leave the key free",
        &[
            step(PRODUCTS, "description=A", "k", "400 invalid_request_error parameter_missing name"),
            step(PRODUCTS, "description=A", "k", "400 invalid_request_error parameter_missing name")
                .but("400 invalid_request_error parameter_missing name, replayed", KEEPS_REFUSALS),
            step(PRODUCTS, "name=A&description=A", "k", "200 a A").but("400 idempotency_error", KEEPS_REFUSALS),
            made("COUNT /v1/products", "1").but("0", KEEPS_REFUSALS),
        ],
    ),
    (
        "a wrong secret leaves the key free",
        &[
            step(CUSTOMERS, "description=A", "k", "401 invalid_request_error").by("nonsense"),
            step(CUSTOMERS, "description=A", "k", "200 a A"),
            step(CUSTOMERS, "description=A", "k", "401 invalid_request_error").by("nonsense"),
            step(CUSTOMERS, "description=A", "k", "200 a A, replayed"),
            made("COUNT /v1/customers", "1"),
        ],
    ),
    (
        "a failure is kept",
        &[
            step(CUSTOMERS, "description=A", "k", "500 api_error")
                .broken(|| Fault::FailUncommitted(500))
                .or("POST /v1/charges", FAILING),
            step(CUSTOMERS, "description=A", "k", "500 api_error, replayed").or("POST /v1/charges", FAILING),
            step(CUSTOMERS, "description=A", "K", "200 a A").or("POST /v1/charges", FAILING),
            made("COUNT /v1/customers", "1").or("COUNT /v1/charges", ""),
        ],
    ),
    (
        "a limit leaves the key free",
        &[
            step(CUSTOMERS, "description=A", "k", "429 invalid_request_error rate_limit")
                .broken(|| Fault::RateLimited { reason: "global-rate".into(), retry_after: None })
                .or("POST /v1/charges", LIMITED)
                .but("429 rate_limit_error rate_limit", GUESSED_TYPE),
            step(CUSTOMERS, "description=A", "k", "200 a A").or("POST /v1/charges", LIMITED),
            step(CUSTOMERS, "description=A", "k", "200 a A, replayed").or("POST /v1/charges", LIMITED),
            made("COUNT /v1/customers", "1").or("COUNT /v1/charges", ""),
        ],
    ),
    (
        "a key means nothing to a read",
        &[
            step(CUSTOMERS, "description=Before", "", "200 a Before"),
            step(READ, "", "k", "200 a Before"),
            step(CHANGE, "description=After", "", "200 a After"),
            step(READ, "", "k", "200 a After").but("200 a Before, replayed", KEYED_READS),
            step(CUSTOMERS, "description=B", "k", "200 b B"),
        ],
    ),
    (
        "keys have a longest",
        &[step(CUSTOMERS, "description=A", LONG_KEY, "400 invalid_request_error").but("200 a A", ANY_LENGTH)],
    ),
];

/// One side of a scenario.
struct Play<'a> {
    side: &'a Side<'a>,
    /// The mock forgets nothing between scenarios, so each has keys of its own.
    scenario: usize,
    /// Ids in the order in which they were first answered.
    ids: Vec<String>,
    before: HashMap<&'static str, usize>,
}

impl<'a> Play<'a> {
    fn new(side: &'a Side<'a>, scenario: usize, steps: &[Step]) -> Self {
        let mut play = Self { side, scenario, ids: Vec::new(), before: HashMap::new() };
        let lists = steps.iter().filter_map(|step| play.asked(step).0.strip_prefix("COUNT "));
        play.before = lists.map(|list| (list, side.count(list))).collect();
        play
    }

    fn asked(&self, step: &Step) -> (&'static str, &'static str) {
        let other = step.mock_asked.filter(|_| matches!(self.side, Side::Mock(_)));
        other.unwrap_or((step.request, step.form))
    }

    fn take(&mut self, step: &Step) -> String {
        let (request, form) = self.asked(step);
        let (method, path) = request.split_once(' ').unwrap();
        if method == "COUNT" {
            return (self.side.count(path) - self.before[path]).to_string();
        }
        let path = self.ids.first().map_or(path.to_owned(), |id| path.replace("{a}", id));
        let key = if step.key.is_empty() { String::new() } else { format!("{}-{}", self.scenario, step.key) };
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        if let Some(fault) = step.fault {
            self.side.break_next(fault());
        }
        let question = Question { method, secret: step.secret, ..Question::post(&path, form, &key) };
        let answer = self.side.ask(&question);
        self.told(&answer)
    }

    fn told(&mut self, answer: &Answer) -> String {
        let error = &answer.body["error"];
        let mut words = vec![answer.status.to_string()];
        if let Some(id) = answer.id() {
            let at = self.ids.iter().position(|known| known == id).unwrap_or_else(|| {
                self.ids.push(id.to_owned());
                self.ids.len() - 1
            });
            words.push(char::from(b'a' + u8::try_from(at).unwrap()).into());
        }
        let texts = [&answer.body["description"], &error["type"], &error["code"], &error["param"]];
        words.extend(texts.into_iter().filter_map(|text| text.as_str()).map(str::to_owned));
        words.join(" ") + if answer.is_replay() { ", replayed" } else { "" }
    }
}

#[test]
fn keys_mean_what_they_mean_to_the_stateful_mock() {
    let Some(mock) = StatefulMock::start() else { return };
    let mut wrong = Vec::new();
    for (number, (title, steps)) in SCENARIOS.iter().enumerate() {
        for side in &Side::both(&mock) {
            let mut play = Play::new(side, number, steps);
            for (at, step) in steps.iter().enumerate() {
                let other = step.mock.filter(|_| matches!(side, Side::Mock(_)));
                let (expected, why) = other.unwrap_or((step.answer, "as Stripe documents it"));
                let told = play.take(step);
                if told != expected {
                    let (name, at) = (side.name(), at + 1);
                    wrong.push(format!("{title}, step {at}: {name} answers {told:?} instead of {expected:?} ({why})"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn differences_from_the_stateful_mock_are_differences() {
    for step in SCENARIOS.iter().flat_map(|(_, steps)| *steps) {
        assert_ne!(step.mock.map(|(answer, _)| answer), Some(step.answer), "{}", step.request);
    }
}

#[test]
fn a_crowd_with_one_key_makes_one_customer_at_both() {
    let Some(mock) = StatefulMock::start() else { return };
    for side in &Side::both(&mock) {
        let name = side.name();
        let crowd = vec![Question::post("/v1/customers", "description=A", "crowd"); 24];
        let (taken, others): (Vec<_>, Vec<_>) =
            side.ask_all(&crowd).into_iter().partition(|answer| answer.status == 200);
        // Stripe may also say that the first of them is still under way; the mock executes in one go.
        let in_use = |answer: &Answer| (answer.status, answer.body["error"]["code"].as_str().map(str::to_owned));
        for other in &others {
            assert_eq!(in_use(other), (409, Some("idempotency_key_in_use".to_owned())), "{name}");
        }
        assert_eq!(taken.iter().filter(|answer| !answer.is_replay()).count(), 1, "{name}: {taken:?}");
        let again = side.ask(&crowd[0]);
        assert!(again.is_replay() && taken.iter().all(|answer| answer.body == again.body), "{name}: {taken:?}");
        assert_eq!(side.count("/v1/customers"), 1, "{name}");

        let crowd: Vec<_> =
            (0..24).map(|n| Question::post("/v1/customers", "description=A", &format!("own-{n}"))).collect();
        assert!(side.ask_all(&crowd).iter().all(|answer| answer.status == 200 && !answer.is_replay()), "{name}");
        assert_eq!(side.count("/v1/customers"), 25, "{name}");
    }
}

#[test]
fn a_replay_has_its_own_request_id_at_both() {
    let Some(mock) = StatefulMock::start() else { return };
    for side in &Side::both(&mock) {
        let name = side.name();
        let question = Question::post("/v1/customers", "description=A", "headers");
        let [first, again] = [side.ask(&question), side.ask(&question)];
        assert_eq!((first.is_replay(), again.is_replay()), (false, true), "{name}");
        assert_eq!(first.body, again.body, "{name}");
        let ids = [&first, &again].map(|answer| answer.header("request-id").unwrap());
        assert!(ids[0] != ids[1] && ids.iter().all(|id| id.starts_with("req_")), "{name}: {ids:?}");
        // Stripe sends both of these headers, each fake only one of them.
        let (key, original) = (again.header("idempotency-key"), again.header("original-request"));
        let expected = match side {
            Side::Sandbox(_) => (Some("headers"), None),
            Side::Mock(_) => (None, Some(ids[0])),
        };
        assert_eq!((key, original), expected, "{name}");
    }
}
