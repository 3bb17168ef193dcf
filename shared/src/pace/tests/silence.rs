//! Only a connect that takes too long stops blocking others; what is connected blocks until its result.

use super::super::{Budget, Entry, Verdict};
use super::bench::{Bench, SECOND, fleet};
use crate::time::Timestamp;
use std::time::Duration;

/// How many devices are hurt by a change that fails on all of them, two seconds after a handshake of
/// `handshake`; `telling`: devices tell when they are connected, half a handshake before they write.
fn hurt(handshake: Duration, connect: Duration, telling: bool) -> u32 {
    let mut bench = Bench::new(&fleet(300, |n| format!("os={}", n % 3)), Budget::default());
    bench.pace = bench.pace.with_connect_timeout(connect);
    let (mut connected, mut wrote, mut ends) = (Vec::new(), Vec::new(), Vec::<(Timestamp, u32)>::new());
    let mut hurt = 0;
    for _ in 0..600 {
        while let Some(rank) = bench.pace.next(bench.now, &mut |_| Entry::Free) {
            bench.pace.start(rank, bench.now);
            connected.push((bench.now.plus(handshake / 2), rank));
            wrote.push((bench.now.plus(handshake), rank));
        }
        bench.now = bench.now.plus(SECOND / 2);
        let now = bench.now;
        for (_, rank) in connected.extract_if(.., |(at, _)| *at <= now && telling) {
            bench.pace.connected(rank);
        }
        for (at, rank) in wrote.extract_if(.., |(at, _)| *at <= now) {
            bench.pace.wrote(rank, at);
            hurt += 1;
            ends.push((at.plus(2 * SECOND), rank));
        }
        for (_, rank) in ends.extract_if(.., |(at, _)| *at <= now) {
            bench.pace.finish(rank, Verdict::Failed, Some(2 * SECOND), now);
        }
    }
    assert!(bench.pace.is_stopped());
    hurt
}

#[test]
fn a_slow_handshake_hurts_no_more_devices_than_a_fast_one() {
    assert_eq!(hurt(SECOND, 10 * SECOND, false), 2);
    assert_eq!(hurt(8 * SECOND, 20 * SECOND, false), 2, "the connect is not older than half its timeout");
    assert_eq!(hurt(8 * SECOND, 10 * SECOND, true), 2, "it is connected long before it writes");
}

#[test]
fn a_connected_device_blocks_however_long_it_does_not_write() {
    let mut bench = Bench::new(&fleet(50, |_| String::new()), Budget::default());
    let first = bench.pace.next(bench.now, &mut |_| Entry::Free).unwrap();
    bench.pace.start(first, bench.now);
    bench.now = bench.now.plus(SECOND);
    bench.pace.connected(first);
    bench.now = bench.now.plus(60 * SECOND);
    assert_eq!(bench.start_one(), None);
    bench.pace.finish(first, Verdict::Neutral, None, bench.now);
    assert!(bench.start_one().is_some());
}

#[test]
fn a_silent_device_of_which_notes_were_lost_blocks_again() {
    let mut bench = Bench::new(&fleet(50, |_| String::new()), Budget::default());
    let first = bench.pace.next(bench.now, &mut |_| Entry::Free).unwrap();
    bench.pace.start(first, bench.now);
    bench.now = bench.now.plus(10 * SECOND);
    bench.pace.tick(bench.now);
    bench.pace.connected(first);
    assert_eq!(bench.start_one(), None);
}
