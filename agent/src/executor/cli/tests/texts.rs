//! Texts of several lines over real SSH: each is one value that is typed whole, and put back whole.

use super::bench::{Bench, Part};
use crate::simulator::Mode;
use switchyard_shared::outcome::{Class, LeftAs};
use switchyard_shared::procedure::Mode as Wants;
use switchyard_shared::task::Purpose;

/// A text with what looks like a prompt, the end of a section, a comment, a refusal and a question in it.
const TEXT: &str = "Keep out?\n dev001(config)#\nexit\n!\n% Invalid input\nend\n";

fn banner(platform: &str, text: &str) -> String {
    match platform {
        "arista_eos" => format!("banner motd\n{text}EOF\nhostname r1\n"),
        _ => format!("banner motd ^C\n{text}^C\nhostname r1\n"),
    }
}

#[tokio::test]
async fn a_banner_of_several_lines_is_changed_and_put_back_whole() {
    let platforms = ["cisco_ios", "cisco_nxos", "arista_eos"];
    let had: Vec<String> = platforms.iter().map(|platform| banner(platform, "Welcome\n")).collect();
    let parts = platforms.iter().zip(&had).map(|(platform, has)| Part { platform, has, mode: Mode::Good });
    let bench = Bench::new(&parts.collect::<Vec<_>>()).await;
    for (number, platform) in (1..).zip(platforms) {
        let name = format!("dev{number:03}");
        let text = TEXT.replace("dev001", &name);
        let wanted = banner(platform, &text);
        let typed_by_hand = wanted.replace("^C", "@");
        let task = bench.task(number, platform, &typed_by_hand, Wants::Merge);
        let outcome = bench.attempt(&task).await;
        assert_eq!((outcome.class, outcome.left_as), (Class::Ok, LeftAs::Changed), "{platform}: {outcome:?}");
        // The blank keeps the words apart from the text.
        let has = bench.has(number).replace("motd \n", "motd\n");
        assert_eq!(has, wanted, "{platform}");
        let typed = bench.typed(number);
        let again = bench.again(&task, Purpose::Apply).await;
        assert_eq!((again.class, bench.typed(number)), (Class::Unchanged, typed), "{platform}");
        let restore = Purpose::Restore { attempt: task.op.attempt, before: outcome.before, overwrite: false };
        let back = bench.again(&task, restore).await;
        assert_eq!((back.class, back.left_as), (Class::Ok, LeftAs::Reverted), "{platform}: {back:?}");
        assert_eq!(bench.has(number).replace("motd \n", "motd\n"), had[number - 1], "{platform}");
    }
}
