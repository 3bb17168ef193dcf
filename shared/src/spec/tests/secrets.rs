//! What a spec may say of secrets.

use super::*;

#[test]
fn secrets_are_references_and_what_was_written_instead_is_not_repeated() {
    let with = |secrets: &str| {
        let text = format!(
            "api_version: switchyard/v1\nkind: Rollout\nmetadata: {{name: ntp}}\nspec:\n  change:\n    \
             transport: netconf\n    templates: {{default: t.j2}}\n    secrets: {secrets}\n"
        );
        RolloutSpec::parse(&text, "ntp.yaml")
    };
    let spec = with("{key: {secret_ref: \"vault:kv/net/ntp?version=2#key\"}, b: {secret_ref: \"env:B\"}}");
    let secrets = spec.expect("a spec").change.secrets;
    assert_eq!((secrets["key"].as_str(), secrets["b"].as_str()), ("vault:kv/net/ntp?version=2#key", "env:B"));
    for (wrong, said) in [
        ("{key: {secret_ref: hunter2}}", "change.secrets.key.secret_ref: does not refer to a secret"),
        ("{key: {secret_ref: \"vault:kv/net/ntp\"}}", "several values (add #KEY)"),
        ("{key: {}}", "secret_ref is missing"),
        ("{device: {secret_ref: \"env:B\"}}", "templates use device for something else"),
        ("{key: {secret_ref: \"env:B\", default: x}}", "the key \"default\" is not known here"),
        ("{key: hunter2}", "must be a mapping with secret_ref"),
    ] {
        let problems = with(wrong).expect_err(wrong);
        let all: Vec<String> = problems.iter().map(Problem::to_string).collect();
        assert!(all.join("\n").contains(said) && !all.join("\n").contains("hunter2"), "{wrong}: {all:?}");
    }
    let beside =
        MINIMAL.replace("    templates:", "    secrets: {k: {secret_ref: \"env:K\"}}\n    templates:");
    assert_says(&problems(&beside), &["change.secrets: does not go with ssh.command"]);
}
