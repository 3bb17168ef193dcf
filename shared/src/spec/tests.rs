//! Promises of the rollout spec.

mod patience;
mod secrets;

use super::*;
use crate::outcome::Class;
use crate::pace::{Budget, Mode, Share};
use crate::procedure::{Commit, Probe, Transport};
use crate::task::Rate;
use proptest::prelude::{prop_assert, proptest};

const MINIMAL: &str = include_str!("../../tests/contract/minimal-rollout.yaml");
const NTP: &str = include_str!("../../tests/contract/rollout-ntp.yaml");
const BGP: &str = include_str!("../../tests/contract/rollout-edge-bgp.yaml");

fn parsed(spec: &str) -> RolloutSpec {
    match RolloutSpec::parse(&document(spec), "r.yaml") {
        Ok(spec) => spec,
        Err(problems) => panic!("{problems:#?}"),
    }
}

fn document(spec: &str) -> String {
    format!(
        "api_version: switchyard/v1\nkind: Rollout\nmetadata: {{name: ntp}}\nspec:\n  \
         change: {{ssh: {{command: load}}, templates: {{default: t.j2}}}}\n{spec}"
    )
}

fn problems(text: &str) -> Vec<String> {
    let problems = RolloutSpec::parse(text, "r.yaml").expect_err("a spec with problems");
    problems.iter().map(Problem::to_string).collect()
}

fn assert_says(said: &[String], wanted: &[&str]) {
    for want in wanted {
        assert!(said.iter().any(|line| line.contains(want)), "no {want} in {said:#?}");
    }
}

#[test]
fn the_smallest_rollout_reads() {
    let spec = RolloutSpec::parse(MINIMAL, "r.yaml").expect("the contract's own file");
    assert_eq!(spec.name.as_str(), "motd");
    assert_eq!(spec.change.command.as_deref(), Some("load"));
    assert_eq!(spec.files(), ["motd.cfg.j2"]);
    assert_eq!(spec.strategy.order, Order::Listed);
    assert_eq!((spec.strategy.max_parallel, spec.strategy.max_parallel_per_site), (0, 10));
    assert_eq!(spec.strategy.waves.len(), 1);
    assert_eq!(spec.skip_after, Duration::ZERO);
    assert_eq!(spec.timeouts.connect, Duration::from_secs(5));
    assert_eq!(spec.retry.max_attempts, 1);
    let stored = serde_json::to_string(&spec).expect("json");
    assert_eq!(serde_json::from_str::<RolloutSpec>(&stored).expect("stored"), spec);
}

#[test]
fn what_a_spec_leaves_out_has_its_default() {
    let spec = parsed("");
    assert_eq!(spec.strategy, Strategy::default());
    assert_eq!(spec.strategy.order, Order::Shuffled);
    assert_eq!(spec.breakers, BreakerSettings::default());
    assert_eq!(spec.skip_after, Duration::from_secs(600));
    assert_eq!(
        (spec.timeouts.connect, spec.timeouts.command),
        (Duration::from_secs(10), Duration::from_secs(30))
    );
    assert_eq!(spec.retry, Retry::default());
}

#[test]
fn everything_that_is_built_is_read() {
    let spec = parsed(
        "  targets: {filter: 'role = edge', exclude: 'labels.freeze = \"true\"', allow_empty: true}\n  strategy:\n    \
         order: listed\n    canary: {size: 6, select: ['site = a'], soak: 15m, promote: auto}\n    waves:\n      \
         - {name: early, size: 5%, soak: 10m, promote: manual}\n      - {name: half, size: 0.5%, filter: 'site = b'}\n      \
         - {name: rest}\n    max_parallel: 400\n    max_parallel_per_site: 25\n  breakers:\n    \
         site: {enabled: false, wait_duration_in_open: 1s, max_wait_duration_in_open: 2s, permitted_calls_in_half_open: 2, successes_to_close: 4, skip_after: 1h}\n    \
         device: {consecutive_failures: 5, wait_duration_in_open: 3s}\n  timeouts: {connect: 250ms, command: 2m}\n  \
         retry: {max_attempts: 3, backoff: 1s, max_backoff: 9s, retry_on: [TIMEOUT]}\n",
    );
    let canary = spec.strategy.canary.expect("a canary");
    assert_eq!(
        (canary.size, canary.promote, canary.soak),
        (Some(Size::Count(6)), Promote::Auto, Duration::from_secs(900))
    );
    let waves: Vec<_> =
        spec.strategy.waves.iter().map(|wave| (wave.name.as_str(), wave.size, wave.promote)).collect();
    let want = [
        ("early", Some(Size::Share(500)), Promote::Manual),
        ("half", Some(Size::Share(50)), Promote::Auto),
        ("rest", None, Promote::Auto),
    ];
    assert_eq!(waves, want);
    assert!(!spec.breakers.site_enabled);
    assert_eq!((spec.breakers.site_successes_to_close, spec.breakers.device_consecutive_failures), (4, 5));
    assert_eq!(spec.skip_after, Duration::from_secs(3600));
    assert_eq!((spec.retry.max_attempts, spec.retry.retry_on.as_slice()), (3, &[Class::Timeout][..]));
}

#[test]
fn a_device_can_be_read_by_a_command_of_its_own() {
    let with = |ssh: &str| document("").replace("ssh: {command: load}", &format!("ssh: {{{ssh}}}"));
    let read = |ssh: &str| RolloutSpec::parse(&with(ssh), "r.yaml").expect("a spec").change.read;
    assert_eq!(read("command: load"), None);
    assert_eq!(
        read("command: load, read: show running-config | section ntp").as_deref(),
        Some("show running-config | section ntp")
    );
    let refused = |ssh: &str, want: &str| assert_says(&problems(&with(ssh)), &[want]);
    let empty = "spec.change.ssh.read: must be a command, not empty";
    refused("command: load, read: ''", empty);
    refused("command: load, read: '  '", empty);
    refused(r#"command: load, read: "a\0b""#, empty);
    refused(
        &format!("command: load, read: {}", "x".repeat(4097)),
        "spec.change.ssh.read: has 4097 bytes, more than the 4096",
    );
    refused("command: load, read: ' load'", "spec.change.ssh.read: is the command that writes");
    refused("command: load, red: show", "(did you mean read?)");
    assert_says(&problems(&with("command: load, read: [show]")), &["spec.change.ssh.read"]);
}

#[test]
fn a_canary_waits_for_a_person_unless_told_otherwise() {
    let spec = parsed("  strategy: {canary: {size: 1}}\n");
    assert_eq!(spec.strategy.canary.expect("a canary").promote, Promote::Manual);
}

#[test]
fn keys_of_the_full_format_are_refused_as_not_supported_yet() {
    let not_yet = |text: &str| -> Vec<String> {
        let said = problems(text);
        let cut = |line: &String| {
            let path = line.strip_suffix(": not supported yet").unwrap_or_else(|| panic!("{line}"));
            path.rsplit(": ").next().unwrap_or("").replace("spec.", "")
        };
        said.iter().map(cut).collect()
    };
    let want = "strategy.canary.spread_by \
                strategy.canary.max_failures strategy.progress_deadline timeouts.device rollback.on_breaker_open rollback.on_abort windows \
                on_window_close";
    assert_eq!(not_yet(NTP).join(" "), want);
    let want = "change.config_version redundancy \
                strategy.waves[1].require_approval strategy.progress_deadline checks.post[1].scope rollback.on_breaker_open rollback.method rollback.max_parallel approvals windows \
                on_window_close notifications";
    let stops = "on_stop: rollback_wave";
    assert_eq!(not_yet(&BGP.replace(stops, "on_stop: pause")).join(" "), want);
    assert_says(&problems(BGP), &["breakers.global.on_stop: rollback_wave is not supported yet (pause)"]);
}

#[test]
fn a_driver_reads_its_transport_its_mode_and_its_commit_and_a_command_takes_none_of_them() {
    let change = |keys: &str| {
        format!(
            "api_version: switchyard/v1\nkind: Rollout\nmetadata: {{name: test}}\nspec:\n  change:\n{keys}    templates: {{default: t}}\n"
        )
    };
    let text = change(
        "    transport: netconf\n    mode: replace\n    commit: {confirm_timeout: 10m, save: true, comment: CHG1}\n",
    );
    let spec = RolloutSpec::parse(&text, "r.yaml").expect("a spec").change;
    assert_eq!(
        (spec.command, spec.transport, spec.mode),
        (None, Some(Transport::Netconf), crate::procedure::Mode::Replace)
    );
    let commit = Commit {
        confirmed: true,
        confirm_timeout: Duration::from_secs(600),
        save: true,
        comment: "CHG1".into(),
    };
    assert_eq!(spec.commit, commit);
    assert_says(
        &problems(&with_ssh(&text)),
        &["change.mode: does not go with ssh.command", "change.transport: does", "change.commit: does"],
    );
    let direct = change("    commit: {method: direct, confirm_timeout: 1m}\n");
    assert_says(&problems(&direct), &["confirm_timeout: means nothing with method: direct"]);
    assert_says(&problems(&change("    transport: telnet\n")), &["must be ssh_cli or netconf"]);
}

#[test]
fn checks_are_read_and_what_can_never_hold_is_refused() {
    let spec = |checks: &str| {
        let text = document(&format!("  checks:\n{checks}"));
        text.replace("ssh: {command: load}", "transport: ssh_cli")
    };
    let read = |checks: &str| RolloutSpec::parse(&spec(checks), "r.yaml").map(|spec| spec.checks);
    let post = "    post: [{name: up, type: command, command: {ios: show ntp, default: show clock}, matches: (?i)sync, \
                initial_delay: 20s, interval: 15s, count: 6, failure_limit: 5}]\n";
    let pre = "    pre: [{name: before, type: tcp, port: 22, save_as: before, on_fail: skip_device}]\n";
    let checks = read(&format!("{pre}{post}")).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let on = |platform: Option<&str>| {
        checks.post[0].for_platform(platform, Transport::SshCli).expect("a check").probe
    };
    assert_eq!(on(Some("ios")), Probe::Command { command: "show ntp".into() });
    assert_eq!(on(None), Probe::Command { command: "show clock".into() });
    let elsewhere = checks.post[0].for_platform(None, Transport::Netconf).unwrap_err();
    assert!(elsewhere.contains("looks over ssh_cli"), "{elsewhere}");
    assert!(checks.post[0].for_platform(Some("eos"), Transport::Http).is_ok(), "lines behind an API");
    assert!(checks.post[0].for_platform(Some("restconf"), Transport::Http).is_err());
    assert_eq!((checks.post[0].check.count, checks.post[0].check.failure_limit), (6, 5));
    let refused = |checks: &str, why: &str| assert_says(&problems(&spec(checks)), &[why]);
    let web = "    post: [{name: h, type: http, url: 'https://{{ device.hostname }}:8443/{{ device.name }}', status: 204, ca_ref: 'file:ca.pem'}, \
               {name: p, type: prometheus, url: 'https://192.0.2.1:9090', ca_ref: 'vault:kv/ca#pem', query: 'up{i=\"{{ device.name }}\"}', expect: '== 1'}]\n";
    let checks = read(web).unwrap_or_else(|problems| panic!("{problems:#?}"));
    let of = |at: usize, hostname: &str| {
        checks.post[at].for_device(("r1", hostname), None, Transport::LocalExec).expect("a check").probe
    };
    assert_eq!(
        of(0, "2001:db8::1"),
        Probe::Http {
            url: "https://[2001:db8::1]:8443/r1".into(),
            status: 204,
            ca_ref: Some("file:ca.pem".into())
        }
    );
    let query = Probe::Prometheus {
        url: Some("https://192.0.2.1:9090".into()),
        query: "up{i=\"r1\"}".into(),
        ca_ref: Some("vault:kv/ca#pem".into()),
    };
    assert_eq!(of(1, "192.0.2.9"), query);
    let own =
        read("    post: [{name: a, type: prometheus, query: up}]\n").expect("the agent's own Prometheus");
    let own_query = Probe::Prometheus { url: None, query: "up".into(), ca_ref: None };
    assert_eq!(own.post[0].check.probe, own_query);
    refused("    post: [{name: a, type: prometheus}]\n", "query is missing");
    refused("    post: [{name: a, type: http, url: 'https://h/', ca_ref: ca.pem}]\n", "does not");
    refused("    post: [{name: a, type: http, url: 'http://u:p@h/'}]\n", "must hold no login");
    refused("    post: [{name: a, type: http, url: 'http://{{ secrets.k }}/'}]\n", "knows nothing between");
    refused("    post: [{name: a, type: tcp, port: 1, matches: '('}]\n", "unclosed group");
    refused(
        "    post: [{name: a, type: tcp, port: 1, expect: '> {{ x }}'}]\n",
        "no check before this one saves \"x\"",
    );
    refused("    post: [{name: a, type: tcp, port: 1, expect: '3'}]\n", "does not begin with");
    refused("    post: [{name: a, type: tcp, port: 1, count: 2, failure_limit: 2}]\n", "from 0 to 1");
    refused("    post: [{name: a, type: tcp, port: 1, save_as: x}]\n", "only before the write");
    refused("    post: [{name: a, type: gnmi_get, path: system}]\n", "does not begin with /");
    refused("    post: [{name: a, type: ping}]\n", "must be tcp or command");
    refused(
        "    pre: [{name: a, type: tcp, port: 1}, {name: a, type: tcp, port: 2}]\n",
        "another check called \"a\"",
    );
    let beside_a_command = document("  checks: {post: [{name: a, type: tcp, port: 1}]}\n");
    assert_says(&problems(&beside_a_command), &["spec.checks: need a driver that looks"]);
}

#[test]
fn what_a_check_saved_is_compared_by_expect_and_taken_for_a_literal_by_nothing_else() {
    let with = |expectation: &str| {
        document(&format!(
            "  checks:\n    pre: [{{name: a, type: command, command: show a, save_as: before}}]\n    \
             post: [{{name: b, type: command, command: show a, {expectation}}}]\n"
        ))
    };
    for key in ["matches", "contains", "not_contains"] {
        let said = format!("{key} is taken as it stands and would look for the braces");
        let problems = problems(&with(&format!("{key}: '{{{{ before }}}}'")));
        assert_says(&problems, &[&said]);
        assert_says(&problems, &["by expect, such as expect: '== {{ before }}'"]);
    }
    assert_says(&problems(&with("expect: '== {{ secrets.k }}'")), &["no check compares with a secret"]);
    assert_says(&problems(&with("expect: '== up {{ before }}'")), &["stands beside something else"]);
}

fn with_ssh(text: &str) -> String {
    text.replace("  change:\n", "  change:\n    ssh: {command: load}\n")
}

#[test]
fn the_budget_silence_and_pools_of_the_contract_are_read() {
    let said = |text: &str, from: &str, to: &str| {
        let cut = &text[text.find(from).expect(from)..];
        cut[..cut.find(to).expect(to)].to_owned()
    };
    let budget = said(NTP, "    budget:", "\n    canary");
    let stops = said(NTP, "  breakers:", "\n  timeouts");
    let ntp = parsed(&format!("  strategy:\n{budget}\n{stops}\n"));
    assert_eq!(ntp.strategy.budget, Budget::default());
    assert_eq!((ntp.breakers.site_silent_to_hold, ntp.breakers.site_silent_to_open), (3, 4));
    let (per_1000s, fixed_pools) =
        (10_000, PoolSettings { max_in_flight: Some(25), ..PoolSettings::default() });
    let connect_rate = Some(Rate { per_1000s });
    assert_eq!(ntp.pools, PoolSettings { connect_rate, ..fixed_pools });
    let budget = said(BGP, "    budget:", "\n    canary");
    let site = said(BGP, "    site:   {", "\n  checks");
    let bgp = parsed(&format!("  strategy:\n{budget}\n  breakers:\n{site}\n"));
    assert_eq!(bgp.strategy.budget, Budget { devices: 2, tolerated_share: Share(0), mode: Mode::Strict });
    let hold_and_open = (bgp.breakers.site_silent_to_hold, bgp.breakers.site_silent_to_open);
    assert_eq!(hold_and_open, (2, 2), "what is left out follows what is named");
    assert!(bgp.breakers.site_reset_manual);
    let other = parsed("  pools: {per_site: {adaptive: fixed}, connect_rate: 30/m, credential_rate: 5/s}\n");
    let (connect_rate, credential_rate) = (Some(Rate { per_1000s: 500 }), Some(Rate { per_1000s: 5000 }));
    let want = PoolSettings { max_in_flight: None, adaptive: false, connect_rate, credential_rate };
    assert_eq!(other.pools, want);
    let stored = serde_json::to_string(&bgp).expect("json");
    assert_eq!(serde_json::from_str::<RolloutSpec>(&stored).expect("stored"), bgp);
}

#[test]
fn what_could_never_trip_or_never_close_is_refused_with_its_arithmetic() {
    let refused = [
        (
            "strategy: {budget: {devices: 0}}",
            "6:32: spec.strategy.budget.devices: a budget of 0 devices starts nothing: the first device in flight reserves 1, and 1 > 0",
        ),
        (
            "strategy: {budget: {tolerated_share: 5%}}",
            "6:40: spec.strategy.budget.tolerated_share: p0 = 5% is too near to p1 = 10%",
        ),
        ("strategy: {budget: {tolerated_share: 12.5%}}", "p0 >= p1 (12.5% >= 10%)"),
        (
            "strategy: {budget: {tolerated_share: 1}}",
            r#"must be a share of all devices, not "1" (such as 1% or 0.5%)"#,
        ),
        ("strategy: {budget: {mode: certain}}", r#"must be expected or strict, not "certain""#),
        (
            "strategy: {canary: {size: 0}}",
            "spec.strategy.canary.size: 0 of all devices is nothing, and 0 of 0 is not healthy",
        ),
        ("strategy: {canary: {size: 0.0%}}", "0.0% of all devices is nothing"),
        (
            "breakers: {site: {silent_to_hold: 5, silent_to_open: 4}}",
            "spec.breakers.site.silent_to_open: silent_to_open < silent_to_hold (4 < 5)",
        ),
        (
            "breakers: {site: {silent_to_open: 0}}",
            "silent_to_open: 0 holds or opens the site without a silent device",
        ),
        (
            "breakers: {site: {silent_to_open: 289}}",
            "the minimum is above the window: the site opens at 289 silent devices, but its agent looks back on 4 x 64 + 32 = 288 connects",
        ),
        (
            "breakers: {site: {silent_to_open: 73}}\n  pools: {per_site: {max_in_flight: 10}}",
            "4 x 10 + 32 = 72 connects",
        ),
        ("breakers: {site: {successes_to_close: 0}}", "0 closes the site before any probe has answered"),
        (
            "breakers: {site: {permitted_calls_in_half_open: 0}}",
            "0 lets no probe through: an open site could never close again",
        ),
        (
            "breakers: {site: {wait_duration_in_open: 2m, max_wait_duration_in_open: 1m}}",
            "(1m < 2m): the first wait already passes it",
        ),
        ("breakers: {device: {consecutive_failures: 0}}", "0 opens without a failure"),
        ("breakers: {global: {on_stop: explode}}", r#"must be pause, not "explode""#),
        ("breakers: {site: {reset: never}}", r#"must be auto or manual, not "never""#),
        ("pools: {per_site: {max_in_flight: 0}}", "a pool of 0 starts nothing, ever"),
        ("pools: {per_device: {max_sessions: 0}}", "with 0 sessions no device can ever be reached"),
        (
            "pools: {per_device: {max_sessions: 2}}",
            "not supported yet: a device is configured by one session at a time",
        ),
        ("pools: {connect_rate: 0/s}", "0/s starts nothing, ever"),
        ("pools: {credential_rate: 5}", r#"must be a rate, not "5""#),
    ];
    for (spec, want) in refused {
        assert_says(&problems(&document(&format!("  {spec}\n"))), &[want]);
    }
    for accepted in [
        "strategy: {budget: {devices: 1, tolerated_share: 4.99%}}",
        "strategy: {budget: {devices: 2, tolerated_share: 1%, mode: strict}}",
        "breakers: {site: {silent_to_hold: 4, silent_to_open: 4}}",
        "breakers: {site: {silent_to_hold: 9}}",
        "breakers: {site: {wait_duration_in_open: 30m}}",
        "breakers: {site: {silent_to_open: 72}}\n  pools: {per_site: {max_in_flight: 10}}",
    ] {
        parsed(&format!("  {accepted}\n"));
    }
}

#[test]
fn every_problem_has_its_place_its_key_and_the_nearest_key() {
    let text = document(
        "  targets: {filtr: 'a = b', filter: 'site = ', allow_empty: yes}\n  strategi: {}\n  strategy:\n    order: random\n    \
         canary: {soak: 5}\n    waves:\n      - {name: a}\n      - {name: a, size: 0}\n      - {name: 'x y', size: 101%}\n    \
         max_parallel: 0\n    maxParallelPerSite: 3\n  breakers:\n    site: {wait_duration_in_open: 2m, max_wait_duration_in_open: 1m}\n    \
         device: {consecutive_failures: '3'}\n  timeouts: {connect: 0s, command: 30}\n  \
         retry: {max_attempts: 11, retry_on: [REJECTED, TIMEOUTS], backoff: 1m, max_backoff: 30s}\n",
    );
    assert_says(
        &problems(&text),
        &[
            r#"r.yaml:6:13: spec.targets.filtr: the key "filtr" is not known here (did you mean filter?)"#,
            "r.yaml:6:37: spec.targets.filter: read the filter at column 7: a value is missing",
            r#"spec.targets.allow_empty: must be true or false, not "yes""#,
            r#"r.yaml:7:3: spec.strategi: the key "strategi" is not known here (did you mean strategy?)"#,
            r#"r.yaml:9:12: spec.strategy.order: must be shuffled or listed, not "random""#,
            r#"spec.strategy.canary.soak: must be a duration, not "5""#,
            "spec.strategy.canary: says neither size nor select",
            "spec.strategy.waves[0]: has neither size nor filter",
            "spec.strategy.waves[1].name: another wave is called a",
            "spec.strategy.waves[1].size: 0 of all devices is nothing, and 0 of 0 is not healthy (at least 1",
            r#"spec.strategy.waves[2].name: "x y" is not a name"#,
            r#"spec.strategy.waves[2].size: must be a count or a share of all devices, not "101%""#,
            r#"spec.strategy.max_parallel: must be a whole number from 1 to 100000, not "0""#,
            r#"spec.strategy.maxParallelPerSite: the key "maxParallelPerSite" is not known here (did you mean max_parallel_per_site?)"#,
            "spec.breakers.site: max_wait_duration_in_open is shorter than wait_duration_in_open (1m < 2m)",
            r#"spec.breakers.device.consecutive_failures: must be a whole number from 1 to 1000, not the quoted text "3""#,
            r#"spec.timeouts.connect: must be from 1ms to 1h, not "0s""#,
            r#"spec.timeouts.command: must be a duration, not "30""#,
            r#"spec.retry.max_attempts: must be a whole number from 1 to 10, not "11""#,
            "spec.retry.retry_on[0]: REJECTED is never tried again",
            r#"spec.retry.retry_on[1]: must be UNREACHABLE or TIMEOUT or OVERLOADED, not "TIMEOUTS" (did you mean TIMEOUT?)"#,
            "spec.retry: max_backoff is shorter than backoff",
        ],
    );
}

#[test]
fn what_is_missing_and_what_cannot_be_named_is_said() {
    assert_says(
        &problems("api_version: switchyard/v1\nkind: Rollout\nmetadata: {name: NTP}\nspec: {}\non: 1\n"),
        &[
            r#"r.yaml:3:18: metadata.name: "NTP" is not the name of a rollout"#,
            "r.yaml:4:7: spec: change is missing (for example change: {ssh: {command: load}",
            r#"r.yaml:5:1: on: the key "on" is not known here"#,
        ],
    );
    let text = "api_version: switchyard/v1\nkind: Rollout\nmetadata: {name: ntp}\nspec:\n  change:\n    \
                ssh: {comand: x}\n    templates: {}\n    vars: {a-b: 1, device: 2, ok: 3}\n    vars_files: ['']\n";
    assert_says(
        &problems(text),
        &[
            r#"r.yaml:6:11: spec.change.ssh.comand: the key "comand" is not known here (did you mean command?)"#,
            "spec.change.ssh: command is missing",
            "spec.change.templates: names no template",
            r#"spec.change.vars.a-b: "a-b" cannot be named in a template"#,
            "spec.change.vars.device: templates use device for something else",
            r#"spec.change.vars_files[0]: "" is not the path of a file"#,
        ],
    );
    assert_says(
        &problems(&"x: y\n".repeat(200_000)),
        &["the key \"x\" stands here a second time", "more problems"],
    );
    assert_says(
        &problems(&"x".repeat(10_000_000)),
        &["r.yaml: the document has 10000000 bytes, more than the 1048576"],
    );
}

#[test]
fn a_share_is_rounded_up_and_at_least_one() {
    for (size, all, want) in
        [("5%", 100, 5), ("5%", 101, 6), ("1%", 3, 1), ("0.01%", 100, 1), ("100%", 7, 7), ("6", 3, 6)]
    {
        let parsed = Size::parse(size).unwrap_or_else(|| panic!("{size}"));
        assert_eq!(parsed.of(all), want, "{size} of {all}");
    }
    for bad in ["0", "0%", "101%", "100.01%", "-1", "+1", "1.5", "%", ".5%", "5 %", "1000001", ""] {
        assert_eq!(Size::parse(bad), None, "{bad}");
    }
}

proptest! {
    #[test]
    fn a_damaged_spec_is_read_or_refused_but_never_a_panic(at in 0usize..3000, cut in 0usize..40, piece in ".{0,8}") {
        for whole in [MINIMAL, NTP, BGP] {
            let mut text: Vec<char> = whole.chars().collect();
            let from = at.min(text.len());
            text.splice(from..(from + cut).min(text.len()), piece.chars());
            match RolloutSpec::parse(&text.into_iter().collect::<String>(), "r.yaml") {
                Ok(spec) => prop_assert!(spec.retry.max_attempts >= 1),
                Err(problems) => prop_assert!(!problems.is_empty()),
            }
        }
    }
}
