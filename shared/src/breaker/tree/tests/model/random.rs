//! Long random sequences over many devices.

use super::*;
use proptest::prelude::*;

fn class() -> impl Strategy<Value = Class> {
    proptest::sample::select(Class::ALL)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0_usize..12).prop_map(Step::Start),
        4 => (0_usize..4).prop_map(Step::Answer),
        3 => (0_usize..4).prop_map(|k| Step::End(k, Class::Ok)),
        3 => (0_usize..4).prop_map(|k| Step::End(k, Class::Timeout)),
        3 => ((0_usize..4), class()).prop_map(|(k, class)| Step::End(k, class)),
        2 => (0_usize..4).prop_map(Step::CallOff),
        1 => (0_usize..4).prop_map(Step::Lose),
        4 => (0_u64..2_000).prop_map(Step::Wait),
        2 => (0_u64..120_000).prop_map(Step::Wait),
        1 => Just(Step::Trip),
        1 => Just(Step::KeepClosed),
        2 => Just(Step::Reset),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_interleaving_leaks_a_permit_or_starts_under_an_open_breaker(steps in prop::collection::vec(step(), 1..120)) {
        let mut model = Model::new(Site::new());
        for step in steps {
            model.step(step);
        }
        model.recovers();
    }

    #[test]
    fn the_same_events_give_the_same_decisions(steps in prop::collection::vec(step(), 1..60)) {
        let (mut one, mut other) = (Model::new(Site::new()), Model::new(Site::new()));
        for step in steps {
            one.step(step);
            other.step(step);
            prop_assert_eq!(&one.site.tree, &other.site.tree);
        }
    }
}
