//! Fenced blocks of the Markdown files, with the comment that stands right above each.
//!
//! ```text
//! <!-- yaml: whole mapping -->            a whole mapping file
//! <!-- yaml: whole settings -->           a whole rowbill.yaml
//! <!-- yaml: part of NAME -->             its keys take the place of those in mappings/NAME.yaml
//! <!-- yaml: part of rowbill -->          its keys take the place of those in rowbill.yaml
//! <!-- yaml: …; wrong: CODE -->           it is wrong on purpose, and says exactly this code
//! <!-- console: run -->                   the commands are run, and must print what is shown
//! <!-- console: file PATH -->             above a block of another language: written there before the next commands
//! ```

use std::path::{Path, PathBuf};

/// A fenced block.
pub struct Block {
    /// The Markdown file, from the repository's root.
    pub file: String,
    /// The line of its fence, for messages.
    pub line: usize,
    /// Its language: yaml, console, …
    pub language: String,
    /// What the comment above it says; empty without one.
    pub marker: String,
    /// What stands in it.
    pub text: String,
}

impl Block {
    /// Where it is, for messages.
    pub fn place(&self) -> String {
        format!("{}:{}", self.file, self.line)
    }
}

/// The repository's folder.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All Markdown files that are for people who use or change rowbill.
pub fn pages() -> Vec<String> {
    let mut pages: Vec<String> = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(str::to_owned).to_vec();
    let mut folders = vec![PathBuf::from("docs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root().join(&folder)).unwrap() {
            let path = folder.join(entry.unwrap().file_name());
            if root().join(&path).is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                pages.push(path.to_str().unwrap().to_owned());
            }
        }
    }
    pages.sort();
    pages
}

/// The text of a page.
pub fn read(page: &str) -> String {
    std::fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"))
}

/// The blocks of a page, in order.
pub fn blocks(page: &str) -> Vec<Block> {
    let text = read(page);
    let mut found = Vec::new();
    let (mut marker, mut indent) = (String::new(), String::new());
    let mut open: Option<Block> = None;
    for (index, line) in text.lines().enumerate() {
        match &mut open {
            Some(_) if line.trim() == "```" => found.extend(open.take()),
            Some(block) => {
                block.text.push_str(line.strip_prefix(indent.as_str()).unwrap_or(line));
                block.text.push('\n');
            }
            None if line.trim_start().starts_with("```") => {
                indent.clear();
                indent.push_str(&line[..line.len() - line.trim_start().len()]);
                let language = line.trim().trim_start_matches('`').to_owned();
                let (file, marker) = (page.to_owned(), std::mem::take(&mut marker));
                open = Some(Block { file, line: index + 1, language, marker, text: String::new() });
            }
            None => {
                let comment = line.trim().strip_prefix("<!--").and_then(|rest| rest.strip_suffix("-->"));
                marker = comment.map(|comment| comment.trim().to_owned()).unwrap_or_default();
            }
        }
    }
    assert!(open.is_none(), "{page}: a fenced block is not closed");
    found
}

/// The blocks of all pages in one language.
pub fn all(language: &str) -> Vec<Block> {
    pages().iter().flat_map(|page| blocks(page)).filter(|block| block.language == language).collect()
}
