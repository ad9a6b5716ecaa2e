//! The files of a project as they were read at one moment.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What is in a file, or why that cannot be told.
pub type Bytes = Result<Vec<u8>, (ErrorKind, String)>;

/// `rowbill.yaml` and everything in `mappings/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// `rowbill.yaml`.
    pub settings: Bytes,
    /// The mappings, by path.
    pub mappings: BTreeMap<PathBuf, Bytes>,
    /// Why the folder of the mappings cannot be read, if so.
    pub folder: Result<(), (ErrorKind, String)>,
}

impl Files {
    /// Reads all files of the project that this `rowbill.yaml` belongs to.
    pub fn read(path: &Path) -> Self {
        let listed: std::io::Result<Vec<PathBuf>> =
            std::fs::read_dir(mappings(path)).and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect());
        let folder = listed.as_ref().map(|_| ()).map_err(|error| (error.kind(), error.to_string()));
        let paths = listed.unwrap_or_default().into_iter().filter(|path| is_mapping(path));
        let mappings = paths.map(|path| (path.clone(), read(&path))).collect();
        Self { settings: read(path), mappings, folder }
    }

    /// The paths of files that differ in the other ones, or are not in both.
    pub fn differing(&self, other: &Self, path: &Path) -> Vec<PathBuf> {
        let all = self.mappings.keys().chain(other.mappings.keys().filter(|path| !self.mappings.contains_key(*path)));
        let mut differing: Vec<PathBuf> =
            all.filter(|path| self.mappings.get(*path) != other.mappings.get(*path)).cloned().collect();
        if self.settings != other.settings {
            differing.push(settings(path));
        }
        differing
    }
}

/// The folder of a project.
pub fn root_of(path: &Path) -> PathBuf {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

/// Its `rowbill.yaml`, named by its folder.
pub fn settings(path: &Path) -> PathBuf {
    root_of(path).join(path.file_name().unwrap_or_default())
}

/// The folder of its mappings.
pub fn mappings(path: &Path) -> PathBuf {
    root_of(path).join("mappings")
}

/// Whether a file there is a mapping.
pub fn is_mapping(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

fn read(path: &Path) -> Bytes {
    std::fs::read(path).map_err(|error| (error.kind(), error.to_string()))
}
