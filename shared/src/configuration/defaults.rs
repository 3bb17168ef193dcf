//! Lines that take back what a device does not show. A device hides its defaults, so only those tell whether it has them.

use super::{Block, Dialect, Index, Negation};

/// The lines of `wanted` that take back what `running` does not show, and that it does not show either, with the
/// sections they stand in. Where lines are taken away by a word of their own, what is not shown is not there.
pub fn unshown(running: &[Block], wanted: &[Block], dialect: &Dialect) -> Vec<Block> {
    let Negation::Prefix(_) = dialect.negation else { return Vec::new() };
    let running = Index::of(running, dialect);
    let of = |block: &Block| match running.find(&block.line) {
        Some(has) => {
            let children = unshown(&has.children, &block.children, dialect);
            (!children.is_empty()).then(|| Block { line: block.line.clone(), children })
        }
        None => {
            let short = dialect.takes_back(&block.line)?;
            let is_shown = running.has_or_begins_with(short);
            (!is_shown && block.children.is_empty()).then(|| block.clone())
        }
    };
    wanted.iter().filter_map(of).collect()
}

/// What of `shown`, a configuration with all its defaults, is about what `wanted` takes back.
pub fn about(wanted: &[Block], shown: &[Block], dialect: &Dialect) -> Vec<Block> {
    let index = Index::of(shown, dialect);
    let mut kept = Vec::new();
    for block in wanted {
        if !block.children.is_empty() {
            let has = index.find(&block.line).map_or(&[][..], |has| &has.children);
            let children = about(&block.children, has, dialect);
            kept.push(Block { line: block.line.clone(), children });
        } else if let Some(short) = dialect.takes_back(&block.line) {
            let itself = index.find(&block.line).into_iter().chain(index.find(short));
            let of_it = itself.chain(index.beginning_with(short));
            kept.extend(of_it.map(|block| Block::line(&block.line)));
        }
    }
    kept
}

/// What of the `unshown` lines a device with these `defaults` lacks, in its sections; and the lines of which they do not
/// tell: all of them where nobody knows the defaults. A default that goes on after what a line takes back is that with its
/// value. Where there are several, or the line takes back a single word at the top, it may as well be something else that
/// begins with the same words: of `no ntp` the default `ntp allow mode control 3` tells nothing.
pub fn lacking(unshown: &[Block], defaults: Option<&[Block]>, dialect: &Dialect) -> (Vec<Block>, Vec<Block>) {
    judged(unshown, defaults, dialect, true)
}

fn judged(
    unshown: &[Block],
    defaults: Option<&[Block]>,
    dialect: &Dialect,
    is_top: bool,
) -> (Vec<Block>, Vec<Block>) {
    let (mut lacks, mut unknown) = (Vec::new(), Vec::new());
    let index = defaults.map(|defaults| Index::of(defaults, dialect));
    for block in unshown {
        if !block.children.is_empty() {
            let has =
                index.as_ref().map(|index| index.find(&block.line).map_or(&[][..], |has| &has.children));
            let (on, untold) = judged(&block.children, has, dialect, false);
            let section = |children: Vec<Block>| {
                (!children.is_empty()).then(|| Block { line: block.line.clone(), children })
            };
            lacks.extend(section(on));
            unknown.extend(section(untold));
            continue;
        }
        let short = dialect.takes_back(&block.line).unwrap_or_default();
        let Some(index) = &index else {
            unknown.push(block.clone());
            continue;
        };
        let is_one_thing = !is_top || short.contains(' ');
        match index.beginning_with(short).count() {
            _ if index.find(short).is_some() => lacks.push(block.clone()),
            _ if index.find(&block.line).is_some() => {}
            0 => {}
            1 if is_one_thing => lacks.push(block.clone()),
            _ => unknown.push(block.clone()),
        }
    }
    (lacks, unknown)
}

/// `wanted` without the `unshown` lines.
pub fn without(wanted: &[Block], unshown: &[Block], dialect: &Dialect) -> Vec<Block> {
    if unshown.is_empty() {
        return wanted.to_vec();
    }
    let index = Index::of(unshown, dialect);
    let of = |block: &Block| match index.find(&block.line) {
        None => Some(block.clone()),
        // A section that is shown empty hides what stands in it.
        Some(gone) if gone.children.is_empty() && block.children.is_empty() => None,
        Some(gone) => {
            let children = without(&block.children, &gone.children, dialect);
            Some(Block { line: block.line.clone(), children })
        }
    };
    wanted.iter().filter_map(of).collect()
}

/// The same of `lines` that take something back: a section of which nothing is left goes, too.
pub fn besides(lines: &[Block], said: &[Block], dialect: &Dialect) -> Vec<Block> {
    taking_back(without(lines, said, dialect), dialect)
}

fn taking_back(blocks: Vec<Block>, dialect: &Dialect) -> Vec<Block> {
    let of = |block: Block| match block.children.is_empty() {
        true => dialect.takes_back(&block.line).is_some().then_some(block),
        false => {
            let children = taking_back(block.children, dialect);
            (!children.is_empty()).then_some(Block { line: block.line, children })
        }
    };
    blocks.into_iter().filter_map(of).collect()
}

/// The lines at the ends of sections.
pub fn leaves(blocks: &[Block]) -> Vec<&str> {
    let mut lines = Vec::new();
    for block in blocks {
        match block.children.is_empty() {
            true => lines.push(block.line.as_str()),
            false => lines.extend(leaves(&block.children)),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::{parse, print};
    use super::*;

    fn dialect() -> Dialect {
        Dialect { indented: true, leave: Some("exit".into()), ..Dialect::default() }
    }

    /// What a device with these defaults lacks of lines that it does not show, and of which they do not tell.
    fn judged(lines: &str, defaults: &str) -> (String, String) {
        let dialect = dialect();
        let (lines, defaults) = (parse(lines, &dialect), parse(defaults, &dialect));
        let kept = about(&lines, &defaults, &dialect);
        let (lacks, unknown) = lacking(&lines, Some(&kept), &dialect);
        (print(&lacks), print(&unknown))
    }

    fn lacks(lines: &str, defaults: &str) -> bool {
        match judged(lines, defaults) {
            (lacks, unknown) if lacks == lines && unknown.is_empty() => true,
            (lacks, unknown) => {
                assert_eq!((lacks.as_str(), unknown.as_str()), ("", ""), "{lines}");
                false
            }
        }
    }

    #[test]
    fn a_default_with_a_value_is_on_and_what_no_default_begins_with_is_off() {
        assert!(lacks("no logging console\n", "logging console debugging\nlogging monitor debugging\n"));
        assert!(lacks("interface Gi1\n no keepalive\n", "interface Gi1\n keepalive 10\n mtu 1500\n"));
        assert!(lacks("no cdp run\n", "cdp run\ncdp run fast\n"));
        assert!(!lacks("no logging console\n", "no logging console\n"));
        assert!(
            !lacks("no logging console\n", "no logging console\nlogging console x\n"),
            "it says so itself"
        );
        assert!(!lacks("no ntp server 192.0.2.9\n", "ntp server 192.0.2.99\n"));
    }

    #[test]
    fn several_defaults_or_one_word_at_the_top_tell_nothing() {
        for (line, defaults) in [
            ("no ntp\n", "ntp allow mode control 3\n"),
            ("no service timestamps\n", "service timestamps debug uptime\nservice timestamps log uptime\n"),
        ] {
            assert_eq!(judged(line, defaults), (String::new(), line.to_owned()));
        }
    }
}
