//! Aligned columns.

use crate::text::{columns, fit, pad, pad_left};

/// `rows` under `headers`; numbers are aligned to the right, and every line fits `width` when given.
pub fn table(headers: &[&str], rows: &[Vec<String>], width: Option<usize>) -> Vec<String> {
    let widths: Vec<usize> = headers
        .iter()
        .enumerate()
        .map(|(column, header)| {
            let cells = rows.iter().filter_map(|row| row.get(column)).map(|cell| columns(cell));
            cells.chain([columns(header)]).max().unwrap_or(0)
        })
        .collect();
    let numeric: Vec<bool> = (0..headers.len()).map(|column| is_numeric(rows, column)).collect();
    let header: Vec<String> = headers.iter().map(|&header| header.to_owned()).collect();
    std::iter::once(&header)
        .chain(rows)
        .map(|row| {
            let cells =
                row.iter().zip(&widths).zip(&numeric).map(|((cell, &width), &right)| {
                    if right { pad_left(cell, width) } else { pad(cell, width) }
                });
            let line = cells.collect::<Vec<_>>().join("  ");
            let line = line.trim_end();
            width.map_or_else(|| line.to_owned(), |width| fit(line, width))
        })
        .collect()
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
    fn no_line_exceeds_the_terminal() {
        let rows = vec![vec!["n".repeat(60), "m".repeat(60)]];
        for width in [20, 40, 80] {
            assert!(table(&["A", "B"], &rows, Some(width)).iter().all(|line| columns(line) <= width));
        }
    }
}
