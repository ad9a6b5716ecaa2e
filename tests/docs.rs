//! The pages say what the product does: their examples are run, and their tables are compared with the code.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

mod blocks;
mod console;
mod daemon;
mod project;
mod reliability;

use blocks::{all, pages, read, root};

#[test]
fn every_yaml_block_is_what_it_says() {
    let blocks = all("yaml");
    assert!(blocks.len() > 20, "only {} blocks were found", blocks.len());
    let mut wrong = Vec::new();
    for block in blocks {
        let place = block.place();
        let Some(what) = block.marker.split("; ").find_map(|part| part.strip_prefix("yaml: ")) else {
            wrong.push(format!("{place}: say above it what it is, as tests/docs/blocks.rs describes"));
            continue;
        };
        let folder = project::example();
        let name = project::place(&block, what, folder.path());
        let (codes, told) = project::codes(folder.path());
        let meant = block.marker.split("; ").find_map(|part| part.strip_prefix("wrong: "));
        let is_right = match meant {
            None => codes.is_empty(),
            Some(code) => !codes.is_empty() && codes.iter().all(|each| each == code),
        };
        if !is_right {
            wrong.push(format!("{place}: {} is meant, but {told}", meant.unwrap_or("no mistake")));
        } else if let (Some(name), None) = (name, meant) {
            let output = project::rowbill(folder.path(), &["test", &name]);
            if !output.status.success() {
                wrong.push(format!("{place}: {}", String::from_utf8_lossy(&output.stdout)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_readme_can_be_followed_to_the_letter() {
    console::run("README.md");
}

#[test]
fn the_pages_can_be_followed_to_the_letter() {
    console::run("docs/guarantees.md");
    console::run("docs/testing.md");
}

#[test]
fn commands_on_the_pages_exist() {
    let mut wrong = Vec::new();
    for (place, line) in console::lines(&pages()) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let command =
            words.iter().find(|word| !word.starts_with('-') && !word.contains(".yaml")).copied().unwrap_or_default();
        if command.is_empty() {
            continue;
        }
        if !commands().contains(command) {
            wrong.push(format!("{place}: there is no command `{command}`"));
            continue;
        }
        let mut path = vec![command];
        path.extend(
            words
                .iter()
                .skip_while(|word| **word != command)
                .nth(1)
                .filter(|_| matches!(command, "rows" | "ledger" | "report")),
        );
        let mut help = help(&path);
        if help.is_empty() {
            help = self::help(&path[..1]);
        }
        let flags = words.iter().filter(|word| word.starts_with("--") && word.len() > 2);
        for flag in flags.map(|flag| flag.split('=').next().unwrap_or_default()).filter(|flag| !help.contains(*flag)) {
            wrong.push(format!("{place}: `{command}` has no {flag}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn help(path: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_rowbill")).args(path).arg("--help").output().unwrap();
    if output.status.success() { String::from_utf8(output.stdout).unwrap() } else { String::new() }
}

/// The commands that `rowbill --help` lists.
fn commands() -> BTreeSet<String> {
    let help = help(&[]);
    let list = help.split("Commands:").nth(1).unwrap().split("\n\n").next().unwrap();
    let names = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").map(str::to_owned).collect()
}

#[test]
fn the_page_of_commands_has_every_command_and_flag() {
    let page = read("docs/commands.md");
    let sections: Vec<(&str, &str)> =
        page.split("\n## `rowbill ").skip(1).filter_map(|section| section.split_once('`')).collect();
    let described: BTreeSet<String> = sections.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(commands(), described);
    let global = help(&[]);
    for (name, text) in sections {
        for flag in help(&[name]).split_whitespace().filter(|word| word.starts_with("--")) {
            let flag = flag.trim_end_matches(|c: char| !c.is_alphanumeric());
            assert!(text.contains(flag) || global.contains(flag), "docs/commands.md: {name} has {flag} too");
        }
    }
    for flag in global.split_whitespace().filter(|word| word.starts_with("--")) {
        let flag = flag.trim_end_matches(|c: char| !c.is_alphanumeric());
        assert!(
            page.contains(&format!("`{flag}")) || page.contains(&format!("{flag}`")),
            "docs/commands.md: every command has {flag}"
        );
    }
}

#[test]
fn the_json_on_the_page_has_the_fields_of_the_real_one() {
    let page = console::json_of_a_run();
    for block in blocks::blocks("docs/commands.md").iter().filter(|block| block.language == "json") {
        let what = block.marker.strip_prefix("json: ").unwrap_or_else(|| panic!("{}: json: plan | run", block.place()));
        let shown: Value =
            serde_json::from_str(&block.text).unwrap_or_else(|error| panic!("{}: {error}", block.place()));
        let real = &page[what];
        assert_eq!(fields(&shown), fields(real), "{}", block.place());
        for part in ["rows", "would", "problems"] {
            let (shown, real) = (&shown[part], &real[part]);
            assert_eq!(
                fields(shown.get(0).unwrap_or(shown)),
                fields(real.get(0).unwrap_or(real)),
                "{}: {part}",
                block.place()
            );
        }
    }
}

fn fields(value: &Value) -> BTreeSet<&str> {
    value.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn the_table_of_exit_codes_is_that_of_the_code() {
    let source = read("src/cli/exit.rs");
    let constants = source.lines().filter_map(|line| line.strip_prefix("pub const ")?.split_once("u8 = "));
    let mut known: BTreeSet<u8> = constants.map(|(_, number)| number.trim_end_matches(';').parse().unwrap()).collect();
    known.insert(2); // clap's own
    let page = read("docs/commands.md");
    let table = page.split("## Exit codes").nth(1).unwrap().split("\n## ").next().unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next()?.parse().ok());
    assert_eq!(known, rows.collect::<BTreeSet<u8>>());
}

#[test]
fn the_schemas_are_those_that_rowbill_prints() {
    for of in ["mapping", "settings"] {
        let output = Command::new(env!("CARGO_BIN_EXE_rowbill")).args(["schema", of]).output().unwrap();
        let kept = read(&format!("schema/{of}.json"));
        assert!(
            String::from_utf8(output.stdout).unwrap() == kept,
            "refresh it: cargo run -- schema {of} > schema/{of}.json"
        );
    }
}

#[test]
fn every_setting_is_described() {
    for (schema, page) in [("schema/mapping.json", "docs/mapping.md"), ("schema/settings.json", "docs/settings.md")] {
        let schema: Value = serde_json::from_str(&read(schema)).unwrap();
        let text = format!(
            "{}\n{}",
            read(page),
            if page == "docs/settings.md" { read("docs/mapping.md") } else { String::new() }
        );
        let mut names = BTreeSet::new();
        collect(&schema, &mut names);
        let missing: Vec<&String> = names
            .iter()
            .filter(|name| !text.contains(&format!("{name}:")) && !text.contains(&format!("`{name}`")))
            .collect();
        assert!(missing.is_empty(), "{page} does not say what these are: {missing:?}");
    }
}

/// The names of all settings; what stands inside the block of an action is Stripe's.
fn collect(schema: &Value, names: &mut BTreeSet<String>) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map {
                if let ("properties", Value::Object(properties)) = (key.as_str(), value) {
                    for (name, inner) in properties {
                        names.insert(name.clone());
                        // The parameters of these are Stripe's, and described there.
                        let of_stripe = ["create_", "add_", "finalize_", "send_", "pay_", "void_", "mark_"];
                        if !of_stripe.iter().any(|start| name.starts_with(start)) {
                            collect(inner, names);
                        }
                    }
                } else {
                    collect(value, names);
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|value| collect(value, names)),
        _ => {}
    }
}

#[test]
fn the_page_of_payments_has_every_event() {
    let page = read("docs/payments.md");
    let listed: BTreeSet<&str> = page.split_whitespace().collect();
    let missing: Vec<&&str> = rowbill_stripe::EVENT_KINDS.iter().filter(|kind| !listed.contains(**kind)).collect();
    assert!(missing.is_empty(), "docs/payments.md does not name {missing:?}");
}

#[test]
fn every_filter_is_described() {
    let page = read("docs/mapping.md");
    for name in rowbill::mapping::filters::NAMES {
        assert!(page.contains(&format!("`{name}")), "docs/mapping.md does not say what `{name}` does");
    }
}

#[test]
fn the_examples_and_the_templates_pass_their_tests() {
    let folder = project::example();
    for arguments in [["validate"], ["test"]] {
        let output = project::rowbill(folder.path(), &arguments);
        assert!(
            output.status.success(),
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let new = tempfile::tempdir().unwrap();
    let made =
        Command::new(env!("CARGO_BIN_EXE_rowbill")).args(["init", new.path().to_str().unwrap()]).output().unwrap();
    assert!(made.status.success());
    for arguments in [["validate"], ["test"]] {
        let output = project::rowbill(new.path(), &arguments);
        assert!(
            output.status.success(),
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

#[test]
fn codes_that_need_a_person_are_codes() {
    let mut sources = String::new();
    for entry in std::fs::read_dir(root().join("src/run")).unwrap() {
        sources += &std::fs::read_to_string(entry.unwrap().path()).unwrap_or_default();
    }
    let page = read("docs/guarantees.md");
    let codes = page.lines().filter_map(|line| line.strip_prefix("| `row.")?.split('`').next());
    for code in codes {
        assert!(sources.contains(&format!("\"row.{code}\"")), "docs/guarantees.md: there is no row.{code}");
    }
}

#[test]
fn the_changelog_has_this_version() {
    let heading = format!("## {}", env!("CARGO_PKG_VERSION"));
    assert!(read("CHANGELOG.md").lines().any(|line| line.starts_with(&heading)), "CHANGELOG.md has no `{heading}`");
}

#[test]
fn links_lead_somewhere() {
    for page in pages() {
        let text = read(&page);
        let folder = root().join(&page).parent().unwrap().to_owned();
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if target.starts_with("http") {
                continue;
            }
            let (path, heading) = target.split_once('#').unwrap_or((target, ""));
            // Within the page itself.
            let path = if path.is_empty() { page.rsplit('/').next().unwrap() } else { path };
            assert!(folder.join(path).exists(), "{page} links to {target}, which is not there");
            if !heading.is_empty() {
                let text = std::fs::read_to_string(folder.join(path)).unwrap();
                let headings = text.lines().filter(|line| line.starts_with('#')).map(anchor);
                assert!(
                    headings.into_iter().any(|anchor| anchor == heading),
                    "{page} links to {target}, which has no such heading"
                );
            }
        }
    }
}

/// A heading as a link to it says it.
fn anchor(heading: &str) -> String {
    let text = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
    text.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
}
