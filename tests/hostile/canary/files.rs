//! Secrets that are written into the files.

use super::{CANARY, few, key, project};

/// Places in `rowbill.yaml`, each written in place of the account's own line for the key.
#[test]
fn a_key_in_the_settings_is_masked_wherever_it_stands() {
    let prefixes = ["sk_test_", "sk_live_", "rk_test_", "rk_live_", "pk_test_", "whsec_"];
    for (first, prefix) in prefixes.into_iter().enumerate() {
        let key = key(prefix);
        let places = [
            format!("key: {key}"),
            format!("key: \"{key}\""),
            format!("key: '{key}' # not yet"),
            format!("key: {{ env: {key} }}"),
            format!("key: {{ file: secrets/{key} }}"),
            format!("key: {{ file: acme.key }} # was {key}"),
            format!("key: [{key}, {{ file: acme.key }}]"),
            format!("key: >\n      {key}"),
            format!("key: {{ file: acme.key }}\n    connected_account: {key}"),
            format!("key: {{ file: acme.key }}\n    webhook_secrets: [{key}]"),
            format!("key: {{ file: acme.key }}\n    {key}: {key}"),
            format!("key: {{ file: acme.key }}\n    mode: {key}"),
            format!("key: {{ file: acme.key, {key}"),
            format!("key: {{ file: acme.key }}\n{key}"),
            format!("key: &{key} x"),
            format!("key: !{key} x"),
            format!("key: {{ file: acme.key }}\n    api_base: http://{key}:@127.0.0.1:1"),
            format!("key: {{ file: acme.key }}\n    rate_limit: {key}{}", "x".repeat(100)),
        ];
        // Each place sees another kind of key.
        for text in places.into_iter().skip(first).step_by(prefixes.len()) {
            let project = project();
            project.edit("rowbill.yaml", "key: { file: acme.key }", &text);
            few(&text, &project);
        }
    }
}

#[test]
fn a_key_in_a_mapping_is_masked_wherever_it_stands() {
    let key = key("sk_test_");
    for (from, to) in [
        ("account: acme", format!("account: {key}")),
        ("account: acme", format!("account: acme # {key}")),
        ("key: [id]", format!("key: [{key}]")),
        ("key: [id]", format!("key: {key}")),
        ("on_change: update", format!("on_change: {key}")),
        ("name: ${{ row.name }}", format!("name: ${{{{ row.{key} }}}}")),
        ("name: ${{ row.name }}", format!("name: ${{{{ {key} }}}}")),
        ("name: ${{ row.name }}", format!("name: ${{{{ row.name | {key} }}}}")),
        ("name: ${{ row.name }}", format!("name: ${{{{ row.name | int({key}")),
        ("name: ${{ row.name }}", format!("{key}: x")),
        ("name: ${{ row.name }}", format!("metadata: {{ key: {key} }}")),
        ("path: data/customers.csv", format!("path: data/{key}.csv")),
        ("header: \"Name\"", format!("header: \"{key}\"")),
        ("write_back:", format!("write_back: {key}\n\"{key}\":")),
        ("first_run: all", format!("first_run: all\nschedule: {{ cron: \"{key}\" }}")),
    ] {
        let project = project();
        project.edit("mappings/customers.yaml", from, &to);
        few(&to, &project);
    }
}

/// A private key of Google's in all the ways in which it is pasted.
#[test]
fn a_private_key_in_a_file_is_masked() {
    let lines = format!("MIIEvQ{CANARY}\n{CANARY}AAAA");
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n");
    let indented = pem.replace('\n', "\n      ");
    let escaped = pem.replace('\n', "\\n");
    for text in [
        format!("  login: |\n      {indented}"),
        format!("  login: \"{escaped}\""),
        format!("  login: {{ private_key: \"{escaped}\" }}"),
        format!("  login: {{\"type\": \"service_account\", \"private_key\": \"{escaped}\"}}"),
        format!("  login: {{ file: x.json }} # {escaped}"),
    ] {
        let project = project();
        project.write("rowbill.yaml", &format!("{}google:\n{text}\n", project.read("rowbill.yaml")));
        few(&text, &project);
    }
}

/// Passwords and addresses have no form of their own: the place tells that they are secrets.
#[test]
fn a_password_or_an_address_in_the_settings_is_masked() {
    let email = "server: mail.example.org, user: u, from: a@example.org, to: [b@example.org]";
    for text in [
        format!("  webhook: {{ url: https://hooks.example.org/{CANARY} }}"),
        format!("  webhook: {{ url: [https://hooks.example.org/{CANARY}] }}"),
        format!("  webhook: https://hooks.example.org/{CANARY}"),
        format!("  webhook: {{ url: {{ https: //hooks.example.org/{CANARY} }} }}"),
        format!("  webhook:\n    url: https://hooks.example.org/{CANARY}\n    colour: red"),
        format!("  webhook:\n    url: >\n      https://hooks.example.org/{CANARY}"),
        format!("  healthchecks: {{ url: https://hc-ping.com/{CANARY} }}"),
        format!("  email: {{ {email}, password: {CANARY} }}"),
        format!("  email: {{ {email}, password: \"{CANARY}\", more: 1 }}"),
    ] {
        let project = project();
        project.write("rowbill.yaml", &format!("{}notify:\n{text}\n", project.read("rowbill.yaml")));
        few(&text, &project);
    }
}
