//! Putting a device back once more.

use super::fake::Bench;
use super::*;

#[tokio::test(start_paused = true)]
async fn a_way_back_that_failed_half_way_can_be_tried_again_unless_somebody_came_between() {
    for (meanwhile, class, has) in
        [(None, Class::Ok, "old"), (Some("somebody's"), Class::PrecheckFailed, "somebody's")]
    {
        let mut bench = Bench::new("old", "new");
        assert_eq!(bench.apply().await.class, Class::Ok);
        bench.task.op.attempt = 2;
        bench.task.purpose = Purpose::Restore { attempt: 1, before: None, overwrite: false };
        bench.stops_half_way_back(true);
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, outcome.left_as), (Class::RollbackFailed, LeftAs::Unknown), "{outcome:?}");
        bench.stops_half_way_back(false);
        if let Some(text) = meanwhile {
            bench.set(text);
        }
        bench.task.op.attempt = 3;
        let outcome = bench.apply().await;
        assert_eq!((outcome.class, bench.has().as_str()), (class, has), "{outcome:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_that_is_the_change_and_stays_is_not_called_put_back() {
    let mut bench = Bench::new("abc", "cba");
    bench.lists_backwards();
    bench.procedure.post = vec![command("show", Expectation::Contains("gone".into()))];
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::PostcheckFailed, LeftAs::Changed), "{outcome:?}");
    assert!(outcome.message.contains("the order of entries is the change"), "{}", outcome.message);
    bench.procedure.post.clear();
    bench.task.op.attempt = 2;
    bench.task.purpose = Purpose::Restore { attempt: 1, before: None, overwrite: false };
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::RollbackFailed, LeftAs::Changed), "{outcome:?}");
    assert_eq!(bench.has(), "cba");
}
