//! Lists: newest first, with cursors and filters by creation.

use std::ops::Range;

use serde_json::{Value, json};

use super::Params;
use crate::refusal::Refusal;
use crate::store::Table;

const DEFAULT_LIMIT: i64 = 10;
const MAX_LIMIT: i64 = 100;

/// The places that a list is taken from, in order of creation.
pub(super) enum Candidates<'a> {
    /// A whole table of this length.
    All(u32),
    /// These, one after the other.
    Within(Range<u32>),
    /// These.
    Of(&'a [u32]),
}

impl Candidates<'_> {
    pub(super) fn all<T>(table: &Table<T>) -> Self {
        Self::All(u32::try_from(table.len()).unwrap_or(u32::MAX))
    }

    fn len(&self) -> usize {
        match self {
            Self::All(len) => *len as usize,
            Self::Within(range) => range.len(),
            Self::Of(places) => places.len(),
        }
    }

    fn get(&self, index: usize) -> u32 {
        match self {
            Self::All(_) => u32::try_from(index).unwrap_or(u32::MAX),
            Self::Within(range) => range.start + u32::try_from(index).unwrap_or(u32::MAX),
            Self::Of(places) => places[index],
        }
    }

    /// How many candidates come before the first of which this does not hold.
    fn prefix(&self, holds: impl Fn(u32) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            if holds(self.get(middle)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }
}

/// What a request asks of a list.
pub(super) struct Listing {
    url: String,
    limit: usize,
    after: Option<u32>,
    before: Option<u32>,
    created: Span,
}

impl Listing {
    /// Reads limit, cursors and `created`. `find` gives the place of a cursor.
    pub(super) fn new(
        url: impl Into<String>,
        params: &Params,
        find: impl Fn(&str, &str) -> Result<u32, Refusal>,
    ) -> Result<Self, Refusal> {
        let cursor = |name: &str| params.text(name).map(|id| find(id, name)).transpose();
        Ok(Self {
            url: url.into(),
            limit: limit(params)?,
            after: cursor("starting_after")?,
            before: cursor("ending_before")?,
            created: Span::read(params, "created"),
        })
    }

    /// One page of those candidates that are to be kept.
    pub(super) fn answer(
        &self,
        candidates: &Candidates<'_>,
        created: impl Fn(u32) -> i64,
        keep: impl Fn(u32) -> bool,
        render: impl Fn(u32) -> Value,
    ) -> Value {
        let range = self.range(candidates, created);
        let kept = range.map(|index| candidates.get(index)).filter(|&place| keep(place));
        let wanted = self.limit + 1;
        let mut page: Vec<u32> =
            if self.before.is_some() { kept.take(wanted).collect() } else { kept.rev().take(wanted).collect() };
        let more = page.len() > self.limit;
        page.truncate(self.limit);
        if self.before.is_some() {
            page.reverse();
        }
        let data: Vec<Value> = page.into_iter().map(render).collect();
        list(&self.url, &data, more)
    }

    fn range(&self, candidates: &Candidates<'_>, created: impl Fn(u32) -> i64) -> Range<usize> {
        let cursor = self.before.map_or(0, |cursor| candidates.prefix(|place| place <= cursor));
        let start = self.created.from.map_or(0, |from| candidates.prefix(|place| created(place) < from));
        let all = candidates.len();
        let end = self.after.map_or(all, |cursor| candidates.prefix(|place| place < cursor));
        let until = self.created.until.map_or(all, |until| candidates.prefix(|place| created(place) <= until));
        let (start, end) = (cursor.max(start), end.min(until));
        start..end.max(start)
    }
}

/// The body of a list.
pub(super) fn list(url: &str, data: &[Value], more: bool) -> Value {
    json!({"object": "list", "data": data, "has_more": more, "url": url})
}

pub(super) fn limit(params: &Params) -> Result<usize, Refusal> {
    let limit = params.int("limit").unwrap_or(DEFAULT_LIMIT);
    let wrong =
        |what: &str| Refusal::of("limit", format!("This value must be {what}.")).code("parameter_invalid_integer");
    match limit {
        ..1 => Err(wrong("greater than or equal to 1")),
        1..=MAX_LIMIT => Ok(usize::try_from(limit).unwrap_or(1)),
        _ => Err(wrong("less than or equal to 100")),
    }
}

/// A span of time or of numbers, both ends included.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Span {
    from: Option<i64>,
    until: Option<i64>,
}

impl Span {
    /// `created=5` or `created[gte]=5&created[lt]=9`.
    pub(super) fn read(params: &Params, name: &str) -> Self {
        if let Some(exact) = params.int(name) {
            return Self { from: Some(exact), until: Some(exact) };
        }
        let Some(bounds) = params.map(name) else {
            return Self::default();
        };
        let bound = |name: &str| bounds.get(name).and_then(Value::as_i64);
        let above = bound("gt").map(|value| value.saturating_add(1));
        let below = bound("lt").map(|value| value.saturating_sub(1));
        Self { from: bound("gte").max(above), until: [bound("lte"), below].into_iter().flatten().min() }
    }

    pub(super) fn holds(self, value: i64) -> bool {
        self.from.is_none_or(|from| from <= value) && self.until.is_none_or(|until| value <= until)
    }

    pub(super) fn is_open(self) -> bool {
        self.from.is_none() && self.until.is_none()
    }
}
