//! What a device begins with at its next boot, as far as its platform tells.

use super::bench::{Bench, Part};
use super::platforms::{PLATFORMS, Row, Way};
use crate::simulator::Mode;
use std::sync::Arc;
use switchyard_shared::outcome::{Class, LeftAs};
use switchyard_shared::procedure::Mode as Wants;
use switchyard_shared::task::{Purpose, Task, Work};

/// Platforms that show what is not saved, and what saves it.
const TELLING: [(&str, &str); 2] = [("cisco_ios", "write memory"), ("arista_eos", "write memory")];

fn that_saves(task: &Task) -> Task {
    let mut task = task.clone();
    if let Work::Driver(procedure) = &mut task.work {
        Arc::make_mut(procedure).commit.save = true;
    }
    task
}

#[tokio::test]
async fn a_change_that_is_not_saved_is_saved_by_the_next_apply_once() {
    let rows: Vec<Row> = PLATFORMS.into_iter().filter(|row| row.way != Way::File).collect();
    let parts = rows.iter().map(|row| Part { platform: row.platform, has: row.has, mode: Mode::Good });
    let bench = Bench::new(&parts.collect::<Vec<_>>()).await;
    for (number, row) in (1..).zip(rows) {
        let task = bench.task(number, row.platform, row.merge, Wants::Merge);
        assert_eq!(bench.attempt(&task).await.class, Class::Ok, "{}", row.platform);
        let task = that_saves(&task);
        let typed = bench.typed(number).len();
        let planned = bench.again(&task, Purpose::Compare).await;
        assert_eq!(bench.typed(number).len(), typed, "{}: a plan writes nothing", row.platform);
        let second = bench.again(&task, Purpose::Apply).await;
        let said = bench.typed(number).split_off(typed);
        match TELLING.iter().find(|(platform, _)| *platform == row.platform) {
            Some((_, save)) => {
                assert!(planned.message.contains("is not saved for the next boot"), "{}", planned.message);
                assert_eq!((second.class, second.left_as), (Class::Ok, LeftAs::Changed), "{second:?}");
                assert_eq!(said, [*save]);
            }
            None => {
                assert_eq!((second.class, said.len()), (Class::Unchanged, 0), "{second:?}");
                let is_kept = row.platform == "juniper_junos";
                assert_eq!(second.message.contains("not known to be saved"), !is_kept, "{}", second.message);
            }
        }
        let third = bench.again(&task, Purpose::Apply).await;
        assert_eq!(third.class, Class::Unchanged, "{}: {}", row.platform, third.message);
        assert_eq!(bench.typed(number).len(), typed + said.len(), "{}", row.platform);
    }
}

#[tokio::test]
async fn what_came_back_is_saved_also_where_that_is_only_less_than_what_was_saved() {
    let rows =
        TELLING.map(|(name, _)| PLATFORMS.into_iter().find(|row| row.platform == name).expect("a row"));
    let parts = rows.iter().map(|row| Part { platform: row.platform, has: row.has, mode: Mode::Good });
    let bench = Bench::new(&parts.collect::<Vec<_>>()).await;
    for (number, (platform, save)) in (1..).zip(TELLING) {
        let task = bench.task(number, platform, "ntp server 192.0.2.77\n", Wants::Merge);
        let task = that_saves(&task);
        let changed = bench.attempt(&task).await;
        assert_eq!(changed.class, Class::Ok, "{platform}: {}", changed.message);
        let restore = Purpose::Restore { attempt: 1, before: changed.before, overwrite: false };
        let back = bench.again(&task, restore).await;
        assert_eq!((back.class, back.left_as), (Class::Ok, LeftAs::Reverted), "{platform}: {back:?}");
        assert!(back.message.contains("saved for the next boot"), "{platform}: {}", back.message);
        assert_eq!(bench.typed(number).last().map(String::as_str), Some(save), "{platform}");
    }
}

#[test]
fn a_certificate_that_is_saved_as_the_name_of_its_file_is_no_difference() {
    let ios = super::platform("cisco_ios");
    let script = super::super::script::Script::new(ios.clone(), super::names());
    let nothing = |text: &str| script.shows_nothing(ios.unsaved.as_ref().expect("a command"), text);
    let same = "\n!Contextual Config Diffs:\n!No changes were found\n";
    let certificate = "Contextual Config Diffs:\ncrypto pki certificate chain TP\n -certificate self-signed 01 nvram:x#1.cer\n \
        +certificate self-signed 01\n  +3082024D 308201B6 A0030201 02020101\n  +864886F7 0D\n  +quit\n";
    assert!(nothing("") && nothing(same) && nothing(certificate));
    assert!(!nothing(&format!("{certificate}+ntp server 10.0.0.1\n")));
    assert!(!nothing("!Contextual Config Diffs:\ninterface GigabitEthernet1\n -description x\n"));
}
