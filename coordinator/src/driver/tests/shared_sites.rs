//! Rollouts that share a site.

use super::*;
use std::fmt::Write as _;

/// Sixty devices at one site: the first half carries label half=a, the second half=b.
fn sixty() -> String {
    let mut text = INVENTORY.split("devices:").next().unwrap().to_owned() + "devices:\n";
    for n in 0..60 {
        let half = if n < 30 { "a" } else { "b" };
        let _ =
            writeln!(text, "  d{n:02}: {{hostname: 127.2.0.{}, site: lab, labels: {{half: {half}}}}}", n + 1);
    }
    text
}

fn half(name: &str) -> String {
    let head = SPEC.replace("name: test", &format!("name: {name}"));
    format!("{head}  targets: {{filter: 'half = {name}'}}\n")
        .replace("name: a}", "name: aaa}")
        .replace("name: b}", "name: bbb}")
}

#[tokio::test]
async fn a_rollout_that_comes_later_gets_its_share_of_the_site_and_what_it_leaves_is_lent() {
    let driver = started(&Arc::default()).await;
    rollout_by(&driver, &sixty(), &half("a"), "1").await;
    let mut agent = connect(&driver, "one", hello(vec![])).await.unwrap();
    let (mut granted, mut sequence) = (8, 0);
    driver.deliver(agent.session, FromAgent::Credit(granted)).await.unwrap();
    let mut flying: Vec<OpId> = Vec::new();
    while flying.len() < 8 {
        flying.extend(agent.ops().await);
        if flying.len() < 8 {
            let done = flying.remove(0);
            sequence += 1;
            granted += 1;
            agent.report(&driver, sequence, &done, Class::Ok).await;
            driver.deliver(agent.session, FromAgent::Credit(granted)).await.unwrap();
        }
    }
    assert!(flying.iter().all(|op| op.rollout.as_str() == "aaa"), "alone it has the whole pool");
    rollout_by(&driver, &sixty(), &half("b"), "2").await;
    for _ in 0..20 {
        let done = flying.remove(0);
        sequence += 1;
        granted += 1;
        agent.report(&driver, sequence, &done, Class::Ok).await;
        driver.deliver(agent.session, FromAgent::Credit(granted)).await.unwrap();
        while flying.len() < 8 {
            flying.extend(agent.ops().await);
        }
        let of_b = flying.iter().filter(|op| op.rollout.as_str() == "bbb").count();
        assert!(of_b <= 4, "the guaranteed half of 8, not more while the other has work");
    }
    let of_b = flying.iter().filter(|op| op.rollout.as_str() == "bbb").count();
    assert_eq!(of_b, 4, "{flying:?}");
    for op in std::mem::take(&mut flying) {
        sequence += 1;
        agent.report(&driver, sequence, &op, Class::Ok).await;
    }
    driver.deliver(agent.session, FromAgent::Credit(granted + 8)).await.unwrap();
    while flying.len() < 8 {
        flying.extend(agent.ops().await);
    }
    let of_b = flying.iter().filter(|op| op.rollout.as_str() == "bbb").count();
    assert_eq!(of_b, 4, "eight places at once are not all for the one that comes first: {flying:?}");
}
