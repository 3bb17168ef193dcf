//! Targets that show stars in the place of passwords: nobody asks for what cannot be seen, and stars are never written.

use super::bench::{Bench, first, is};
use crate::simulator::gnmi::{GnmiFault, Told};
use switchyard_shared::outcome::{Class, LeftAs, Phase};
use switchyard_shared::procedure::Mode;
use switchyard_shared::task::Purpose;

#[tokio::test]
async fn a_password_that_nobody_could_read_back_is_refused_before_a_word_is_written() {
    let bench = Bench::new().await;
    for change in [
        r#"{"/system/config/password": "new"}"#,
        r#"{"/openconfig-system:system": {"config": {"password": "new", "motd": "x"}}}"#,
        r#"{"/": {"system": {"config": {"password": "new"}}}}"#,
    ] {
        let outcome = bench.apply_with(GnmiFault::Stars, change).await;
        is(&outcome, Class::PrecheckFailed, Phase::Read, LeftAs::Unchanged);
        assert!(outcome.message.contains("cannot be used: the device shows no password"), "{outcome:?}");
    }
    bench.assert_untouched();
}

#[tokio::test]
async fn a_password_that_was_taken_away_and_was_never_shown_is_not_put_back_as_stars() {
    for (mode, change) in [
        (Mode::Merge, r#"{"/system/config": null, "/system/config/motd": "new"}"#),
        (Mode::Replace, r#"{"/system": {"config": {"hostname": "r2"}}}"#),
    ] {
        let mut bench = Bench::new().await;
        bench.procedure.mode = mode;
        bench.procedure.commit.confirmed = false;
        is(&bench.apply_with(GnmiFault::Stars, change).await, Class::Ok, Phase::Verify, LeftAs::Changed);
        let left = bench.target.running();
        let back = Purpose::Restore { attempt: 1, before: None, overwrite: false };
        let outcome = bench.attempt(2, back, change).await;
        is(&outcome, Class::RollbackFailed, Phase::Revert, LeftAs::Changed);
        assert!(outcome.message.contains("failed to put back password"), "{outcome:?}");
        assert_eq!((bench.target.running(), bench.target.told()), (left, vec![Told::Change]));
    }
}

#[tokio::test]
async fn a_password_that_did_not_change_stays_what_it_is_on_the_way_back() {
    let mut bench = Bench::new().await;
    bench.procedure.commit.confirmed = false;
    let change = r#"{"/system/config": {"motd": "new", "domain": "lab"}}"#;
    is(&bench.apply_with(GnmiFault::Stars, change).await, Class::Ok, Phase::Verify, LeftAs::Changed);
    let back = Purpose::Restore { attempt: 1, before: None, overwrite: false };
    is(&bench.attempt(2, back, change).await, Class::Ok, Phase::Revert, LeftAs::Reverted);
    assert_eq!(bench.target.running(), first(), "its password as well");
}
