//! Takes up changed files while a project is in use: a file with mistakes keeps its old version.

use std::path::{Path, PathBuf};

use rowbill_connector::{Catalog, Place, Problem};

use super::files::{Files, root_of, settings};
use super::load::{ColumnNames, Project, load_files};

/// A project out of the newest files that go together.
pub struct Reloaded {
    /// The project; none when nothing of the new files can be used.
    pub project: Option<Project>,
    /// The files that it was made of.
    pub used: Files,
    /// What is wrong with the newest files.
    pub problems: Vec<Problem>,
}

/// Loads the new files; those with mistakes are replaced by the ones that were `good` before.
pub fn reload(path: &Path, good: &Files, new: &Files, catalog: &Catalog, column_names: ColumnNames<'_>) -> Reloaded {
    let mut used = new.clone();
    let mut told = Vec::new();
    if new.folder.is_err() && !good.mappings.is_empty() {
        let problem = Problem::new("config.unreadable", "the folder mappings/ is gone, or cannot be read")
            .at(Place { file: Some("mappings".to_owned()), ..Place::default() })
            .advise("put it back; `rowbill validate` says what is wrong with it");
        return Reloaded { project: None, used: good.clone(), problems: vec![problem] };
    }
    loop {
        let problems = match load_files(path, &used, catalog, column_names) {
            Ok(project) => return Reloaded { project: Some(project), used, problems: told },
            Err(problems) => problems,
        };
        let bad = files_of(path, &problems);
        if told.is_empty() {
            told = problems;
        }
        let back: Vec<PathBuf> = used.differing(good, path).into_iter().filter(|file| bad.contains(file)).collect();
        // Mistakes in files that did not change: only the old ones go together.
        if back.is_empty() || back.contains(&settings(path)) {
            return Reloaded { project: None, used: good.clone(), problems: told };
        }
        for file in back {
            match good.mappings.get(&file) {
                Some(bytes) => used.mappings.insert(file, bytes.clone()),
                None => used.mappings.remove(&file),
            };
        }
    }
}

fn files_of(path: &Path, problems: &[Problem]) -> Vec<PathBuf> {
    let root = root_of(path);
    problems.iter().filter_map(|problem| Some(root.join(problem.place.as_ref()?.file.as_ref()?))).collect()
}
