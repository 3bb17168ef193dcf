//! A reading that nobody waits for any more: the device hears a goodbye, and nothing else.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_comparison_that_is_called_off_while_it_reads_closes_its_session() {
    let mut bench = Bench::new("old", "new");
    bench.task.purpose = Purpose::Compare;
    bench.hang(Deed::Read);
    let cancel = bench.cancel.clone();
    bench.when(Deed::Read, move |_| cancel.cancel());
    let outcome = bench.apply().await;
    assert_eq!((outcome.class, outcome.left_as), (Class::Cancelled, LeftAs::Unchanged));
    assert_eq!(bench.deeds(), [Deed::Connect, Deed::Read, Deed::Close]);
}
