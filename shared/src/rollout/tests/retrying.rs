//! Retries never crowd a site out: a tenth of what runs there, at least one, whenever their waits end.

use super::*;

/// `devices` at one site with a pool of `pool`, tried up to twice, 5 s apart.
fn site_of(devices: usize, pool: u32) -> (Rollout, World) {
    let names: Vec<String> = (0..devices).map(|n| format!("d{n:02}")).collect();
    let places: Vec<(&str, &str, u32)> = names.iter().map(|name| (name.as_str(), "lon", 0)).collect();
    let mut layout = layout(&places, vec![wave("all", false, false)]);
    layout.retry.max_attempts = 2;
    layout.max_parallel_per_site = pool;
    let sites = [(site("lon"), connected(1000))].into_iter().collect();
    (rollout(layout), World { sites, ..World::default() })
}

fn later(seconds: u64) -> Timestamp {
    NOW.plus(Duration::from_secs(seconds))
}

fn running(rollout: &Rollout) -> Vec<(String, u32)> {
    rollout.running_at(&site("lon")).map(|(name, attempt)| (name.to_string(), attempt)).collect()
}

fn end_all(rollout: &mut Rollout, class: Class) {
    for (name, attempt) in running(rollout) {
        report_result(rollout, &name, attempt, class);
    }
}

#[test]
fn retries_whose_waits_end_together_leave_the_site_to_first_attempts() {
    let (mut rollout, world) = site_of(60, 20);
    settle(&mut rollout, NOW, &world);
    end_all(&mut rollout, Class::Timeout);
    settle(&mut rollout, NOW, &world);
    end_all(&mut rollout, Class::Ok);
    let started = dispatched(&settle(&mut rollout, later(6), &world));
    assert_eq!(started[..2], ["d00", "d40"], "one of an empty site: a tenth, at least one; the rest is new");
    assert_eq!(started.len(), 20);
    assert_eq!(dispatched(&settle(&mut rollout, later(7), &world)), ["d01"; 0], "the site is full");
    report_result(&mut rollout, "d40", 1, Class::Ok);
    assert_eq!(dispatched(&settle(&mut rollout, later(8), &world)), ["d01"], "two may, of 20");
}

#[test]
fn retries_alone_go_one_after_the_other_by_rank_and_none_is_forgotten() {
    let (mut rollout, world) = site_of(8, 8);
    settle(&mut rollout, NOW, &world);
    end_all(&mut rollout, Class::Timeout);
    for n in 0..8 {
        let started = dispatched(&settle(&mut rollout, later(6 + n), &world));
        assert_eq!(started, [format!("d{n:02}")]);
        let class = if n % 2 == 0 { Class::Ok } else { Class::Timeout };
        report_result(&mut rollout, &started[0], 2, class);
    }
    settle(&mut rollout, later(20), &world);
    assert!(rollout.has_ended());
    assert_eq!((rollout.counts.succeeded, rollout.counts.failed), (4, 4));
}

#[test]
fn a_retry_that_was_called_off_gives_its_turn_back_and_one_that_waits_ends_with_an_abort() {
    let (mut rollout, world) = site_of(3, 3);
    settle(&mut rollout, NOW, &world);
    end_all(&mut rollout, Class::Timeout);
    assert_eq!(dispatched(&settle(&mut rollout, later(6), &world)), ["d00"]);
    report_result(&mut rollout, "d00", 2, Class::NotStarted);
    assert_eq!(dispatched(&settle(&mut rollout, later(7), &world)).len(), 1);
    let abort = rollout.abort("anna", "enough", "").unwrap().unwrap();
    rollout.apply(&abort, later(8));
    end_all(&mut rollout, Class::Ok);
    settle(&mut rollout, later(9), &world);
    assert!(rollout.has_ended());
    assert!(rollout.retries.nobody_waits() && rollout.retries.room(0, 0) == 1, "{:?}", rollout.retries);
}
