//! Steps as lines to type: which of them stand in a section, and what is said instead of a section that cannot go.

use switchyard_shared::configuration::{Block, Dialect, Index, emptied};

/// One line, or a text of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Typed {
    pub(super) line: String,
    /// How many of the lines after it go on with it or stand in its section, with the one that leaves it.
    pub(super) within: usize,
    /// What is typed when the device will not take back a section: its lines one by one.
    pub(super) instead: Vec<Typed>,
}

/// The lines of `steps` for a section that has `running`.
pub(super) fn lines(steps: &[Block], running: &[Block], dialect: &Dialect) -> Vec<Typed> {
    if steps.is_empty() {
        return Vec::new();
    }
    let known = Index::of(running, dialect);
    let section = |line: &str| known.find(line);
    let mut lines = Vec::new();
    for step in steps {
        let has = section(&step.line).map_or(&[][..], |block| &block.children);
        // What cannot be typed was refused when it was compared.
        let typed = dialect.typed(&step.line).unwrap_or_else(|| step.line.clone());
        let mut parts = known.parts(&typed, dialect).into_iter();
        let line = parts.next().unwrap_or_default();
        let mut within: Vec<Typed> = parts.map(|part| one(&part)).collect();
        within.extend(self::lines(&step.children, has, dialect));
        if !step.children.is_empty() {
            within.extend(dialect.leave.iter().map(|leave| one(leave)));
        }
        let gone =
            dialect.takes_back(&step.line).and_then(section).filter(|block| !block.children.is_empty());
        let instead = gone.map(|block| self::lines(&[emptied(block, dialect)], running, dialect));
        lines.push(Typed { line, within: within.len(), instead: instead.unwrap_or_default() });
        lines.append(&mut within);
    }
    lines
}

/// A line that stands alone.
pub(super) fn one(line: &str) -> Typed {
    Typed { line: line.to_owned(), within: 0, instead: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use switchyard_shared::configuration::{Continued, parse, way};

    fn dialect() -> Dialect {
        Dialect {
            indented: true,
            comments: vec!["!".into()],
            ends: vec!["exit".into()],
            leave: Some("exit".into()),
            short: vec!["description".into()],
            ..Dialect::default()
        }
    }

    fn words(lines: &[Typed]) -> Vec<&str> {
        lines.iter().map(|typed| typed.line.as_str()).collect()
    }

    #[test]
    fn a_section_that_cannot_go_is_emptied_instead_however_deep_it_stands() {
        let running = parse("router a\n family v4\n  network x\n description y\n", &dialect());
        let lines = lines(&way(&running, &[], &dialect()), &running, &dialect());
        assert_eq!(words(&lines), ["no router a"]);
        let instead = &lines[0].instead;
        assert_eq!(words(instead), ["router a", "no description", "no family v4", "exit"]);
        assert_eq!(words(&instead[2].instead), ["family v4", "no network x", "exit"]);
    }

    #[test]
    fn a_section_knows_how_many_lines_are_passed_over_with_it() {
        let wanted = parse("router a\n family v4\n  network x\n description y\nhostname r\n", &dialect());
        let lines = lines(&wanted, &[], &dialect());
        let within: Vec<(&str, usize)> =
            lines.iter().map(|typed| (typed.line.as_str(), typed.within)).collect();
        let expected =
            [("router a", 5), ("family v4", 2), ("network x", 0), ("exit", 0), ("description y", 0)];
        assert_eq!(within[..5], expected);
        assert_eq!(within[6], ("hostname r", 0));
    }

    #[test]
    fn a_value_that_is_too_long_for_a_line_is_typed_in_parts_that_are_passed_over_with_the_first() {
        let trunk = "switchport trunk allowed vlan";
        let [adds, removes] = ["add", "remove"].map(str::to_owned);
        let continued = Continued { begins: trunk.into(), adds, removes, by_default: None };
        let dialect = Dialect { continues: vec![continued], ..dialect() };
        let numbers: Vec<String> = (0..60).map(|number| (1000 + 2 * number).to_string()).collect();
        let wanted = parse(&format!("interface Gi1\n {trunk} {}\n mtu 9000\n", numbers.join(",")), &dialect);
        let lines = lines(&wanted, &[], &dialect);
        let [_, first, second, mtu, _] = lines.as_slice() else { panic!("{:?}", words(&lines)) };
        assert!(first.line.starts_with(&format!("{trunk} 1000,")) && first.within == 1, "{first:?}");
        assert!(second.line.starts_with(&format!("{trunk} add 1")) && mtu.line == "mtu 9000", "{second:?}");
        let device = format!("interface Gi1\n {}\n {}\n mtu 9000\n", first.line, second.line);
        assert_eq!(parse(&device, &dialect), wanted);
        let has = parse(&format!("interface Gi1\n {trunk} 7,1000\n"), &dialect);
        let lines = self::lines(&wanted, &has, &dialect);
        let [_, first, second, gone, ..] = lines.as_slice() else { panic!("{:?}", words(&lines)) };
        assert!(first.line.starts_with(&format!("{trunk} add 1000,")) && first.within == 2, "{first:?}");
        assert!(second.line.starts_with(&format!("{trunk} add 1")), "{second:?}");
        assert_eq!(gone.line, format!("{trunk} remove 7"), "nothing that stays is gone meanwhile");
    }
}
