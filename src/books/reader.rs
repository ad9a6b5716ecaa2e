//! A source read once more, row by row, without regard to the ledger.

use std::time::Duration;

use futures::StreamExt as _;
use rowbill_connector::{Problem, Row, RowBatches};

use crate::config::Connection;
use crate::mapping::binding::Binding;
use crate::mapping::identity::{Digest, row_id};
use crate::mapping::row::Mapped;
use crate::run::Engine;

/// A row as the mapping reads it.
pub struct Wanted {
    /// What the mapping of the row's own object made of it: for an invoice of another connection's items, that one's.
    pub mapped: Mapped,
    /// Of a row that belongs to an invoice: the key of its group; empty where it has none.
    pub group: Vec<String>,
}

/// One reading of a connection's source.
pub struct Reader<'a> {
    engine: &'a Engine,
    connection: &'a Connection,
    binding: Binding,
    /// Of an invoice of another connection's items: that connection.
    items: Option<(&'a Connection, Binding)>,
    batches: RowBatches,
}

impl<'a> Reader<'a> {
    /// Begins to read.
    pub async fn open(engine: &'a Engine, connection: &'a Connection) -> Result<Self, Vec<Problem>> {
        let one = |problem| vec![problem];
        let source = (engine.make_source)(connection, Duration::ZERO).map_err(one)?;
        let reading = source.read().await.map_err(one)?;
        let bind = |connection: &Connection| Binding::new(&connection.recipe, &reading.header, engine.zone());
        let items = connection.action.invoice().and_then(|invoice| invoice.items_from.as_deref());
        let items = items.map(|name| engine.project.connection(name)).transpose().map_err(one)?;
        let items = items.map(|items| Ok::<_, Vec<Problem>>((items, bind(items)?))).transpose()?;
        let binding = bind(connection)?;
        Ok(Self { engine, connection, binding, items, batches: reading.batches })
    }

    /// The next rows; none at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<Wanted>>, Problem> {
        let Some(rows) = self.batches.next().await.transpose()? else { return Ok(None) };
        Ok(Some(rows.iter().map(|row| self.wanted(row)).collect()))
    }

    fn wanted(&self, row: &Row) -> Wanted {
        let around = self.engine.surroundings();
        let (recipe, binding) = match &self.items {
            Some((items, binding)) => (&items.recipe, binding),
            None => (&self.connection.recipe, &self.binding),
        };
        let mapped = binding.map(recipe, row, &around);
        let group = match self.connection.action.invoice() {
            Some(invoice) => self.binding.group_key(row, &invoice.group_by).0,
            None => Vec::new(),
        };
        Wanted { mapped, group }
    }
}

/// The id that the ledger has for a key; none for one that is not whole.
pub fn id_of(key: &[String]) -> Option<Digest> {
    (!key.is_empty() && key.iter().all(|part| !part.is_empty())).then(|| row_id(key))
}
