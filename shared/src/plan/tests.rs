//! Promises of plans.

mod secrets;
mod task;

use super::*;
use crate::inventory::Inventory;
use proptest::prelude::*;
use std::fmt::Write as _;

const KEY: &str = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";
const MINIMAL_ROLLOUT: &str = include_str!("../../tests/contract/minimal-rollout.yaml");
const MINIMAL_INVENTORY: &str = include_str!("../../tests/contract/minimal-inventory.yaml");

/// `count` devices at two sites, every third one an edge.
fn fleet(count: usize, more: &str) -> Inventory {
    let mut text = format!(
        "api_version: switchyard/v1\nkind: Inventory\n\
         defaults: {{username: u, credential_ref: \"env:KEY\", host_keys: [\"{KEY}\"]}}\n\
         sites: {{ams: {{region: emea}}, sin: {{}}}}\ndevices:\n"
    );
    for n in 0..count {
        let (site, role) = (["ams", "sin"][n % 2], ["edge", "access", "access"][n % 3]);
        let _ = writeln!(text, "  d{n:03}: {{hostname: h{n}, site: {site}, role: {role}, data: {{n: {n}}}}}");
    }
    Inventory::parse(&format!("{text}{more}"), "i.yaml").unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn spec(rest: &str) -> RolloutSpec {
    let text = format!(
        "api_version: switchyard/v1\nkind: Rollout\nmetadata: {{name: ntp}}\nspec:\n  \
         change: {{ssh: {{command: load}}, templates: {{default: t.j2}}}}\n{rest}"
    );
    RolloutSpec::parse(&text, "r.yaml").unwrap_or_else(|problems| panic!("{problems:#?}"))
}

fn files(files: &[(&str, &str)]) -> BTreeMap<String, Vec<u8>> {
    files.iter().map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec())).collect()
}

fn plan_of(spec: &RolloutSpec, inventory: &Inventory, template: &str) -> Result<Planned, PlanError> {
    let files = files(&[("t.j2", template)]);
    let vars = BTreeMap::new();
    build(PlanInput { spec, inventory, files: &files, vars: &vars, created_by: "anna", now: Timestamp(1) })
}

fn planned(spec: &RolloutSpec, inventory: &Inventory) -> Plan {
    plan_of(spec, inventory, "x\n").unwrap_or_else(|error| panic!("{error:#?}")).plan
}

fn said(result: Result<Planned, PlanError>) -> Vec<String> {
    match result {
        Err(PlanError::Problems(problems)) => problems.iter().map(Problem::to_string).collect(),
        other => panic!("{other:?}"),
    }
}

fn names(devices: &[PlannedDevice]) -> String {
    devices.iter().map(|device| device.name.as_str()).collect::<Vec<_>>().join(" ")
}

fn wave_names(plan: &Plan) -> Vec<String> {
    let own = |wave: &PlannedWave| &plan.devices[wave.first as usize..][..wave.devices as usize];
    plan.waves.iter().map(|wave| format!("{}: {}", wave.name, names(own(wave)))).collect()
}

#[test]
fn the_smallest_rollout_and_inventory_give_a_plan() {
    let spec = RolloutSpec::parse(MINIMAL_ROLLOUT, "r.yaml").expect("a spec");
    let inventory = Inventory::parse(MINIMAL_INVENTORY, "i.yaml").expect("an inventory");
    let files = files(&[("motd.cfg.j2", "banner {{ device.name }} {{ site.name }} {{ rollout.name }}\n")]);
    let vars = BTreeMap::new();
    let input = PlanInput {
        spec: &spec,
        inventory: &inventory,
        files: &files,
        vars: &vars,
        created_by: "a",
        now: Timestamp(1),
    };
    let Planned { plan, configs } = build(input).expect("a plan");
    assert_eq!(names(&plan.devices), "dev001 dev002");
    assert_eq!(configs[&*plan.devices[1].config], b"banner dev002 lab motd\n");
    assert_eq!(plan.name.as_str(), format!("motd-{}", &plan.digest[7..11]));
    assert_eq!(plan.clone().with_name_digits(99).name.as_str(), format!("motd-{}", &plan.digest[7..15]));
    let layout = plan.layout();
    assert_eq!((layout.devices.len(), layout.waves.len(), layout.max_parallel_per_site), (2, 1, 10));
    let stored: Plan = serde_json::from_str(&serde_json::to_string(&plan).expect("json")).expect("stored");
    assert_eq!(stored, plan);
    let later = build(PlanInput { created_by: "b", now: Timestamp(2), ..input }).expect("a plan").plan;
    assert_eq!((later.digest, later.name), (plan.digest, plan.name));
}

#[test]
fn a_plan_changes_its_digest_with_anything_it_was_made_from() {
    let (one, inventory) = (spec("  strategy: {order: listed}\n"), fleet(3, ""));
    let digest = |spec: &RolloutSpec, inventory: &Inventory, template: &str| {
        plan_of(spec, inventory, template).expect("a plan").plan.digest
    };
    let first = digest(&one, &inventory, "x");
    assert_ne!(first, digest(&one, &inventory, "y"));
    assert_ne!(first, digest(&one, &fleet(4, ""), "x"));
    assert_ne!(first, digest(&spec("  strategy: {order: listed, max_parallel: 3}\n"), &inventory, "x"));
    assert_eq!(first, digest(&spec("  # a remark\n  strategy: {order: listed}\n"), &inventory, "x"));
}

#[test]
fn the_canary_comes_first_and_the_first_wave_that_matches_takes_a_device() {
    let spec = spec(
        "  strategy:\n    order: listed\n    canary: {size: 1, select: ['name = d004'], soak: 1m}\n    waves:\n      \
         - {name: edges, filter: 'role = edge', size: 2}\n      - {name: some, size: 25%}\n      - {name: rest, promote: manual}\n",
    );
    let plan = planned(&spec, &fleet(10, ""));
    assert_eq!(
        wave_names(&plan),
        ["canary: d004", "edges: d000 d003", "some: d001 d002 d005", "rest: d006 d007 d008 d009"]
    );
    assert!(plan.waves[0].canary && plan.waves[0].promote == Promote::Manual);
    assert_eq!((plan.waves[2].first, plan.waves[2].sites), (3, 2));
    assert_eq!(
        plan.devices.iter().map(|device| device.wave).collect::<Vec<_>>(),
        [0, 1, 1, 2, 2, 2, 3, 3, 3, 3]
    );
}

#[test]
fn a_device_that_no_wave_takes_is_a_problem() {
    let spec = spec("  strategy:\n    waves:\n      - {name: edges, filter: 'role = edge'}\n");
    let said = said(plan_of(&spec, &fleet(6, ""), "x"));
    assert!(
        said[0].starts_with("r.yaml:8:7: spec.strategy.waves: UNASSIGNED: no wave takes 4 of 6 devices"),
        "{said:?}"
    );
}

#[test]
fn a_canary_that_is_not_there_is_a_problem() {
    let spec = spec("  strategy: {canary: {select: ['role = edge', 'name = nobody']}}\n");
    let said = said(plan_of(&spec, &fleet(3, ""), "x"));
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].contains("spec.strategy.canary.select[1]: name = nobody matches none of the 3"),
        "{said:?}"
    );
}

#[test]
fn a_selection_of_nothing_is_no_plan_unless_it_is_allowed() {
    let more = "  m1: {hostname: m1, site: ams, status: maintenance}\n";
    let nobody = spec("  targets: {filter: 'name = m1'}\n");
    let Err(PlanError::NoTargets(message)) = plan_of(&nobody, &fleet(3, more), "x") else { panic!("a plan") };
    assert_eq!(
        message,
        "the filter name = m1 selects 1 of 4 devices; 1 device is left out because their status is not active: m1 (maintenance)"
    );
    let allowed = spec("  targets: {filter: 'name = m1', allow_empty: true}\n");
    assert_eq!(planned(&allowed, &fleet(3, more)).devices.len(), 0);
}

#[test]
fn a_commit_that_is_for_good_at_once_although_it_was_to_be_confirmed_is_said() {
    const EOS: &str = "platform: arista_eos, transport: ssh_cli";
    let device = |name: &str, of: &str| format!("  {name}: {{hostname: {name}, site: ams, {of}}}\n");
    let ours = [device("i1", "platform: ios, transport: ssh_cli"), device("e1", EOS)].concat();
    let theirs =
        [device("n1", "transport: netconf"), device("m1", "platform: mine, transport: http")].concat();
    let said = |more: &str, commit: &str| {
        let text = format!(
            "api_version: switchyard/v1\nkind: Rollout\nmetadata: {{name: ntp}}\nspec:\n  \
             targets: {{exclude: 'name = d000'}}\n  change: {{{commit}templates: {{default: t.j2}}}}\n"
        );
        let spec = RolloutSpec::parse(&text, "r.yaml").unwrap_or_else(|problems| panic!("{problems:#?}"));
        let fleet = fleet(1, more);
        planned(&spec, &fleet).promise().bound.pop().unwrap()
    };
    let line = "commit: confirmed, and for good at once on 1 (ios): they take no commit back by themselves";
    for commit in ["", "commit: {method: confirmed}, "] {
        assert_eq!(said(&ours, commit), line);
    }
    let local = [
        device("l1", "platform: terraform, transport: local_exec"),
        device("c1", "platform: restconf, transport: http"),
    ];
    assert_eq!(said(&local.concat(), ""), line.replace("1 (ios)", "2 (restconf, terraform)"));
    let asked = "; 2 (mine, netconf) more tell only when they are asked";
    assert_eq!(said(&[ours.clone(), theirs.clone()].concat(), ""), format!("{line}{asked}"));
    assert!(
        said(&theirs, "")
            .starts_with("commit: confirmed; 2 (mine, netconf) tell only when they are asked whether")
    );
    assert!(said(&ours, "commit: {method: direct}, ").starts_with("not covered:"), "nobody asked for it");
    assert!(said(&device("e1", EOS), "").starts_with("not covered:"));
}

#[test]
fn a_doubt_waits_for_as_long_as_a_device_may_still_take_the_change_back() {
    let wait = |commit: &str| {
        let text = format!(
            "api_version: switchyard/v1\nkind: Rollout\nmetadata: {{name: ntp}}\nspec:\n  \
             change: {{transport: netconf, {commit}templates: {{default: t.j2}}}}\n"
        );
        let spec = RolloutSpec::parse(&text, "r.yaml").unwrap_or_else(|problems| panic!("{problems:#?}"));
        (planned(&spec, &fleet(1, "")).layout().confirm_wait, spec.change.commit.patience())
    };
    let (waits, patience) = wait("");
    assert!(waits > patience, "its patience begins at its commit, later than the write: {waits:?}");
    let (longer, patience) = wait("commit: {confirm_timeout: 10m}, ");
    assert!(longer > patience && longer > waits, "{longer:?}");
    assert_eq!(wait("commit: {method: direct}, ").0, Duration::ZERO);
    assert_eq!(planned(&spec(""), &fleet(1, "")).layout().confirm_wait, Duration::ZERO, "a command");
}

#[test]
fn devices_that_are_not_active_are_left_out_and_said() {
    let more = "  m1: {hostname: m1, site: ams, status: maintenance}\n  m2: {hostname: m2, site: ams, status: planned}\n";
    let spec = spec("  targets: {exclude: 'name = d000'}\n  strategy: {order: listed}\n");
    let plan = planned(&spec, &fleet(3, more));
    assert_eq!(names(&plan.devices), "d001 d002");
    let want = "2 devices are left out because their status is not active: m1 (maintenance), m2 (planned)";
    assert_eq!(plan.warnings, [want]);
}

#[test]
fn a_device_without_a_pinned_key_says_how_to_collect_it() {
    let more = "  n1: {hostname: 192.0.2.7, port: 2201, site: ams, host_keys: []}\n";
    let said = said(plan_of(&spec(""), &fleet(1, more), "x"));
    assert_eq!(
        said,
        [
            "inventory: devices.n1.host_keys: device n1 has no host_keys: collect it with `switchyard device trust n1`, or `ssh-keyscan -p 2201 192.0.2.7 | ssh-keygen -lf -`, check it by another way, and add the SHA256:… line, or name its authority in connection_options.ssh.host_ca"
        ]
    );
}

#[test]
fn a_filter_with_an_unknown_field_points_into_the_spec() {
    let spec = spec("  targets: {filter: 'sitte = ams'}\n");
    let said = said(plan_of(&spec, &fleet(3, ""), "x"));
    let want = "r.yaml:6:21: spec.targets.filter: read the filter at column 1: no device has a field, label or data called \"sitte\"; did you mean site?";
    assert_eq!(said, [want]);
}

#[test]
fn equal_template_errors_of_many_devices_are_one_problem() {
    let template = "a\nntp {{ ntp_server }}\n";
    assert_eq!(
        said(plan_of(&spec(""), &fleet(50, ""), template)),
        ["t.j2:2:8: `ntp_server` is undefined (device d000 and 49 others)"]
    );
    let template = "{% if device.data.n == 1 %}{{ one }}{% else %}{{ device.data.x }}{% endif %}";
    let said_all = said(plan_of(&spec(""), &fleet(3, ""), template));
    assert_eq!(said_all.len(), 2, "{said_all:?}");
    assert!(said_all.contains(&"t.j2:1:31: `one` is undefined (device d001)".to_owned()), "{said_all:?}");
    assert!(
        said_all.iter().any(|line| line.ends_with("`device.data.x` is undefined (device d000 and 1 other)"))
    );
    let endless =
        "{% for a in range(9999) %}{% for b in range(9999) %}{% set x = a %}{% endfor %}{% endfor %}";
    let said_endless = said(plan_of(&spec(""), &fleet(50, ""), endless));
    assert!(said_endless[0].ends_with("(device d000; the others were not tried)"), "{said_endless:?}");
}

#[test]
fn missing_files_and_platforms_are_said_together() {
    let text = "api_version: switchyard/v1\nkind: Rollout\nmetadata: {name: ntp}\nspec:\n  change:\n    ssh: {command: load}\n    \
                templates: {ios: ios.j2, eos: t.j2}\n    vars_files: [gone.yaml, bad.yaml]\n";
    let spec = RolloutSpec::parse(text, "r.yaml").expect("a spec");
    let more = "  i1: {hostname: i1, site: ams, platform: junos}\n";
    let files = files(&[("t.j2", "{% if %}"), ("bad.yaml", "a: 1\na: 2\ndevice: 3\n")]);
    let vars = BTreeMap::from([("a-b".to_owned(), Value::Null)]);
    let inventory = fleet(2, more);
    let said = said(build(PlanInput {
        spec: &spec,
        inventory: &inventory,
        files: &files,
        vars: &vars,
        created_by: "a",
        now: Timestamp(1),
    }));
    let all = said.join("\n");
    for want in [
        "r.yaml:8:18: spec.change.vars_files[0]: the file gone.yaml was not found (paths are relative to the spec)",
        "bad.yaml:2:1: the key \"a\" stands here a second time",
        "bad.yaml:3:1: device: templates use device for something else",
        "command line: vars: \"a-b\" cannot be named in a template",
        "r.yaml:7:22: spec.change.templates.ios: the template ios.j2 was not found",
        "t.j2:1:",
        "r.yaml:7:16: spec.change.templates: no template serves devices without a platform: device d000 and 1 other (add default)",
        "no template serves the platform \"junos\": device i1 (add junos or default)",
    ] {
        assert!(all.contains(want), "no {want} in\n{all}");
    }
}

#[test]
fn the_command_line_wins_over_the_spec_and_the_spec_over_files() {
    let text = "api_version: switchyard/v1\nkind: Rollout\nmetadata: {name: ntp, labels: {change: C1}}\nspec:\n  change:\n    \
                ssh: {command: load}\n    templates: {default: t.j2}\n    vars: {b: spec, c: spec}\n    vars_files: [one.yaml, two.yaml]\n";
    let spec = RolloutSpec::parse(text, "r.yaml").expect("a spec");
    let template = "{{ a }} {{ b }} {{ c }} {{ d }} {{ device.data.n }} {{ site.region }} {{ rollout.labels.change }} {{ device.port }}";
    let files = files(&[
        ("t.j2", template),
        ("one.yaml", "{a: one, b: one, c: one, d: one}"),
        ("two.yaml", "{b: two, c: two, d: two}"),
    ]);
    let vars = BTreeMap::from([("c".to_owned(), Value::from("cli"))]);
    let inventory = fleet(1, "");
    let input = PlanInput {
        spec: &spec,
        inventory: &inventory,
        files: &files,
        vars: &vars,
        created_by: "a",
        now: Timestamp(1),
    };
    let configs = build(input).expect("a plan").configs;
    let texts: Vec<_> = configs.into_values().map(|bytes| String::from_utf8(bytes).expect("text")).collect();
    assert_eq!(texts, ["one spec cli two 0 emea C1 22"]);
}

#[test]
fn a_mapping_keeps_the_order_it_was_written_in() {
    let text = "api_version: switchyard/v1\nkind: Rollout\nmetadata: {name: ntp}\nspec:\n  \
                change: {ssh: {command: load}, templates: {default: t.j2}, vars: {acl: {z: 1, a: 2, m: 3}}}\n";
    let spec = RolloutSpec::parse(text, "r.yaml").expect("a spec");
    let template = "{% for name, rank in acl | items %}{{ name }}{{ rank }} {% endfor %}";
    let configs = plan_of(&spec, &fleet(1, ""), template).expect("a plan").configs;
    assert_eq!(configs.into_values().collect::<Vec<_>>(), [b"z1 a2 m3 "]);
}

#[test]
fn identical_configurations_are_kept_once_and_counted() {
    let template = "{% if device.role == 'edge' %}edge{% else %}access{% endif %}";
    let Planned { plan, configs } =
        plan_of(&spec("  strategy: {order: listed}\n"), &fleet(9, ""), template).expect("a plan");
    assert_eq!(configs.len(), 2);
    let groups = plan.rendered_groups();
    assert_eq!((groups[0].devices, groups[1].devices), (6, 3));
    assert_eq!(groups[0].sample.len(), SAMPLE_MAX);
    assert_eq!(configs[groups[1].digest], b"edge");
}

#[test]
fn a_shuffle_never_changes_with_a_library() {
    let mut order: Vec<u32> = (0..12).collect();
    shuffle(&mut order, [7; 32]);
    assert_eq!(order, [7, 4, 3, 9, 0, 10, 6, 11, 2, 5, 8, 1]);
    let plan = planned(&spec(""), &fleet(12, ""));
    assert_eq!(names(&plan.devices), "d007 d008 d004 d003 d011 d005 d002 d010 d001 d009 d000 d006");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_shuffle_is_a_permutation(count in 0usize..200, seed in any::<[u8; 32]>()) {
        let (mut one, mut two): (Vec<usize>, Vec<usize>) = ((0..count).collect(), (0..count).collect());
        shuffle(&mut one, seed);
        shuffle(&mut two, seed);
        prop_assert_eq!(&one, &two);
        one.sort_unstable();
        prop_assert_eq!(one, (0..count).collect::<Vec<_>>());
    }

    #[test]
    fn waves_partition_the_selection(count in 1usize..60, canary in 1u32..8, share in 1u32..=100, size in 1u32..20) {
        let spec = spec(&format!(
            "  targets: {{filter: 'NOT (role = edge AND site = sin)'}}\n  strategy:\n    canary: {{size: {canary}}}\n    waves:\n      \
             - {{name: a, size: {share}%}}\n      - {{name: b, filter: 'role = access', size: {size}}}\n      - {{name: rest}}\n"
        ));
        let inventory = fleet(count, "");
        let plan = planned(&spec, &inventory);
        let wanted: Vec<&str> = inventory
            .devices
            .iter()
            .filter(|device| !(device.role.as_deref() == Some("edge") && device.site.as_str() == "sin"))
            .map(|device| device.name.as_str())
            .collect();
        let mut got: Vec<&str> = plan.devices.iter().map(|device| device.name.as_str()).collect();
        got.sort_unstable();
        prop_assert_eq!(&got, &wanted);
        let mut next = 0;
        for (wave, number) in plan.waves.iter().zip(0u32..) {
            prop_assert_eq!(wave.first, next);
            next += wave.devices;
            for device in &plan.devices[wave.first as usize..next as usize] {
                prop_assert_eq!(device.wave, number);
            }
        }
        prop_assert_eq!(next as usize, plan.devices.len());
        prop_assert_eq!(plan.waves[0].devices, canary.min(wanted.len() as u32));
        let left = wanted.len() as u32 - plan.waves[0].devices;
        prop_assert_eq!(plan.waves[1].devices, (wanted.len() as u32 * share).div_ceil(100).max(1).min(left));
    }
}

#[test]
fn what_devices_of_a_plan_say_alike_is_kept_once_when_it_is_read() {
    let plan = planned(&spec(""), &fleet(40, ""));
    let stored: Plan = serde_json::from_str(&serde_json::to_string(&plan).expect("json")).expect("stored");
    assert_eq!(stored, plan);
    let sites: BTreeSet<*const u8> =
        stored.devices.iter().map(|device| device.site.as_str().as_ptr()).collect();
    assert_eq!(sites.len(), 2);
    let texts = |of: fn(&PlannedDevice) -> &Arc<str>| {
        stored.devices.iter().map(|device| of(device).as_ptr()).collect::<BTreeSet<_>>().len()
    };
    assert_eq!((texts(|device| &device.config), texts(|device| &device.template)), (1, 1));
}

#[test]
fn the_time_of_a_write_counts_the_lines_of_the_longest_configuration() {
    let text = "api_version: switchyard/v1\nkind: Rollout\nmetadata: {name: ntp}\nspec:\n  \
                change: {transport: ssh_cli, templates: {default: t.j2}}\n";
    let spec = RolloutSpec::parse(text, "r.yaml").expect("a spec");
    let mut inventory = fleet(4, "");
    inventory.devices.iter_mut().for_each(|device| device.platform = Some("frr".into()));
    let template = "{% for n in range(device.data.n * 100) %}line {{ n }}\n{% endfor %}x\n";
    let plan = plan_of(&spec, &inventory, template).unwrap_or_else(|error| panic!("{error:#?}")).plan;
    assert_eq!(plan.lines, 302);
    let procedure = Procedure::new(Transport::SshCli, "frr");
    assert_eq!(plan.write_time(), procedure.after_write(&spec.timeouts, 302));
    assert_eq!(
        plan.layout().command_timeout,
        procedure.goes_on(&spec.timeouts, 302),
        "a doubt waits for no lines that are typed"
    );
}

#[test]
fn what_would_miss_a_device_behind_its_jump_host_is_refused_before_anything_is_read() {
    let jump = format!("{{ssh: {{jump: {{hostname: hop, host_keys: [\"{KEY}\"]}}}}}}");
    let more = format!("  far: {{hostname: h9, site: ams, role: edge, connection_options: {jump}}}\n");
    let of = |transport: &str, checks: &str| {
        let text = format!(
            "api_version: switchyard/v1\nkind: Rollout\nmetadata: {{name: ntp}}\nspec:\n  \
             change: {{transport: {transport}, templates: {{default: t.j2}}}}\n{checks}"
        );
        let spec = RolloutSpec::parse(&text, "r.yaml").unwrap_or_else(|problems| panic!("{problems:#?}"));
        plan_of(&spec, &fleet(1, &more), "x\n")
    };
    let tcp = "  checks: {post: [{name: bgp, type: tcp, port: 179}]}\n";
    for (transport, checks, why) in [
        ("ssh_cli", tcp, "a tcp check does not go through"),
        ("gnmi", "", "gnmi does not go through a jump host"),
    ] {
        let all = said(of(transport, checks)).join("\n");
        assert!(all.contains(why) && all.contains("far"), "{all}");
    }
    assert!(of("netconf", "").is_ok() && of("local_exec", "").is_ok());
}
