//! Aligned columns.

use crate::text::{columns, fit, pad, pad_left};

/// Columns that a long last cell gets before others give way to it.
const LAST_MIN: usize = 30;
/// Between two cells.
const GAP: usize = 2;

/// A table whose `spare` columns give way, the first one first, while `width` leaves the last column, which says why,
/// no room to be read.
pub fn sparing(headers: &[&str], rows: &[Vec<String>], width: Option<usize>, spare: &[&str]) -> Vec<String> {
    let widths = widths(headers, rows);
    let last = headers.len().saturating_sub(1);
    let mut shown: Vec<usize> = (0..headers.len()).collect();
    for name in spare {
        let others = shown.iter().filter(|&&column| column != last).map(|&column| widths[column] + GAP);
        let wanted = others.sum::<usize>() + widths[last].min(LAST_MIN);
        if width.is_none_or(|width| wanted <= width) {
            break;
        }
        shown.retain(|&column| headers[column] != *name);
    }
    let headers: Vec<&str> = shown.iter().map(|&column| headers[column]).collect();
    let of = |row: &Vec<String>| shown.iter().filter_map(|&column| row.get(column).cloned()).collect();
    table(&headers, &rows.iter().map(of).collect::<Vec<_>>(), width)
}

/// `rows` under `headers`; numbers are aligned to the right, and every line fits `width` when given.
pub fn table(headers: &[&str], rows: &[Vec<String>], width: Option<usize>) -> Vec<String> {
    let widths = widths(headers, rows);
    let numeric: Vec<bool> = (0..headers.len()).map(|column| is_numeric(rows, column)).collect();
    let header: Vec<String> = headers.iter().map(|&header| header.to_owned()).collect();
    std::iter::once(&header)
        .chain(rows)
        .map(|row| {
            let cells =
                row.iter().zip(&widths).zip(&numeric).map(|((cell, &width), &right)| {
                    if right { pad_left(cell, width) } else { pad(cell, width) }
                });
            let line = cells.collect::<Vec<_>>().join(&" ".repeat(GAP));
            let line = line.trim_end();
            width.map_or_else(|| line.to_owned(), |width| fit(line, width))
        })
        .collect()
}

fn widths(headers: &[&str], rows: &[Vec<String>]) -> Vec<usize> {
    let widest = |(column, header): (usize, &&str)| {
        let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| columns(cell));
        cells.chain([columns(header)]).max().unwrap_or(0)
    };
    headers.iter().enumerate().map(widest).collect()
}

fn is_numeric(rows: &[Vec<String>], column: usize) -> bool {
    let mut cells = rows.iter().filter_map(|row| row.get(column)).peekable();
    cells.peek().is_some() && cells.all(|cell| cell.chars().all(|c| c.is_ascii_digit() || c == ','))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_numbers_go_right() {
        let rows = vec![
            vec!["a".into(), "5".into(), "x".into()],
            vec!["longer".into(), "1,000".into(), String::new()],
        ];
        let lines = table(&["NAME", "N", "WHY"], &rows, None);
        assert_eq!(lines, ["NAME        N  WHY", "a           5  x", "longer  1,000"]);
    }

    #[test]
    fn spare_columns_give_way_one_by_one_to_a_last_one_that_could_not_be_read() {
        let rows = vec![vec!["dev1".into(), "all".into(), "5".into(), "m".repeat(80)]];
        let headers = |width| {
            sparing(&["DEVICE", "WAVE", "TOOK", "MESSAGE"], &rows, width, &["TOOK", "WAVE"])[0].clone()
        };
        assert_eq!(headers(None), "DEVICE  WAVE  TOOK  MESSAGE");
        assert_eq!(headers(Some(50)), "DEVICE  WAVE  TOOK  MESSAGE");
        assert_eq!(headers(Some(49)), "DEVICE  WAVE  MESSAGE");
        assert_eq!(headers(Some(43)), "DEVICE  MESSAGE");
        let short = vec![vec!["dev1".into(), "all".into(), "5".into(), "m".into()]];
        let lines = sparing(&["DEVICE", "WAVE", "TOOK", "MESSAGE"], &short, Some(27), &["TOOK", "WAVE"]);
        assert_eq!(lines, ["DEVICE  WAVE  TOOK  MESSAGE", "dev1    all      5  m"]);
    }

    #[test]
    fn no_line_exceeds_the_terminal() {
        let rows = vec![vec!["n".repeat(60), "m".repeat(60)]];
        for width in [20, 40, 80] {
            assert!(table(&["A", "B"], &rows, Some(width)).iter().all(|line| columns(line) <= width));
        }
    }
}
