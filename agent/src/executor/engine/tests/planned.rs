//! From the text that a person writes, by way of its plan and the wire, to the end of an attempt.

use super::fake::{Bench, Deed};
use super::*;
use switchyard_proto::agent_v1;
use switchyard_shared::inventory::Inventory;
use switchyard_shared::plan::{PlanInput, build};
use switchyard_shared::spec::RolloutSpec;
use switchyard_shared::task::Work;
use switchyard_shared::time::Timestamp;

const KEY: &str = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";

/// The task of the device `r1`, as its agent gets it from a plan of a spec with this besides its change.
fn planned(besides: &str) -> Task {
    let inventory = format!(
        "api_version: switchyard/v1\nkind: Inventory\n\
         defaults: {{username: u, credential_ref: \"env:KEY\", host_keys: [\"{KEY}\"]}}\nsites: {{ams: {{}}}}\n\
         devices: {{r1: {{hostname: r1, site: ams, platform: fake}}}}\n"
    );
    let spec = format!(
        "api_version: switchyard/v1\nkind: Rollout\nmetadata: {{name: ntp}}\nspec:\n  \
         change: {{transport: ssh_cli, templates: {{default: t.j2}}}}\n{besides}"
    );
    let inventory = Inventory::parse(&inventory, "i.yaml").unwrap();
    let spec = RolloutSpec::parse(&spec, "r.yaml").unwrap();
    let files = BTreeMap::from([("t.j2".to_owned(), b"7".to_vec())]);
    let (vars, now) = (BTreeMap::new(), Timestamp(1));
    let input =
        PlanInput { spec: &spec, inventory: &inventory, files: &files, vars: &vars, created_by: "anna", now };
    let planned = build(input).unwrap();
    let device = &planned.plan.devices[0];
    let configuration = planned.configs[&*device.config].as_slice().into();
    let op = OpId { rollout: planned.plan.rollout.clone(), device: device.name.clone(), attempt: 1 };
    let task = planned.plan.task(device, op, Purpose::Apply, configuration);
    Task::try_from(agent_v1::Task::from(&task)).unwrap()
}

/// A device that has 5 and carries `task` out.
fn bench(task: Task) -> Bench {
    let mut bench = Bench::new("5", "");
    match &task.work {
        Work::Driver(procedure) => bench.procedure = (**procedure).clone(),
        Work::Command { .. } | Work::HostKeys => panic!("a driver: {task:?}"),
    }
    bench.task = task;
    bench
}

#[tokio::test(start_paused = true)]
async fn what_a_check_of_a_spec_saves_before_the_write_is_compared_by_one_after_it() {
    let kept = (Class::Ok, LeftAs::Changed, "7");
    let back = (Class::PostcheckFailed, LeftAs::Reverted, "5");
    for (wants, revert, want) in [
        ("> {{ routes }}", true, kept),
        ("< {{ routes }}", true, back),
        ("== {{ routes }}", false, (Class::PostcheckFailed, LeftAs::Changed, "7")),
    ] {
        let bench = bench(planned(&format!(
            "  checks:\n    \
             pre: [{{name: before, type: command, command: show routes, contains: '5', save_as: routes}}]\n    \
             post: [{{name: after, type: command, command: show routes, expect: '{wants}'}}]\n  \
             rollback: {{on_device_failure: {revert}}}\n"
        )));
        let outcome = bench.apply().await;
        let has = bench.has();
        assert_eq!((outcome.class, outcome.left_as, has.as_str()), want, "{wants}: {outcome:?}");
        assert_eq!(outcome.message.contains("the check after failed"), want != kept, "{}", outcome.message);
        let looks = bench.deeds().iter().filter(|deed| **deed == Deed::Look).count();
        assert_eq!(looks, 2, "{:?}", bench.deeds());
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_of_a_spec_that_fails_before_the_write_skips_its_device() {
    let bench = bench(planned(
        "  checks: {pre: [{name: ready, type: command, command: show routes, contains: '9', save_as: routes}]}\n",
    ));
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::PrecheckFailed, LeftAs::Unchanged), "{outcome:?}");
    assert!(outcome.message.contains("the check ready before the write failed"), "{}", outcome.message);
    assert!(!bench.deeds().contains(&Deed::Gate));
}
