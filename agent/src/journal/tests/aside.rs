//! Setting a journal aside tells what it still shows and keeps every byte.

use super::super::aside::{AsideError, set_aside, show};
use super::*;

#[tokio::test]
async fn a_damaged_journal_still_shows_who_is_in_doubt_on_both_sides_of_the_damage() {
    let fs = disk();
    let frames = [vec![intent(1)], vec![intent(2), result(5)], vec![intent(3)], vec![intent(4)]];
    write(&fs, &frames).await;
    let (path, mut bytes) = only_segment(&fs);
    let hurt = bytes.windows(2).position(|bytes| bytes == b"d3").expect("the third frame");
    bytes[hurt] ^= 1;
    fs.put(&path, &bytes);
    assert!(open(&fs).is_err());
    let shown = show(&fs, Path::new(DIR)).unwrap();
    assert_eq!(shown.in_doubt, [op(1), op(2), op(4)]);
    assert_eq!(shown.unacknowledged, [op(5)]);
    assert!((50..500).contains(&shown.unreadable_bytes), "{}", shown.unreadable_bytes);
}

#[tokio::test]
async fn what_is_set_aside_is_kept_under_a_name_that_was_free_and_a_new_journal_begins() {
    let fs = disk();
    for number in 1..=2 {
        let opened = open(&fs).unwrap();
        assert_eq!(opened.state.last_sequence, 0, "a new one");
        put(&opened.journal, vec![result(7)]).await.unwrap();
        opened.journal.close().await;
        let (_, bytes) = only_segment(&fs);
        let to = set_aside(&fs, Path::new(DIR)).unwrap();
        assert_eq!(to, PathBuf::from(format!("/data/journal.aside-{number}")));
        assert_eq!(fs.read(&to.join("00000000000000000001.journal"), READ_MAX).unwrap(), bytes);
        fs.files()
            .into_iter()
            .filter(|path| path.starts_with(&to))
            .for_each(|path| fs.remove(&path).unwrap());
    }
    assert!(matches!(show(&fs, Path::new(DIR)), Err(AsideError::Nothing(_))));
}
