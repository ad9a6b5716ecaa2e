//! What every ledger keeps of payments, events and cursors.

use super::full_row;
use crate::ledger::{Change, Document, DocumentFilter, DocumentKind, Ledger};

fn document(kind: DocumentKind, id: &str, owner: &str, state: &str) -> Document {
    let record = format!("{{\"id\":\"{id}\",\"what\":\"ключ \\\"\\n\"}}");
    Document { kind, id: id.to_owned(), owner: owner.to_owned(), state: state.to_owned(), record }
}

pub async fn keeps_documents<L: Ledger>(ledger: &L) {
    let ids = ["in_1", "in_2", "in_1"].map(str::to_owned);
    assert_eq!(ledger.documents(DocumentKind::Payment, &ids).await.unwrap(), [None, None, None]);
    let first = document(DocumentKind::Payment, "in_1", "bills", "open");
    // The same id of another kind is another document.
    let event = document(DocumentKind::Event, "in_1", "acme", "pending");
    ledger.commit(vec![Change::Document(first.clone()), Change::Document(event.clone())]).await.unwrap();
    let found = ledger.documents(DocumentKind::Payment, &ids).await.unwrap();
    assert_eq!(found, [Some(first.clone()), None, Some(first.clone())]);
    let paid = Document { state: "paid".to_owned(), record: "{}".to_owned(), ..first };
    ledger.commit(vec![Change::Document(paid.clone())]).await.unwrap();
    assert_eq!(ledger.documents(DocumentKind::Payment, &ids[..1]).await.unwrap(), [Some(paid)]);
    assert_eq!(ledger.documents(DocumentKind::Event, &ids[..1]).await.unwrap(), [Some(event)]);
    assert_eq!(ledger.verify().await.unwrap(), 2);
    let forget = |id: &str| Change::ForgetDocument(DocumentKind::Event, id.to_owned());
    ledger.commit(vec![forget("in_1"), forget("unknown")]).await.unwrap();
    assert_eq!(ledger.documents(DocumentKind::Event, &ids[..1]).await.unwrap(), [None]);
    assert_eq!(ledger.verify().await.unwrap(), 1);
}

pub async fn lists_documents<L: Ledger>(ledger: &L) {
    let all: Vec<Document> = ["e1", "e2", "e3", "e4"]
        .iter()
        .map(|id| document(DocumentKind::Event, id, "acme", if *id == "e2" { "applied" } else { "pending" }))
        .chain([
            document(DocumentKind::Event, "e5", "zeta", "pending"),
            document(DocumentKind::Cursor, "e6", "acme", ""),
        ])
        .collect();
    ledger.commit(all.iter().cloned().map(Change::Document).collect()).await.unwrap();
    let listed = async |filter: &DocumentFilter| -> Vec<String> {
        ledger.list_documents(filter).await.unwrap().into_iter().map(|document| document.id).collect()
    };
    let filter = DocumentFilter::of(DocumentKind::Event, "acme", 9);
    assert_eq!(listed(&filter).await, ["e1", "e2", "e3", "e4"]);
    let pending = DocumentFilter { state: Some("pending".to_owned()), limit: 2, ..filter.clone() };
    assert_eq!(listed(&pending).await, ["e1", "e3"]);
    assert_eq!(listed(&DocumentFilter { after: "e3".to_owned(), ..pending }).await, ["e4"]);
    assert_eq!(listed(&DocumentFilter { after: "e4".to_owned(), ..filter }).await, [""; 0]);
}

pub async fn renames_documents<L: Ledger>(ledger: &L) {
    let payment = document(DocumentKind::Payment, "in_1", "b", "open");
    let event = document(DocumentKind::Event, "e1", "b", "pending");
    let changes =
        vec![Change::Row(full_row("b", 1)), Change::Document(payment.clone()), Change::Document(event.clone())];
    ledger.commit(changes).await.unwrap();
    ledger.commit(vec![Change::Rename { from: "b".into(), to: "c".into() }]).await.unwrap();
    let found = ledger.list_documents(&DocumentFilter::of(DocumentKind::Payment, "c", 9)).await.unwrap();
    assert_eq!(found, [Document { owner: "c".to_owned(), ..payment }]);
    // An account may have the name of a connection.
    assert_eq!(ledger.documents(DocumentKind::Event, &["e1".to_owned()]).await.unwrap(), [Some(event)]);
    assert_eq!(ledger.verify().await.unwrap(), 3);
}
