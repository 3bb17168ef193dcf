//! What rehearsals promise: the same seed, the same answer, and honest figures.

use super::*;
use crate::spec::RolloutSpec;
use std::collections::BTreeMap;

const SPEC: &str = "api_version: switchyard/v1\nkind: Rollout\nmetadata: {name: rehearsed}\nspec:\n  \
    change: {ssh: {command: load}, templates: {default: t}}\n  timeouts: {connect: 10s, command: 10m}\n  \
    pools: {per_site: {max_in_flight: 10, adaptive: fixed}}\n";
const MODEL: &str = "api_version: switchyard/v1\nkind: RehearsalModel\nfleet:\n  devices: 400\n  sites: 8\n  pool: 10\n  \
    labels: {platform: {values: 4}, role: {values: 5}}\n";

struct Set {
    spec: RolloutSpec,
    files: BTreeMap<String, Vec<u8>>,
    vars: BTreeMap<String, serde_json::Value>,
    model: Model,
}

impl Set {
    fn new(spec: &str, model: &str) -> Self {
        let model = Model::parse(&format!("{MODEL}{model}"), "model.yaml", None).expect("a good model");
        let spec = RolloutSpec::parse(&format!("{SPEC}{spec}"), "spec.yaml").expect("a good spec");
        Self { spec, files: [("t".to_owned(), b"motd".to_vec())].into(), vars: BTreeMap::new(), model }
    }

    fn ground(&self) -> Ground {
        let piece = Piece { spec: &self.spec, files: &self.files, vars: &self.vars };
        Ground::drawn(piece, &self.model, 1, 0).expect("a plan").expect("a fleet")
    }

    fn trial(&self, number: u64) -> Trial {
        trial(&[&self.ground()], &self.model, 1, number).expect("a ground")
    }

    fn track(&self) -> Track {
        self.trial(0).own.remove(0).1
    }
}

#[test]
fn where_nothing_fails_everybody_gets_it_and_the_others_do_too() {
    let trial = Set::new("", "rules: [none, brief, ansible, aws, waves]\n").trial(0);
    for (figures, track) in trial.own.iter().chain(&trial.others) {
        assert_eq!((figures.harmed, figures.delivered, figures.stopped), (0, 1.0, false), "{track:?}");
        assert_eq!(track.started, 400);
    }
    let price = |index: usize| trial.others[index].0.price.expect("not stopped");
    assert_eq!((price(0).to_bits(), price(1).to_bits()), (1f64.to_bits(), 1f64.to_bits()));
    assert!(price(2) > 2.0 && price(3) > 5.0 && price(4) > 1.5, "{trial:?}");
}

#[test]
fn a_trial_is_the_same_whatever_ran_before_it() {
    let set = Set::new("", "failures: {overall: 0.02}\n");
    assert_eq!(set.trial(7), set.trial(7));
    assert_ne!(set.trial(7).own[0].1, set.trial(8).own[0].1);
}

#[test]
fn two_specs_meet_the_same_world_although_they_plan_other_orders() {
    let one = Set::new("", "failures: {overall: 0.02}\n");
    let two = Set::new("  retry: {max_attempts: 2}\n", "failures: {overall: 0.02}\n");
    let (a, b) = (one.ground(), two.ground());
    assert_ne!(a.plan.digest, b.plan.digest);
    let world = |ground: &Ground| world::World::draw(ground, &one.model, 1, 3);
    let bad = |world: &world::World| (0..400).filter(|device| world.is_bad(*device)).collect::<Vec<u32>>();
    assert_eq!(bad(&world(&a)), bad(&world(&b)));
    assert_eq!(a.ranked(1, 3), b.ranked(1, 3));
}

#[test]
fn devices_that_never_answer_are_no_harm_and_no_delivery() {
    let trial = Set::new("", "unreachable: 0.02\n").trial(0);
    assert_eq!((trial.own[0].0.harmed, trial.own[0].0.delivered), (0, 1.0));
}

#[test]
fn causes_break_exactly_the_devices_that_they_name() {
    let set = Set::new(
        "",
        "failures: {where: [{labels: {platform: 1, role: 2}, probability: 1}, {sites: [s3], probability: 1, from: 30s}]}\n",
    );
    let ground = set.ground();
    let world = world::World::draw(&ground, &set.model, 1, 0);
    let pair = ground.members(&crate::pace::Group::parse("platform=1&role=2").expect("a group"));
    assert!((10..35).contains(&pair.len()), "{}", pair.len());
    let number = ground.sites.iter().position(|site| site.as_str() == "s3").expect("the site");
    for device in &ground.listed {
        let here = ground.site_of[*device as usize] as usize == number;
        assert_eq!(world.breaks(*device, 0), pair.contains(device));
        assert_eq!(world.breaks(*device, 30_000_000), here || pair.contains(device));
    }
}

#[test]
fn a_site_that_goes_dark_opens_and_the_other_sites_go_on() {
    let track =
        Set::new("", "dark: {sites: [s3], after: 10}\nhandshake: {median: 100ms, sigma: 0.3}\n").track();
    assert!((1..=20).contains(&track.contacted), "{track:?}");
    assert_eq!(track.opened_falsely, 0);
    assert!(track.started >= 350, "{track:?}");
    assert!(!track.stopped);
}

#[test]
fn a_replay_under_a_budget_stops_where_the_recorded_rollout_went_on() {
    let set = Set::new("  strategy: {budget: {devices: 3}}\n", "");
    let fleet = set.model.fleet.as_ref().expect("a fleet");
    let inventory = fleet::draw(fleet, &BTreeMap::new(), 1, 0);
    let piece = Piece { spec: &set.spec, files: &set.files, vars: &set.vars };
    let ground = Ground::new(piece, &inventory, &replayed_model()).expect("a plan");
    let device = |number: usize| Recorded {
        seen: if number.is_multiple_of(5) { Seen::Broken } else { Seen::Good },
        took: std::time::Duration::from_secs(5),
    };
    let recorded: Vec<Recorded> = (0..400).map(device).collect();
    let (figures, track) = replay(&ground, &recorded, 1, 0);
    assert!(figures.stopped && (1..=12).contains(&figures.harmed), "{figures:?}");
    assert!(track.started < 80, "{track:?}");
}
