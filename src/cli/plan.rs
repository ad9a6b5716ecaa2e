//! `rowbill plan`: what a run would do; sends nothing, and works before there is a ledger.

use super::context::{Context, Problems, progress};
use super::{exit, report_out, run_now};
use crate::run::errand::select;
use crate::run::{self, Order};

pub async fn plan(
    context: &Context,
    names: Vec<String>,
    all: bool,
    only: Option<String>,
    exit_code: bool,
) -> Result<u8, Problems> {
    let project = context.project()?;
    let chosen = select(&project, &names, all, false)?;
    let names: Vec<String> = chosen.into_iter().map(|chosen| chosen.name).collect();
    let mut engine = context.engine(project, &names, progress(context))?;
    engine.ledger = context.ledger_to_read(&engine.project).await.map_err(|problem| vec![problem])?;
    let order = Order::by_hand(run_now::key(only.as_deref())?, None);
    let mut plans = Vec::new();
    for name in &names {
        let connection = engine.project.connection(name).map_err(|problem| vec![problem])?;
        plans.push(run::plan(&engine, connection, &order).await?);
        engine.progress.end();
    }
    let changes = plans.iter().any(|plan| plan.would.create + plan.would.update > 0);
    let guarded = plans.iter().filter_map(|plan| plan.stopped_by.as_ref()).map(exit::of_problem).collect::<Vec<_>>();
    report_out::print(&context.screen, &mut plans, &[]).map_err(|problem| vec![problem])?;
    Ok(match guarded.first() {
        Some(code) => *code,
        None if exit_code && changes => exit::CHANGES,
        None => exit::OK,
    })
}
