//! No text makes the reader panic, and what it says is always in order.

use proptest::prelude::*;

use super::*;

fn check(text: &str) -> Result<(), TestCaseError> {
    let parsed =
        read(&[("f", text), ("gres.conf", text), ("cgroup.conf", text), ("topology.conf", text), ("fence.conf", text)]);
    let errors = parsed.diagnostics.iter().any(|finding| finding.severity == Severity::Error);
    prop_assert_eq!(parsed.config.is_none(), errors);
    prop_assert_eq!(parse(&Stored(&parsed.files), "f"), parsed);
    Ok(())
}

/// Words that lines are made of, so that random lines get past the lexer.
fn word() -> impl Strategy<Value = String> {
    let keys = keys::GLOBAL.iter().chain(keys::NODE).chain(keys::PARTITION).chain(keys::NODE_SET).map(|key| key.name);
    let keys: Vec<&'static str> = keys.collect();
    let values = [
        "n[1-3]",
        "n1",
        "DEFAULT",
        "ALL",
        "UNLIMITED",
        "-1",
        "0",
        "7",
        "yes",
        "1-0",
        "gpu:2",
        "\"a b\"",
        "",
        "select/linear",
    ];
    let value = prop_oneof![prop::sample::select(values.to_vec()).prop_map(str::to_string), "[ -~]{0,8}"];
    (prop::sample::select(keys), value).prop_map(|(key, value)| format!("{key}={value}"))
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,400}") {
        check(&text)?;
    }

    #[test]
    fn arbitrary_lines_never_panic(text in prop::collection::vec((word(), prop::sample::select(&["\n", " ", "\\\n", "#", "\r\n"][..])), 0..30)) {
        let text: String = text.into_iter().map(|(word, end)| word + end).collect();
        check(&text)?;
    }
}
