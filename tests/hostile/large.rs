//! Cells and files of many megabytes: refused in plain words, or taken whole; never a crash.

use serde_json::json;

use super::nest;
use super::told::tell;
use crate::support::Project;

const LARGE: usize = 10 << 20;

fn texts(cell: &str) -> Project {
    let project = Project::new();
    project.mapping("texts", nest::TEXTS);
    project.csv("texts", &format!("Id,Text\n1,small\n2,{cell}\n3,small\n"));
    project
}

#[test]
fn a_cell_of_ten_megabytes_stops_the_run_before_anything_is_sent() {
    let long = "x".repeat(LARGE);
    for cell in [
        long.clone(),
        format!("\"{long}\""),
        format!("\"{}\"", "\"\"".repeat(LARGE / 2)),
        "\n".repeat(4) + "\"" + &long,
    ] {
        let project = texts(&cell);
        let run = project.run(&["run-now", "texts"]);
        run.refused(13, &["source.cell_too_large"]);
        assert_eq!(run.json["problems"][0]["where"]["source"], "data/texts.csv");
        let told = tell(&project, &["preview", "texts"]);
        assert!(told.all().len() < 10_000, "the cell is quoted");
    }
}

/// The largest cell that is read at all goes as far as Stripe's own limits let it.
#[test]
fn a_cell_of_64_kib_fails_its_row_alone() {
    let project = texts(&"x".repeat(64 * 1024));
    let run = project.run(&["run-now", "texts"]);
    assert_eq!(run.exits(3).tally("texts"), "3 = 2 done + 1 failed");
    for args in [&["rows", "texts"][..], &["runs"], &["status"], &["rows", "texts", "--failed"]] {
        assert_ne!(tell(&project, args).code, 1, "{args:?}");
    }
}

#[test]
fn a_large_cell_of_a_sheet_is_a_problem_in_plain_words() {
    let project = Project::with_sheets();
    let source = "google_sheets:\n    spreadsheet: 1AbCdEf\n    sheet: Texts\n    columns:";
    project.mapping("texts", &nest::TEXTS.replace("csv:\n    path: data/texts.csv\n    columns:", source));
    project.set_rows("Texts", vec![vec![json!("Id"), json!("Text")], vec![json!("1"), json!("x".repeat(1 << 20))]]);
    let run = project.run(&["run-now", "texts"]);
    assert_eq!(run.exits(3).tally("texts"), "1 = 1 failed");
}

#[test]
fn files_that_are_large_or_deep_are_refused_in_plain_words() {
    let project = texts("small");
    let blocks: String = (1..3000).flat_map(|depth| [" ".repeat(depth), "a:\n".to_owned()]).collect();
    let x = |text: &str| text.repeat(30_000);
    for (name, yaml) in [
        ("a long text", format!("account: {}\n", x("x"))),
        ("deep lists", format!("account: {}\n", x("["))),
        ("deep maps", format!("account: {}\n", x("{a: "))),
        ("deep blocks", format!("account:\n{blocks}")),
        ("a long list", format!("account: [{}]\n", x("a, "))),
        ("many dashes", format!("account:\n  {}\n", x("- "))),
        ("deep template", format!("create_customer: {{ name: \"${{{{ {} }}}}\" }}\n", "(".repeat(100_000))),
        (
            "long template",
            format!("create_customer: {{ name: \"${{{{ row.id{} }}}}\" }}\n", " ~ row.id".repeat(10_000)),
        ),
        ("deep parameters", format!("create_customer: {{ metadata: {} }}\n", "{a: ".repeat(10_000))),
    ] {
        project.mapping("large", &yaml);
        let told = tell(&project, &["validate"]);
        assert_eq!(told.code, 10, "{name}: {}", told.all());
        let told = tell(&project, &["validate", "-o", "json"]);
        assert!(serde_json::from_str::<serde_json::Value>(&told.stdout).is_ok(), "{name}");
    }
}

/// Bytes that are no text, and a NUL, which no text holds.
#[test]
fn bytes_that_are_no_text_stop_the_run() {
    for (bytes, code) in [
        (&b"Id,Text\n1,\xff\xfe\n"[..], "source.encoding"),
        (b"Id,Text\n1,\xc3\n", "source.encoding"),
        (b"Id,Text\n1,\xed\xa0\x80\n", "source.encoding"),
        (b"Id,Text\n1,\xf4\x90\x80\x80\n", "source.encoding"),
        (b"Id,Text\n1,\xc0\x80\n", "source.encoding"),
        (b"Id,Text\n1,a\0b\n", "source.encoding"),
        (b"Id,Text\n1,a\"\n2,\"b\"c\n", "source.stray_quote"),
        (b"Id,Text\n1,\"b\n", "source.unclosed_quote"),
    ] {
        let project = texts("small");
        std::fs::write(project.path("data/texts.csv"), bytes).unwrap();
        project.run(&["run-now", "texts"]).refused(13, &[code]);
        std::fs::write(project.path("mappings/texts.yaml"), bytes).unwrap();
        assert_eq!(tell(&project, &["validate"]).code, 10);
    }
}
