//! All sequences of a few steps, from a flowing, a held and a half-open site.

use super::*;

const STEPS: [Step; 11] = [
    Step::Start(1),
    Step::Start(2),
    Step::Answer(0),
    Step::End(0, Class::Ok),
    Step::End(0, Class::Timeout),
    Step::CallOff(0),
    Step::Lose(0),
    Step::Wait(40_000),
    Step::Trip,
    Step::Reset,
    Step::Restart,
];

fn explore(model: &Model, depth: usize, leaves: &mut u64) {
    for step in STEPS {
        let mut next = model.clone();
        next.step(step);
        if depth > 1 {
            explore(&next, depth - 1, leaves);
        } else {
            *leaves += 1;
            next.recovers();
        }
    }
}

fn beginnings() -> [Model; 3] {
    let mut held = Site::flowing();
    (20..23).for_each(|n| held.run(n, Class::Unreachable));
    assert_eq!(held.state(), State::Held);
    [Model::new(Site::flowing()), Model::new(held), Model::new(Site::half_open())]
}

#[test]
fn every_sequence_of_three_steps_keeps_the_promises() {
    let mut leaves = 0;
    beginnings().iter().for_each(|model| explore(model, 3, &mut leaves));
    assert_eq!(leaves, 3 * 11_u64.pow(3));
}

#[test]
#[ignore = "long: run by the nightly campaign"]
fn every_sequence_of_five_steps_keeps_the_promises() {
    let mut leaves = 0;
    beginnings().iter().for_each(|model| explore(model, 5, &mut leaves));
    assert_eq!(leaves, 3 * 11_u64.pow(5));
}
