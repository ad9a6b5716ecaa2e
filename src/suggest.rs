//! "Did you mean": the nearest of the names that would have been right.

/// Advice that names the nearest of `names`, and the others where they are few.
pub fn did_you_mean(given: &str, names: &[&str]) -> String {
    let others = others(names);
    match nearest(given, names) {
        Some(name) => format!("did you mean `{name}`? {others}"),
        None => others,
    }
}

/// The name that is near enough to be what was meant.
pub fn nearest<'a>(given: &str, names: &[&'a str]) -> Option<&'a str> {
    // No name is so long, and comparing takes time that grows with the square of the length.
    if given.len() > 200 {
        return None;
    }
    let lower = given.to_lowercase();
    names
        .iter()
        .map(|name| (strsim::jaro_winkler(&lower, &name.to_lowercase()), *name))
        .filter(|(score, _)| *score > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, name)| name)
}

fn others(names: &[&str]) -> String {
    const SHOWN: usize = 24;
    let mut list = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    if names.len() > SHOWN {
        list.push_str(", …");
    }
    if names.is_empty() { "there is none yet".to_owned() } else { format!("possible: {list}") }
}
