//! The disk is full or broken: nothing is sent that could not be written down, and later everything is settled.

use rowbill::mapping::identity::Owner;
use rowbill_stripe_sandbox::RequestEntry;

use super::board::Counts;
use super::case::{Case, LEDGER, Stage};
use super::fault::{Area, Deed, Fault, Point};
use super::kept::Loss;
use super::shop::Ended;
use super::strikes::{Strikes, all_of};
use super::{Machine, intents};
use crate::journal;

/// The exit code of a run that failed as a whole.
const RUN_FAILED: i32 = 1;
/// The log and the file are synced when a ledger is closed; the folder may be.
const SYNCS_OF_CLOSING: u64 = 3;
/// The exit code of a run that the ledger ended.
const LEDGER_FAILED: i32 = 15;

/// What is tried: how the disk fails, for which files, and at which call.
const KINDS: [(Deed, Area, Point); 8] = [
    (Deed::Full, Area::State, Point::WriteBefore),
    (Deed::Broken, Area::State, Point::WriteBefore),
    (Deed::Broken, Area::State, Point::SyncBefore),
    (Deed::Once, Area::State, Point::SyncBefore),
    (Deed::Full, Area::Data, Point::WriteBefore),
    (Deed::Broken, Area::Data, Point::SyncBefore),
    (Deed::Full, Area::Spool, Point::WriteBefore),
    (Deed::Broken, Area::Project, Point::SyncBefore),
];

/// The disk fails from every write or sync on, at both stages; with a stride of more than 1, from one in so many.
pub fn fails(machine: &Machine, stride: u64) -> Strikes {
    let kinds = KINDS.into_iter().flat_map(|kind| [Stage::First, Stage::Later].map(|stage| (stage, kind)));
    let mut strikes = all_of(kinds, |(stage, (deed, area, point))| {
        let mut strikes = Strikes::default();
        for hit in (1..).step_by(usize::try_from(stride).unwrap_or(1)) {
            let loss = Loss::ALL[usize::try_from(hit % 3).unwrap_or(0)];
            let case = Case { stage, fault: Fault { deed, area, point, hit }, loss };
            if strikes.check(&case, || failed(machine, case)) == Some(false) {
                break;
            }
            strikes.count(name((deed, area, point)));
        }
        strikes
    });
    strikes.must_have(KINDS.map(name));
    strikes
}

fn name((deed, area, point): (Deed, Area, Point)) -> String {
    format!("{} {} {}", deed.name(), area.name(), point.name())
}

/// One case; whether the disk failed at all.
pub(super) fn failed(machine: &Machine, case: Case) -> bool {
    let shop = case.shop(machine);
    let mark = shop.stripe.journal().len();
    let (ended, counts) = shop.strike(Some(&case.fault), None);
    ended.is_well_formed();
    if counts.acted {
        is_told(case.fault, &ended, &counts);
    } else {
        assert_eq!(ended.code, Some(0), "the disk did not fail, and {ended:#?}");
    }
    if ended.code == Some(RUN_FAILED) {
        refused_sent_nothing(&ended, &journal::posts(&shop.stripe, mark));
    }
    shop.sources_are_untouched();
    intents::of_all_posts(&shop.stripe, &shop.after_power_cut().join(LEDGER));
    case.mend(&shop, &ended);
    counts.acted
}

/// A connection whose survey could not be kept has sent nothing; those before it may have.
fn refused_sent_nothing(ended: &Ended, posts: &[RequestEntry]) {
    for report in ended.reports().iter().filter(|report| report["result"] == "refused") {
        let Some(connection) = report["connection"].as_str() else {
            assert!(posts.is_empty(), "all of it was refused, and it sent {posts:#?}");
            continue;
        };
        let (account, connection) = ("acme".to_owned(), connection.to_owned());
        let tag = format!("rowbill-1-{}", Owner { account, live: false, connection, action: "" }.tag());
        let sent = posts.iter().find(|post| post.key.as_ref().is_some_and(|key| key.starts_with(&tag)));
        assert!(sent.is_none(), "the survey could not be kept, and it sent {sent:#?}: {ended:#?}");
    }
}

/// The ledger's failures end the run, but for those of its closing, when all is in it. What cannot be written back is
/// told beside the result.
fn is_told(fault: Fault, ended: &Ended, counts: &Counts) {
    let codes = ended.stopped_by();
    let is_ledger = ended.code == Some(LEDGER_FAILED) && codes.iter().any(|code| code.starts_with("ledger."));
    let has_note = ended.notes().iter().any(|code| code.starts_with("source."));
    let syncs_after = counts.hits[&Point::SyncBefore].saturating_sub(fault.hit);
    // Tried again, a sync says that all is well, and the pages are lost: nothing may be built on it.
    let is_last = fault.point != Point::SyncBefore || syncs_after <= SYNCS_OF_CLOSING;
    // Before a ledger has its name, laying it out may go on or be tried again: all of it is synced once more in the end.
    let is_draft = ended.code == Some(0) && counts.place.starts_with(".ledger-");
    assert!(
        is_last || is_draft || fault.deed != Deed::Once,
        "at {}: {syncs_after} syncs after one that failed: {ended:#?}",
        counts.place
    );
    let is_closing = ended.code == Some(0) && counts.place.starts_with("ledger.db") && is_last;
    let is_told = match fault.area {
        Area::State => is_ledger || is_closing || is_draft,
        Area::Data => ended.code == Some(0) && has_note,
        Area::Spool => ended.code == Some(RUN_FAILED) && codes.contains(&"run.spool"),
        Area::Project => is_ledger || is_closing || is_draft || (ended.code == Some(0) && has_note),
    };
    assert!(is_told, "at {}: {ended:#?}", counts.place);
}
