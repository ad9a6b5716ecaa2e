//! The first half of a run: the whole source is read and mapped, and every row gets a class, before anything is sent.

use std::collections::HashSet;

use rowbill_connector::{Problem, Row, Source};
use serde::{Deserialize, Serialize};

use super::classify::{Now, classify};
use super::engine::Engine;
use super::groups::{self, GroupPlan};
use super::index::{Class, Doubles, Entry, duplicates};
use super::items::{Item, item_class, item_of};
use super::records::{blank, record, request_digest};
use super::spool::{NOWHERE, Spool};
use crate::config::{Action, Connection, OnChange};
use crate::ledger::{RowId, RowRecord, RowState};
use crate::mapping::binding::Binding;
use crate::mapping::identity::{Digest, row_id};
use crate::mapping::recipe::Prepared;
use crate::mapping::row::{Mapped, Outcome};
use crate::protocol::Time;

/// So many rows are looked up at once.
const CHUNK: usize = 500;

/// What is remembered of a row that is not simply done.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Spooled {
    /// The key values; of a group's row those of the group.
    pub key: Vec<String>,
    /// The key cells as the source has them, for a write-back.
    pub cells: Vec<String>,
    /// Hash of the cells.
    pub content: Digest,
    /// Hash of the request.
    pub request: Digest,
    /// What is to be sent for it.
    pub prepared: Option<Prepared>,
    /// Of a group's row: what is to be sent for the invoice.
    pub head: Option<Prepared>,
    /// Why it is not to be sent.
    pub problem: Option<Problem>,
    /// Of a row whose item another connection made: the item, and the invoice that it is on.
    pub item: Option<Item>,
}

/// A reading of a source, classified.
pub struct Survey {
    /// One entry per row, in the order of the source.
    pub entries: Vec<Entry>,
    /// What more is to be remembered of some rows.
    pub spool: Spool,
    /// Rows with the same key.
    pub doubles: Doubles,
    /// Of an invoice connection: its groups, in the order of their first rows.
    pub groups: Vec<GroupPlan>,
    /// The columns as they were found.
    pub binding: Binding,
    /// Where the rows are, for messages.
    pub origin: String,
}

/// Reads, maps and classifies. Nothing is sent, and the ledger is changed only by `touch`.
pub async fn survey(
    engine: &Engine,
    connection: &Connection,
    source: &dyn Source,
    scope: &Scope<'_>,
) -> Result<Survey, Vec<Problem>> {
    let one = |problem| vec![problem];
    let mut reading = source.read().await.map_err(one)?;
    let binding = Binding::new(&connection.recipe, &reading.header, engine.zone())?;
    let items = items_binding(engine, connection, &reading.header)?;
    let only = scope.only.map(|key| match connection.action.invoice() {
        Some(invoice) => binding.typed_group(key, &invoice.group_by),
        None => binding.typed_key(key),
    });
    let mut surveyor = Surveyor {
        engine,
        connection,
        scope,
        only,
        items,
        entries: Vec::new(),
        spool: Spool::new().map_err(one)?,
        heads: HashSet::new(),
        touched: Spool::new().map_err(one)?,
    };
    while let Some(batch) = futures::StreamExt::next(&mut reading.batches).await {
        let rows = batch.map_err(one)?;
        for chunk in rows.chunks(CHUNK) {
            surveyor.chunk(&binding, chunk).await.map_err(one)?;
        }
        engine.progress.read(surveyor.entries.len() as u64);
    }
    if surveyor.only.is_some() && surveyor.entries.is_empty() {
        let problem = Problem::new("run.no_such_row", "no row of the source has this key; nothing was sent");
        return Err(vec![problem.advise("write the key as the source has it; several columns as one CSV record")]);
    }
    let Surveyor { mut entries, mut spool, mut touched, .. } = surveyor;
    let mut survey = if connection.action.invoice().is_some() {
        let groups = groups::plan(engine, connection, scope, &mut entries, &mut spool).await.map_err(one)?;
        Survey { entries, spool, doubles: Doubles::default(), groups, binding, origin: String::new() }
    } else {
        let doubles = duplicates(&mut entries, connection.duplicates);
        Survey { entries, spool, doubles, groups: Vec::new(), binding, origin: String::new() }
    };
    survey.origin = reading.header.origin.to_string();
    // Only now: a source that turns out to be broken off must leave no trace.
    if !scope.dry {
        record(engine, &mut touched).await.map_err(one)?;
    }
    Ok(survey)
}

/// How a survey is made.
pub struct Scope<'a> {
    /// A plan: the ledger is only read.
    pub dry: bool,
    /// This is the connection's first run, and `first_run: only_new` holds.
    pub only_new: bool,
    /// Only the row or group with this key.
    pub only: Option<&'a [String]>,
    /// The run, for records.
    pub run: &'a str,
    /// Now.
    pub now: Time,
}

struct Surveyor<'a> {
    engine: &'a Engine,
    connection: &'a Connection,
    scope: &'a Scope<'a>,
    /// The one key that is asked for, as it is compared.
    only: Option<Vec<String>>,
    items: Option<(&'a Connection, Binding)>,
    entries: Vec<Entry>,
    spool: Spool,
    heads: HashSet<Digest>,
    /// Records that are written once the source is known to be whole.
    touched: Spool,
}

fn items_binding<'a>(
    engine: &'a Engine,
    connection: &Connection,
    header: &rowbill_connector::Header,
) -> Result<Option<(&'a Connection, Binding)>, Vec<Problem>> {
    let Some(name) = connection.action.invoice().and_then(|invoice| invoice.items_from.as_deref()) else {
        return Ok(None);
    };
    let items = engine.project.connection(name).map_err(|problem| vec![problem])?;
    let binding = Binding::new(&items.recipe, header, engine.zone())?;
    Ok(Some((items, binding)))
}

impl Surveyor<'_> {
    async fn chunk(&mut self, binding: &Binding, rows: &[Row]) -> Result<(), Problem> {
        match (&self.connection.action, &self.items) {
            (Action::CreateInvoice(_), Some(_)) => self.items_chunk(binding, rows).await,
            (Action::CreateInvoice(_), None) => self.lines_chunk(binding, rows),
            _ => self.rows_chunk(binding, rows).await,
        }
    }

    /// Rows that are customers or items.
    async fn rows_chunk(&mut self, binding: &Binding, rows: &[Row]) -> Result<(), Problem> {
        let around = self.engine.surroundings();
        let mapped: Vec<Mapped> = rows.iter().map(|row| binding.map(&self.connection.recipe, row, &around)).collect();
        let ids: Vec<RowId> = mapped.iter().map(|mapped| RowId(id_of(mapped))).collect();
        let records = self.records(&self.connection.name, &ids).await?;
        for (((mapped, row), id), record) in mapped.into_iter().zip(rows).zip(ids).zip(records) {
            if self.only.as_ref().is_some_and(|only| *only != mapped.key) {
                continue;
            }
            let spooled = self.row(binding, row, mapped, record.as_ref())?;
            self.remember(id.0, spooled, row.number)?;
        }
        Ok(())
    }

    fn row(
        &mut self,
        binding: &Binding,
        row: &Row,
        mapped: Mapped,
        record: Option<&RowRecord>,
    ) -> Result<(Class, Spooled, bool), Problem> {
        let request = request_digest(&mapped.outcome);
        let now = Now { outcome: &mapped.outcome, content: mapped.content, request };
        let (mut class, mut problem) = classify(&now, record, self.connection.on_change);
        if class == Class::NeedsReview && accepted(record, request) {
            (class, problem) = (Class::Update, None);
        }
        if self.scope.only_new && record.is_none() && matches!(class, Class::Create | Class::Failed) {
            // A row that is there and cannot be mapped yet is there all the same; it is told as failed this once.
            if class == Class::Create {
                class = Class::AlreadyDone;
            }
            if mapped.key.iter().all(|part| !part.is_empty()) {
                let state = RowState::There;
                let (content, blank) = (mapped.content, blank(self.connection, &mapped.key, self.scope));
                self.touched.push(&RowRecord { state, content, request, ..blank })?;
            }
        }
        if let Some(record) = record.filter(|_| class == Class::AlreadyDone && !self.scope.only_new) {
            self.touch(record, mapped.content, request)?;
        }
        let keep = !matches!(class, Class::AlreadyDone | Class::Skipped | Class::WouldDiffer);
        let writes = !self.connection.write_back.columns.is_empty();
        let spooled = Spooled {
            cells: if writes { binding.key_cells(row) } else { Vec::new() },
            key: mapped.key,
            content: mapped.content,
            request,
            prepared: match mapped.outcome {
                Outcome::Ready(prepared) if keep => Some(prepared),
                _ => None,
            },
            problem,
            ..Spooled::default()
        };
        Ok((class, spooled, keep || writes))
    }

    fn remember(
        &mut self,
        id: Digest,
        (class, spooled, keep): (Class, Spooled, bool),
        number: u64,
    ) -> Result<(), Problem> {
        let content = spooled.request;
        let spool = if keep { self.spool.push(&spooled)? } else { NOWHERE };
        let number =
            u32::try_from(number).map_err(|_| Problem::new("source.too_many_rows", "the source has too many rows"))?;
        self.entries.push(Entry { id, content, spool, number, class, follower: false });
        Ok(())
    }

    /// A done row whose cells changed in a way that does not matter: remembered, so that a later change of the mapping
    /// is not taken for an edit; and a row whose edit was undone is no longer a question.
    fn touch(&mut self, record: &RowRecord, content: Digest, request: Digest) -> Result<(), Problem> {
        let is_about_edit = record.problem.as_ref().is_some_and(|problem| {
            matches!(
                problem.code.as_str(),
                "row.changed_after_done" | "row.cannot_clear" | "row.accepted" | "row.retry"
            ) || (record.state == RowState::Failed && !record.objects.is_empty())
        });
        let is_edit_undone = is_about_edit && !record.objects.is_empty() && record.request == request;
        if (record.state == RowState::Done && record.request == request && record.content != content) || is_edit_undone
        {
            let settled = RowRecord { content, state: RowState::Done, problem: None, ..record.clone() };
            self.touched.push(&settled)?;
        }
        Ok(())
    }

    /// Rows that are lines of bills.
    fn lines_chunk(&mut self, binding: &Binding, rows: &[Row]) -> Result<(), Problem> {
        let around = self.engine.surroundings();
        for row in rows {
            let mapped = binding.map(&self.connection.recipe, row, &around);
            if self.only.as_ref().is_some_and(|only| *only != mapped.key) {
                continue;
            }
            let class = match &mapped.outcome {
                Outcome::Skipped => Class::Skipped,
                Outcome::Failed(_) => Class::Failed,
                Outcome::Ready(_) => Class::Create,
            };
            let (prepared, problem) = match mapped.outcome {
                Outcome::Ready(prepared) => (Some(prepared), None),
                Outcome::Failed(problem) => (None, Some(problem)),
                Outcome::Skipped => (None, None),
            };
            let spooled = Spooled { key: mapped.key, content: mapped.content, prepared, problem, ..Spooled::default() };
            self.line(binding, row, class, spooled, mapped.content)?;
        }
        Ok(())
    }

    /// Rows whose items another connection made.
    async fn items_chunk(&mut self, binding: &Binding, rows: &[Row]) -> Result<(), Problem> {
        let Some((items, items_binding)) = &self.items else { return Ok(()) };
        let around = self.engine.surroundings();
        let mapped: Vec<Mapped> = rows.iter().map(|row| items_binding.map(&items.recipe, row, &around)).collect();
        let ids: Vec<RowId> = mapped.iter().map(|mapped| RowId(id_of(mapped))).collect();
        let (name, on_change) =
            (items.name.clone(), if items.on_change == OnChange::Ignore { OnChange::Ignore } else { OnChange::Review });
        let records = self.records(&name, &ids).await?;
        for (((mapped, row), id), record) in mapped.into_iter().zip(rows).zip(ids).zip(records) {
            let (key, problem) = binding.group_key(row, self.group_by());
            if self.only.as_ref().is_some_and(|only| *only != key) {
                continue;
            }
            let now =
                Now { outcome: &mapped.outcome, content: mapped.content, request: request_digest(&mapped.outcome) };
            let (class, why) = classify(&now, record.as_ref(), on_change);
            let (class, problem) = match problem {
                Some(problem) if class != Class::Skipped => (Class::Failed, Some(problem)),
                _ => item_class(class, why, &name),
            };
            let item = record.and_then(|record| item_of(&record));
            // A row that was there before the first run of the items has no item, and so is on no invoice.
            let class = if class == Class::Create && item.is_none() { Class::Skipped } else { class };
            let spooled = Spooled { key, content: mapped.content, problem, item, ..Spooled::default() };
            self.line(binding, row, class, spooled, id.0)?;
        }
        Ok(())
    }

    fn group_by(&self) -> &[String] {
        self.connection.action.invoice().map(|invoice| &invoice.group_by[..]).unwrap_or_default()
    }

    /// One row of a group; the first one also carries what the invoice itself needs.
    fn line(
        &mut self,
        binding: &Binding,
        row: &Row,
        class: Class,
        mut spooled: Spooled,
        member: Digest,
    ) -> Result<(), Problem> {
        let id = if spooled.key.iter().any(String::is_empty) { Digest::default() } else { row_id(&spooled.key) };
        if let Some(invoice) = self.connection.action.invoice()
            && matches!(class, Class::Create | Class::Deferred)
            && self.heads.insert(id)
        {
            match binding.head(&invoice.customer, &invoice.block, row, &self.engine.surroundings()) {
                Ok(head) => spooled.head = Some(head),
                Err(problem) => spooled.problem = Some(problem),
            }
        }
        spooled.cells = if self.connection.write_back.columns.is_empty() { Vec::new() } else { binding.key_cells(row) };
        self.remember(id, (class, spooled, true), row.number)?;
        if let Some(entry) = self.entries.last_mut() {
            entry.content = member;
        }
        Ok(())
    }

    async fn records(&self, connection: &str, ids: &[RowId]) -> Result<Vec<Option<RowRecord>>, Problem> {
        match &self.engine.ledger {
            Some(ledger) => ledger.rows(connection, ids).await,
            None => Ok(vec![None; ids.len()]),
        }
    }
}

/// A person accepted exactly this edit, and it is to be sent.
fn accepted(record: Option<&RowRecord>, request: Digest) -> bool {
    record.is_some_and(|record| {
        record.problem.as_ref().is_some_and(|problem| problem.code == "row.accepted")
            && record.members.get(1) == Some(&request)
    })
}

/// A row without a full key has no id.
fn id_of(mapped: &Mapped) -> Digest {
    if mapped.key.is_empty() || mapped.key.iter().any(String::is_empty) {
        Digest::default()
    } else {
        row_id(&mapped.key)
    }
}
