//! Reports that are due: each is written when the daemon starts, and then by its schedule. A report is of everything until
//! now, so that one which was missed is in the next one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::story;
use super::world::World;
use crate::config::{Project, ReportJob};
use crate::protocol::Time;
use crate::reporting;
use crate::schedule::Clock;

/// How often it is looked what is due.
const BEAT: Duration = Duration::from_secs(1);
/// What could not be written is tried again after so many seconds, if it is not due before.
const AGAIN: Time = 300;

/// Writes reports until it is aborted.
pub async fn run(world: Arc<World>) {
    let begun = world.clock.now();
    let mut due: BTreeMap<String, (String, Time)> = BTreeMap::new();
    loop {
        let project = world.project();
        for job in &project.settings.reports {
            let now = world.clock.now();
            let known = due.get(&job.name).filter(|(written, _)| *written == job.schedule.written);
            if world.stop.asked() || known.is_some_and(|(_, at)| *at > now) {
                continue;
            }
            let next = next(&project, job, begun, now);
            let next = match reporting::run(&project.settings, job, now).await {
                Ok(place) => {
                    story::report_written(&job.name, &place);
                    next
                }
                Err(problem) => {
                    story::report_failed(&job.name, &problem);
                    next.min(now + AGAIN)
                }
            };
            due.insert(job.name.clone(), (job.schedule.written.clone(), next));
        }
        world.stop.sleep(BEAT).await;
        if world.stop.asked() {
            return;
        }
    }
}

fn next(project: &Project, job: &ReportJob, begun: Time, now: Time) -> Time {
    let clock = Clock { schedule: &job.schedule, zone: &project.settings.zone, name: &job.name, since: begun };
    clock.next(now).unwrap_or(Time::MAX)
}
