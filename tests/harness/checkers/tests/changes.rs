//! Sites that change hands, old copies of the log, and results that are told too soon.

use super::*;

#[test]
fn a_start_by_an_agent_whose_site_was_taken_from_it_is_seen_once_its_lease_has_ended() {
    for (from, former, expected) in [(8, "lon/", 0), (12, "lon/", 1), (12, "old/", 0)] {
        let mut history = history(write(from, from + 1, 1), log(1, vec![]));
        history.rebinds.push(Rebind { at: at(1), site: site(), former: former.into() });
        assert_eq!(no_start_by_a_former_agent(&history).len(), expected, "{from} by {former}");
    }
}

#[test]
fn a_cut_is_about_the_first_agent_of_a_site_and_not_about_the_one_that_took_it_over() {
    let mut history = history(write(20, 21, 1), log(1, vec![]));
    history.cuts.push(Cut { site: site(), from: at(0), until: at(30) });
    history.rebinds.push(Rebind { at: at(1), site: site(), former: "old/".into() });
    assert_eq!(no_start_without_a_lease(&history), []);
}

#[test]
fn a_result_that_was_in_the_log_before_it_was_on_its_agents_disk_is_seen() {
    let finished = Event::Finished { device: device(), attempt: 1, outcome: outcome(Class::Ok) };
    let entry = Entry::Result { sequence: 1, op: op(1), outcome: outcome(Class::Ok) };
    for (told, expected) in [(13, 0), (11, 1)] {
        let mut history = history([], log(1, vec![(told, finished.clone())]));
        history.journals.push(Journalled { at: at(12), site: site(), entry: entry.clone() });
        assert_eq!(results_are_kept_before_they_are_sent(&history).len(), expected, "told at {told}");
    }
}

#[test]
fn what_an_old_copy_of_the_log_lost_was_known_before_it_and_to_what_was_handed_out_before_it() {
    let recorded = |seconds, event| Recorded { durable_at: at(seconds), at: at(seconds), event };
    let lost = |seconds, event| {
        let rollout = RolloutName::new("ntp").unwrap();
        Lost { at: at(15), rollout, recorded: recorded(seconds, event) }
    };
    let rejected = Event::Finished { device: device(), attempt: 1, outcome: outcome(Class::Rejected) };
    let handed_out = Event::Dispatched { site: site(), ops: vec![(device(), 2)] };
    for (next, was_handed_out, expected) in [(14, false, 0), (20, false, 1), (20, true, 0)] {
        let twice = write(10, 12, 1).into_iter().chain(write(next, next + 2, 2));
        let mut history = history(twice, log(1, vec![]));
        history.lost.push(lost(13, rejected.clone()));
        history.lost.extend(was_handed_out.then(|| lost(14, handed_out.clone())));
        assert_eq!(no_blind_second_write(&history).len(), expected, "{next} {was_handed_out}");
    }
}
