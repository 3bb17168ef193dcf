//! Models are read as written, and what is wrong with one is named.

use super::*;

const HEAD: &str = "api_version: switchyard/v1\nkind: RehearsalModel\n";
const FLEET: &str = "fleet:\n  devices: 100\n  sites: 10\n  pool: 10\n  labels:\n    platform: {values: 3}\n    model: {within: platform, shares: [0.6, 30%, 0.1]}\n";

fn parsed(rest: &str) -> Model {
    match Model::parse(&format!("{HEAD}{FLEET}{rest}"), "model.yaml", None) {
        Ok(model) => model,
        Err(problems) => panic!("{problems:?}"),
    }
}

fn said(text: &str) -> String {
    let problems = Model::parse(text, "model.yaml", None).expect_err("a model with problems");
    problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_smallest_model_is_a_fleet_in_which_nothing_fails() {
    let model = parsed("");
    assert_eq!((model.failures.overall, model.unreachable, model.sensitivity), (0.0, 0.0, 1.0));
    let fleet = model.fleet.expect("a fleet");
    assert_eq!(fleet.labels[1].values, 9);
    assert_eq!((fleet.site_name(7), fleet.device_name(7)), ("s7".into(), "d07".into()));
}

#[test]
fn causes_name_labels_pairs_sites_and_instants() {
    let model = parsed(
        "failures:\n  overall: 0.5%\n  slower: 3\n  where:\n    - {labels: {platform: 1, model: 4}, probability: 1}\n    - {sites: [s3], probability: 0.25, from: 90s}\n\
         dark: {sites: [s1, s2], after: 40, timeout: [5s, 30s]}\nhandshake: {median: 150ms, sigma: 0.6, stragglers: true}\nlatency: [{from: 1s, to: 3s}, {median: 10s, sigma: 0.4}]\nrules: [brief, waves]\n",
    );
    assert_eq!((model.failures.overall, model.failures.slower), (0.005, 3.0));
    assert_eq!(model.failures.causes[0].labels.len(), 2);
    assert_eq!(model.failures.causes[1].from, Duration::from_secs(90));
    let dark = model.dark.expect("dark sites");
    assert_eq!((dark.when, dark.timeouts.len()), (DarkWhen::After(40), 2));
    assert!(model.handshake[0].stragglers);
    assert_eq!(model.latency.len(), 2);
    assert_eq!(model.rules, [Rule::Brief, Rule::Waves]);
}

#[test]
fn a_model_tells_every_problem_at_once_with_its_place_and_the_nearest_word() {
    let text = format!(
        "{HEAD}{FLEET}failures:\n  overall: 1.5\n  wher: []\n  where:\n    - {{labels: {{platfrom: 1}}, probability: -0.1}}\n    - {{labels: {{platform: 7}}, probability: 1}}\n    - {{sites: [s11], probability: 101%}}\n\
         unreachable: NaN\nsensitivity: lots\ndark: {{sites: [s99]}}\nlatency: {{median: 10}}\nrules: [ansibel]\n"
    );
    let said = said(&text);
    for want in [
        "model.yaml:11:12: failures.overall: must be a probability from 0 to 1, not \"1.5\" (such as 0.02 or 2%)",
        "failures.wher: the key \"wher\" is not known here (did you mean where?)",
        "failures.where[0].labels.platfrom: no device has a label called \"platfrom\" (did you mean platform?)",
        "failures.where[0].probability: must be a probability from 0 to 1, not \"-0.1\"",
        "failures.where[1].labels.platform: no device has platform=7",
        "failures.where[2].sites[0]: there is no site \"s11\"",
        "failures.where[2].probability: must be a probability from 0 to 1, not \"101%\"",
        "unreachable: must be a probability from 0 to 1, not \"NaN\"",
        "sensitivity: must be a probability from 0 to 1, not \"lots\"",
        "dark.sites[0]: there is no site \"s99\"",
        "dark: must say either from or after",
        "latency.median: must be a duration, not \"10\"",
        "rules[0]: must be none or brief or ansible or aws or waves, not \"ansibel\" (did you mean ansible?)",
    ] {
        assert!(said.contains(want), "no {want} in\n{said}");
    }
}

#[test]
fn a_fleet_whose_labels_do_not_fit_together_is_refused() {
    let text = format!(
        "{HEAD}fleet:\n  devices: 0\n  sites: 2\n  pool: []\n  labels:\n    a: {{values: 2, shares: [1]}}\n    b: {{within: c, shares: [1]}}\n    d: {{from: a, bases: [0], steps: [0], values: 3}}\n    e: {{}}\n    f: {{within: a, copies: a}}\n    g: {{shares: [0, 0]}}\n"
    );
    let said = said(&text);
    for want in [
        "fleet.devices: must be a whole number from 1 to 100000, not \"0\"",
        "fleet.pool: names nothing to draw from",
        "fleet.labels.a: says 2 values but 1 shares",
        "fleet.labels.b.within: no label above is called \"c\"",
        "fleet.labels.d: has 1 bases for the 2 values of a",
        "fleet.labels.e: says neither values nor shares",
        "fleet.labels.f: says both within and copies",
        "fleet.labels.g.shares: names no share above 0",
    ] {
        assert!(said.contains(want), "no {want} in\n{said}");
    }
}

#[test]
fn with_an_inventory_the_model_may_name_its_labels_and_sites_only() {
    let inventory = Inventory::parse(
        "api_version: switchyard/v1\nkind: Inventory\ndefaults: {username: u, credential_ref: \"env:K\", site: lab}\nsites: {lab: {region: emea}}\ndevices: {d1: {hostname: h1, platform: ios, labels: {rack: r1}}}\n",
        "inventory.yaml",
    )
    .expect("an inventory");
    let read = |rest: &str| Model::parse(&format!("{HEAD}{rest}"), "model.yaml", Some(&inventory));
    assert!(
        read("failures: {where: [{labels: {rack: r1, region: emea}, sites: [lab], probability: 1}]}\n")
            .is_ok()
    );
    let problems = read("failures: {where: [{labels: {rack: r2}, sites: [lob], probability: 1}]}\n")
        .expect_err("unknown");
    assert_eq!(problems.len(), 2, "{problems:?}");
}

#[test]
fn labels_within_labels_are_bounded_with_the_arithmetic() {
    let shares = vec!["1"; 100].join(", ");
    let text = format!(
        "{HEAD}fleet:\n  devices: 10\n  sites: 1\n  pool: 1\n  labels:\n    a: {{values: 1000}}\n    b: {{within: a, shares: [{shares}]}}\n"
    );
    let said = said(&text);
    assert!(said.contains("1000 values of a with 100 shares each are too many"), "{said}");
}
