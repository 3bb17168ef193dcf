//! Promises about checks and the patience of the devices that wait for them.

use super::*;

fn spec(change: &str, checks: &str) -> String {
    let keys = format!("change: {{{change}, templates: {{default: t.j2}}}}");
    document(&format!("  checks:\n    post:\n{checks}"))
        .replace("change: {ssh: {command: load}, templates: {default: t.j2}}", &keys)
}

/// Two checks of which the second passes so long after the first at the earliest.
fn checks(second: &str) -> String {
    format!(
        "    - {{name: a, type: tcp, port: 1, initial_delay: 60s, interval: 30s, count: 5, failure_limit: 2}}\n    - {{name: b, type: tcp, port: 2, {second}}}\n"
    )
}

#[test]
fn checks_that_cannot_end_before_a_device_takes_the_change_back_are_refused_where_they_stand() {
    let too_late = problems(&spec("transport: netconf", &checks("initial_delay: 150s")));
    let says = [
        "r.yaml:9:7: spec.checks.post[1]: passes 4m30s after the write at the earliest",
        "confirmed within 4m30s, nine tenths of its confirm_timeout",
        "a longer change.commit.confirm_timeout, fewer or faster looks, or commit: {method: direct}",
    ];
    assert_says(&too_late, &says);
    assert_eq!(too_late.len(), 1, "{too_late:#?}");
    let looks = problems(&spec("transport: netconf", &checks("interval: 50s, count: 6, failure_limit: 2")));
    assert_says(&looks, &["spec.checks.post[1]: passes 4m30s"]);
}

#[test]
fn checks_that_may_end_in_time_or_that_no_device_waits_for_are_taken() {
    for (change, second) in [
        ("transport: netconf", "initial_delay: 149s"),
        ("transport: netconf", "interval: 50s, count: 6, failure_limit: 3"),
        ("transport: netconf, commit: {confirm_timeout: 10m}", "initial_delay: 150s"),
        ("transport: netconf, commit: {method: direct}", "initial_delay: 150s"),
        ("transport: local_exec", "initial_delay: 150s"),
    ] {
        let read = RolloutSpec::parse(&spec(change, &checks(second)), "r.yaml");
        assert_eq!(read.unwrap_or_else(|problems| panic!("{problems:#?}")).checks.post.len(), 2);
    }
    let before = spec("transport: netconf", &checks("initial_delay: 150s")).replace("post:", "pre:");
    assert!(RolloutSpec::parse(&before, "r.yaml").is_ok(), "before the write nobody waits");
}
