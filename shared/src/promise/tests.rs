//! What is printed about harm and time is honest.

mod shown;

use super::*;
use crate::pace::{Entry, Label, Pace, Share, Verdict};
use crate::time::Timestamp;
use std::sync::Arc;
use std::time::Duration;

fn watched(values: &[(&str, u32)]) -> Watched {
    let all = values.iter().flat_map(|(key, count)| (0..*count).map(move |n| ((*key).to_owned(), n)));
    let devices: Vec<Vec<Label>> = all.map(|(key, n)| vec![Label { key, value: n.to_string() }]).collect();
    Watched::new(&devices)
}

fn terms(watched: &Watched) -> Terms<'_> {
    Terms {
        budget: Budget::default(),
        order: Order::Shuffled,
        waves: vec![10_000],
        sites: vec![100; 100],
        max_parallel: 0,
        per_site: 10,
        watched,
    }
}

#[test]
fn at_most_the_budget_is_promised_only_where_it_is_certain() {
    let nothing = Watched::default();
    let expected = terms(&nothing).promise().bound.join("\n");
    assert!(
        expected.contains("at most 15 + 1% of those started harmed (budget 10); not certain"),
        "{expected}"
    );
    assert!(expected.contains("at most 1000 are in flight"), "{expected}");
    assert!(expected.contains("stops at 10: failed - 1% of the results >= 10"), "{expected}");
    assert!(expected.contains("not covered: failures that no check notices"), "{expected}");
    assert!(!expected.contains("at most 10 "), "{expected}");
    let listed = Terms { order: Order::Listed, ..terms(&nothing) }.promise().bound.join("\n");
    assert!(!listed.contains("95"), "listed order withholds it: {listed}");
    let budget = Budget { devices: 2, tolerated_share: Share(0), mode: Mode::Strict };
    let strict = Terms { budget, ..terms(&nothing) }.promise();
    assert_eq!(strict.in_flight_max, 2);
    assert!(strict.bound[1].starts_with("strict: certainly at most 2 harmed"), "{strict:?}");
    assert!(strict.bound[2].starts_with("stops at 2: failed >= 2;"), "{strict:?}");
}

#[test]
fn no_more_are_promised_in_flight_than_the_least_of_all_limits() {
    let nothing = Watched::default();
    let most = |terms: Terms<'_>| terms.promise().in_flight_max;
    assert_eq!(most(terms(&nothing)), 1000);
    assert_eq!(most(Terms { max_parallel: 400, ..terms(&nothing) }), 400);
    assert_eq!(most(Terms { sites: vec![100, 3], waves: vec![103], ..terms(&nothing) }), 13);
    assert_eq!(most(Terms { waves: vec![6, 94], sites: vec![100], per_site: 0, ..terms(&nothing) }), 94);
    assert_eq!(most(Terms { waves: vec![], sites: vec![], ..terms(&nothing) }), 0);
}

#[test]
fn the_schedule_follows_from_the_budget_and_is_not_a_fixed_text() {
    let seven = watched(&[("os", 7), ("platform", 3), ("role", 5)]);
    let default = terms(&seven).promise();
    assert!(
        default.schedule.starts_with(
            "starts with 1 device, then one of each unseen value of os, platform, role (15 values of 3 keys), then \
             doubles to quadruples with each round trip, up to 1000 at once; without failures about "
        ),
        "{default:?}"
    );
    assert!((15..=22).contains(&default.round_trips), "{default:?}");
    let budget = Budget { devices: 1, ..Budget::default() };
    let careful = Terms { budget, ..terms(&seven) }.promise();
    assert!(careful.round_trips > default.round_trips, "{careful:?}");
    let strict = Budget { devices: 1, mode: Mode::Strict, ..Budget::default() };
    let strict = Terms { budget: strict, ..terms(&seven) }.promise();
    assert_eq!(strict.round_trips, 10_000, "{strict:?}");
    assert!(strict.schedule.contains("always one at a time"), "{strict:?}");
    let narrow = Terms { per_site: 1, ..terms(&seven) }.promise();
    assert!(narrow.round_trips >= 100, "the fullest site takes 100: {narrow:?}");
    let nobody = Terms { waves: vec![0], sites: vec![], ..terms(&seven) }.promise();
    assert_eq!((nobody.schedule.as_str(), nobody.round_trips), ("nothing to do: no device", 0));
}

/// How many round trips the pace itself takes, when all that it lets start succeeds within one.
fn round_trips(budget: Budget, devices: u32) -> u32 {
    let mut pace = Pace::new(Arc::default(), vec![0; devices as usize], budget);
    (0..devices).for_each(|rank| pace.offer(rank));
    let (mut trips, mut left, mut now) = (0, devices, Timestamp(0));
    while left > 0 {
        let mut flight = Vec::new();
        while let Some(rank) = pace.next(now, &mut |_| Entry::Free) {
            pace.start(rank, now);
            pace.wrote(rank, now);
            flight.push(rank);
        }
        assert!(!flight.is_empty(), "it stands still with {left} left");
        (trips, left) = (trips + 1, left - flight.len() as u32);
        now = now.plus(Duration::from_secs(1));
        flight.into_iter().for_each(|rank| pace.finish(rank, Verdict::Ok, Some(Duration::from_secs(1)), now));
    }
    trips
}

#[test]
fn the_schedule_grows_as_the_pace_itself_does() {
    let nothing = Watched::default();
    for (devices, share, mode) in [
        (1, 10_000, Mode::Expected),
        (3, 0, Mode::Expected),
        (10, 10_000, Mode::Expected),
        (10, 0, Mode::Expected),
        (40, 45_000, Mode::Expected),
        (7, 10_000, Mode::Strict),
    ] {
        let budget = Budget { devices, tolerated_share: Share(share), mode };
        for fleet in [1_u32, 2, 9, 100, 1_000, 10_000] {
            let sites = vec![fleet.min(1000); fleet.div_ceil(1000) as usize];
            let terms = Terms { budget, waves: vec![fleet], sites, per_site: 1000, ..terms(&nothing) };
            assert_eq!(
                terms.promise().round_trips,
                round_trips(budget, fleet),
                "{budget:?}, {fleet} devices"
            );
        }
    }
}
