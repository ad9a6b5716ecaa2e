//! A copy of the example project in which one file is, or has a part of, a block.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use super::blocks::{Block, root};

/// The example project in a folder of its own.
pub fn example() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(root().join("rowbill.yaml"), folder.path().join("rowbill.yaml")).unwrap();
    for part in ["mappings", "data"] {
        std::fs::create_dir(folder.path().join(part)).unwrap();
        for entry in std::fs::read_dir(root().join(part)).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), folder.path().join(part).join(entry.file_name())).unwrap();
        }
    }
    folder
}

/// Runs the real binary on a project.
pub fn rowbill(project: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rowbill"))
        .arg("-c")
        .arg(project.join("rowbill.yaml"))
        .args(arguments)
        .env_remove("STRIPE_SECRET_KEY")
        .output()
        .unwrap()
}

/// Puts a block into the example project, and says which mapping it is, if it is one.
pub fn place(block: &Block, what: &str, project: &Path) -> Option<String> {
    let write = |path: &str, text: String| std::fs::write(project.join(path), text).unwrap();
    let name = match what {
        "whole mapping" => {
            write("mappings/example.yaml", block.text.clone());
            return Some("example".to_owned());
        }
        "whole settings" => {
            write("rowbill.yaml", block.text.clone());
            std::fs::remove_dir_all(project.join("mappings")).unwrap();
            std::fs::create_dir(project.join("mappings")).unwrap();
            return None;
        }
        "part of rowbill" => {
            let base = std::fs::read_to_string(project.join("rowbill.yaml")).unwrap();
            write("rowbill.yaml", merged(&base, &block.text));
            return None;
        }
        other => other.strip_prefix("part of ").unwrap_or_else(|| panic!("{}: what is `{other}`?", block.place())),
    };
    let path = format!("mappings/{name}.yaml");
    let base = std::fs::read_to_string(project.join(&path))
        .unwrap_or_else(|_| panic!("{}: there is no {path}", block.place()));
    // Examples of the base may not fit the changed mapping.
    write(&path, merged(&base, &format!("tests: []\n{}", block.text)).replace("tests: []\n", ""));
    Some(name.to_owned())
}

/// The base with the part's keys in the place of its own; both are cut at the keys that stand at the margin.
fn merged(base: &str, part: &str) -> String {
    let new = chunks(part);
    let mut out: String = chunks(base)
        .into_iter()
        .filter(|(key, _)| !new.iter().any(|(other, _)| other == key))
        .map(|(_, text)| text)
        .collect();
    out.extend(new.into_iter().map(|(_, text)| text));
    out
}

fn chunks(text: &str) -> Vec<(String, String)> {
    let mut chunks: Vec<(String, String)> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        match (line.starts_with(|c: char| c.is_alphanumeric()), chunks.last_mut()) {
            (false, Some((_, chunk))) => chunk.extend([line, "\n"]),
            _ => chunks.push((line.split(':').next().unwrap_or_default().to_owned(), format!("{line}\n"))),
        }
    }
    chunks
}

/// The codes of the problems that `validate` finds.
pub fn codes(project: &Path) -> (Vec<String>, String) {
    let output = rowbill(project, &["validate", "-o", "json"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let json: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let problems = json["problems"].as_array().unwrap();
    (problems.iter().map(|problem| problem["code"].as_str().unwrap().to_owned()).collect(), text)
}
