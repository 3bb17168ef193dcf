//! What a plan knows of secrets.

use super::*;

const WITH_SECRETS: &str =
    "    transport: ssh_cli\n    secrets: {ntp_key: {secret_ref: \"vault:kv/net/ntp#key\"}}\n";

/// A spec of a driver with secrets.
fn secret_spec() -> RolloutSpec {
    let text = format!(
        "api_version: switchyard/v1\nkind: Rollout\nmetadata: {{name: ntp}}\nspec:\n  change:\n    \
         templates: {{default: t.j2}}\n{WITH_SECRETS}"
    );
    RolloutSpec::parse(&text, "ntp.yaml").expect("a spec")
}

#[test]
fn a_plan_holds_the_reference_of_a_secret_and_its_configuration_the_name() {
    let (spec, inventory) = (secret_spec(), fleet(2, ""));
    let template = "ntp key 1 md5 {{ secrets.ntp_key }}\n";
    let files = files(&[("t.j2", template)]);
    let input = PlanInput {
        spec: &spec,
        inventory: &inventory,
        files: &files,
        vars: &BTreeMap::new(),
        created_by: "anna",
        now: Timestamp(1),
    };
    let planned = build(input).expect("a plan");
    let config = planned.configs.values().next().expect("one configuration");
    let text = std::str::from_utf8(config).expect("text");
    assert_eq!(text, format!("ntp key 1 md5 {}\n", crate::secret_text::named("ntp_key")));
    assert_eq!(crate::secret_text::shown(text), template);
    let device = &planned.plan.devices[0];
    let op = OpId { rollout: planned.plan.rollout.clone(), device: device.name.clone(), attempt: 1 };
    let Work::Driver(procedure) =
        planned.plan.task(device, op, Purpose::Apply, config.as_slice().into()).work
    else {
        panic!("a driver")
    };
    assert_eq!(procedure.secrets["ntp_key"], "vault:kv/net/ntp#key");
}

#[test]
fn a_secret_that_something_is_done_with_or_that_is_forged_is_no_plan() {
    let (spec, inventory) = (secret_spec(), fleet(1, ""));
    let problems_of = |template: &str, vars: &BTreeMap<String, Value>, inventory: &Inventory| {
        let files = files(&[("t.j2", template)]);
        let input =
            PlanInput { spec: &spec, inventory, files: &files, vars, created_by: "anna", now: Timestamp(1) };
        said(build(input)).join("\n")
    };
    let none = BTreeMap::new();
    let filtered = problems_of("a\nb {{ secrets.ntp_key | upper }}\n", &none, &inventory);
    assert!(filtered.contains("t.j2:2:3: a secret can only be printed"), "{filtered}");
    let unknown = problems_of("{{ secrets.ntp_kye }}", &none, &inventory);
    assert!(unknown.contains("there is no secret ntp_kye (did you mean ntp_key?)"), "{unknown}");
    let forged = BTreeMap::from([("x".to_owned(), Value::String(crate::secret_text::named("ntp_key")))]);
    let said = problems_of("{{ x }}", &forged, &inventory);
    assert!(said.contains("the var x holds a character of private use"), "{said}");
    let mut marked = inventory.clone();
    marked.devices[0].data.insert("x".into(), Value::String(crate::secret_text::named("ntp_key")));
    let said = problems_of("{{ device.data.x }}", &none, &marked);
    assert!(said.contains("the device d000 holds a character of private use"), "{said}");
}
