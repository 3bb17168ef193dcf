//! What the agent of a device is told: all that the spec says of its work.

use super::*;
use crate::procedure::{CONFIRM_TIMEOUT_DEFAULT, Commit, Expectation, Mode, Probe};
use crate::task::{BreakerSettings, PoolSettings, Rate, Timeouts};

const CHECKS: &str = "  checks:
    pre:
      - {name: before, type: command, command: {arista_eos: show bgp, default: show clock}, contains: up, save_as: routes,
         initial_delay: 1s, interval: 2s, count: 3, failure_limit: 2}
    post:
      - {name: page, type: http, url: 'https://{{ device.hostname }}/{{ device.name }}', status: 204, ca_ref: 'file:ca.pem'}
      - {name: after, type: command, command: show bgp, expect: '>= {{ routes }}'}
";
const REST: &str = "  rollback: {on_device_failure: false}
  timeouts: {connect: 7s, command: 41s}
  breakers:
    site: {enabled: false, wait_duration_in_open: 11s, max_wait_duration_in_open: 12m, permitted_calls_in_half_open: 2,
           successes_to_close: 4, silent_to_hold: 5, silent_to_open: 6, reset: manual}
    device: {consecutive_failures: 7, wait_duration_in_open: 13s}
  pools: {per_site: {max_in_flight: 9, adaptive: fixed}, connect_rate: 30/m, credential_rate: 5/s}
";

/// The task of the device `e1`, whose spec has this in its change and this besides.
fn task(change: &str, besides: &str) -> Task {
    let text = format!(
        "api_version: switchyard/v1\nkind: Rollout\nmetadata: {{name: ntp}}\nspec:\n  \
         change: {{{change}templates: {{default: t.j2}}}}\n{besides}"
    );
    let spec = RolloutSpec::parse(&text, "r.yaml").unwrap_or_else(|problems| panic!("{problems:#?}"));
    let e1 = "  e1: {hostname: '2001:db8::1', site: ams, platform: arista_eos, transport: netconf}\n";
    let plan = planned(&spec, &fleet(0, e1));
    let op = OpId { rollout: plan.rollout.clone(), device: plan.devices[0].name.clone(), attempt: 3 };
    let task = plan.task(&plan.devices[0], op.clone(), Purpose::Compare, b"ntp\n".as_slice().into());
    assert_eq!((&task.op, &task.purpose, &task.configuration[..]), (&op, &Purpose::Compare, &b"ntp\n"[..]));
    assert_eq!((&task.endpoint, task.endpoint.hostname.as_str()), (&plan.devices[0].endpoint, "2001:db8::1"));
    task
}

fn procedure(task: &Task) -> &Procedure {
    match &task.work {
        Work::Driver(procedure) => procedure,
        Work::Command { .. } | Work::HostKeys => panic!("a driver: {task:?}"),
    }
}

fn check(name: &str, probe: Probe, expectations: Vec<Expectation>) -> Check {
    let (initial_delay, interval) = (Duration::ZERO, Duration::from_secs(10));
    let name = name.to_owned();
    Check { name, probe, expectations, save_as: None, initial_delay, interval, count: 1, failure_limit: 0 }
}

#[test]
fn a_driver_is_told_how_its_spec_wants_the_change_made_checked_and_taken_back() {
    let shows = |name, wants| check(name, Probe::Command { command: "show bgp".into() }, vec![wants]);
    let before = Check {
        save_as: Some("routes".into()),
        initial_delay: Duration::from_secs(1),
        interval: Duration::from_secs(2),
        count: 3,
        failure_limit: 2,
        ..shows("before", Expectation::Contains("up".into()))
    };
    let url = "https://[2001:db8::1]/e1".into();
    let page = check("page", Probe::Http { url, status: 204, ca_ref: Some("file:ca.pem".into()) }, vec![]);
    let after = shows("after", Expectation::Expect(">= {{ routes }}".into()));
    let comment = "CHG-7".to_owned();
    let direct = Commit { confirmed: false, confirm_timeout: CONFIRM_TIMEOUT_DEFAULT, save: true, comment };
    let confirm_timeout = Duration::from_secs(45);
    let patient = Commit { confirmed: true, confirm_timeout, save: false, comment: String::new() };
    for (said, commit) in [
        ("{method: direct, save: true, comment: CHG-7}", direct),
        ("{method: confirmed, confirm_timeout: 45s}", patient),
    ] {
        let change = format!(
            "transport: ssh_cli, mode: replace, commit: {said}, secrets: {{k: {{secret_ref: 'env:K'}}}}, "
        );
        let want = Procedure {
            transport: Transport::SshCli,
            platform: "arista_eos".into(),
            mode: Mode::Replace,
            commit,
            pre: vec![before.clone()],
            post: vec![page.clone(), after.clone()],
            revert: false,
            secrets: [("k".to_owned(), "env:K".to_owned())].into(),
        };
        assert_eq!(procedure(&task(&change, &format!("{CHECKS}{REST}"))), &want);
    }
}

#[test]
fn a_driver_is_told_the_defaults_of_a_spec_that_says_nothing() {
    let confirm_timeout = Duration::from_secs(300);
    let want = Procedure {
        transport: Transport::Netconf,
        platform: "arista_eos".into(),
        mode: Mode::Merge,
        commit: Commit { confirmed: true, confirm_timeout, save: false, comment: String::new() },
        pre: vec![],
        post: vec![],
        revert: true,
        secrets: BTreeMap::new(),
    };
    let task = task("", "");
    assert_eq!(procedure(&task), &want);
    let (connect, command) = (Duration::from_secs(10), Duration::from_secs(30));
    assert_eq!(task.timeouts, Timeouts { connect, command });
    assert_eq!((task.breakers, task.pools), (BreakerSettings::default(), PoolSettings::default()));
}

#[test]
fn an_agent_is_told_the_deadlines_the_breakers_and_the_pools_of_a_spec() {
    let task = task("", REST);
    let (connect, command) = (Duration::from_secs(7), Duration::from_secs(41));
    assert_eq!(task.timeouts, Timeouts { connect, command });
    let breakers = BreakerSettings {
        site_enabled: false,
        site_wait_duration_in_open: Duration::from_secs(11),
        site_max_wait_duration_in_open: Duration::from_secs(12 * 60),
        site_permitted_calls_in_half_open: 2,
        site_successes_to_close: 4,
        device_consecutive_failures: 7,
        device_wait_duration_in_open: Duration::from_secs(13),
        site_silent_to_hold: 5,
        site_silent_to_open: 6,
        site_reset_manual: true,
    };
    let pools = PoolSettings {
        max_in_flight: Some(9),
        adaptive: false,
        connect_rate: Some(Rate { per_1000s: 500 }),
        credential_rate: Some(Rate { per_1000s: 5000 }),
    };
    assert_eq!((task.breakers, task.pools), (breakers, pools));
}
