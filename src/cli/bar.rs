//! Progress bars of long runs, on a terminal only.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::run::Progress;

/// One bar at a time: first reading, then sending.
#[derive(Default)]
pub struct Bar(Mutex<Option<ProgressBar>>);

impl Bar {
    fn with(&self, make: impl FnOnce() -> ProgressBar, act: impl FnOnce(&ProgressBar)) {
        let mut bar = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        act(bar.get_or_insert_with(make));
    }

    fn replace(&self, bar: Option<ProgressBar>) {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = std::mem::replace(&mut *current, bar) {
            old.finish_and_clear();
        }
    }
}

impl Progress for Bar {
    fn read(&self, rows: u64) {
        self.with(spinner, |bar| bar.set_position(rows));
    }

    fn start(&self, rows: u64) {
        let bar = ProgressBar::new(rows);
        bar.set_style(style("  {bar:40} {human_pos}/{human_len}  {per_sec}  {eta}"));
        self.replace(Some(bar));
    }

    fn settled(&self, rows: u64) {
        self.with(spinner, |bar| bar.inc(rows));
    }

    fn end(&self) {
        self.replace(None);
    }
}

fn spinner() -> ProgressBar {
    let bar = ProgressBar::new_spinner();
    bar.set_style(style("  {spinner} reading  {human_pos} rows"));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
