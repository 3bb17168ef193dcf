//! Secrets that the device has already, in another place.

use super::bench::{Bench, is};
use crate::executor::gnmi::compare::difference;
use serde_json::{Value, json};
use switchyard_shared::outcome::{Class, LeftAs, Phase};
use switchyard_shared::task::Purpose;

/// A change of the passwords of two users.
fn passwords(alice: &str, bob: &str) -> String {
    let user = |name: &str| format!("/system/aaa/user[username={name}]/config/password");
    json!({user("alice"): alice, user("bob"): bob}).to_string()
}

fn held(bench: &Bench) -> Value {
    let users = &bench.target.running()["openconfig-system:system"]["aaa"]["user"];
    json!([users[0]["config"]["password"], users[1]["config"]["password"]])
}

#[tokio::test]
async fn a_secret_that_takes_the_value_of_another_one_is_written_and_two_that_change_places_are() {
    let bench = Bench::new().await;
    is(&bench.apply(&passwords("one-s3cret", "two-s3cret")).await, Class::Ok, Phase::Verify, LeftAs::Changed);
    for (alice, bob) in
        [("two-s3cret", "two-s3cret"), ("two-s3cret", "one-s3cret"), ("one-s3cret", "two-s3cret")]
    {
        let template = passwords(alice, bob);
        bench.attempt(9, Purpose::Compare, &template).await;
        assert!(
            bench.diff().contains("(another secret)") && !bench.diff().contains("s3cret"),
            "{}",
            bench.diff()
        );
        is(&bench.apply(&template).await, Class::Ok, Phase::Verify, LeftAs::Changed);
        assert_eq!(held(&bench), json!([alice, bob]));
        let again = bench.apply(&template).await;
        is(&again, Class::Unchanged, Phase::Read, LeftAs::Unchanged);
    }
}

#[test]
fn secrets_that_nothing_tells_apart_are_a_difference_when_they_change_places() {
    let list = |one: &str, other: &str| json!({"l": [{"password": one}, {"password": other}]});
    let shown = difference(&list("one", "two"), &list("two", "one"));
    assert!(shown.contains("(secret)") && !shown.contains("one"), "{shown}");
}
