//! Pages of lists: an opaque token that is bound to the question it continues.

use crate::refused::Refused;

/// Items of a page that asks for no size.
const SIZE_DEFAULT: usize = 50;
/// Most items of a page.
const SIZE_MAX: usize = 1000;

/// The part of `items` that a request asks for, and the token of the next one (empty at the end).
/// `question` is everything else that shapes the list; a token of another question is refused.
pub fn page<T, I>(items: I, size: i32, token: &str, question: &str) -> Result<(Vec<T>, String), Refused>
where
    I: IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
{
    let items = items.into_iter();
    let mark = crc32c::crc32c(question.as_bytes());
    let start = match token {
        "" => 0,
        token => offset(token, mark).ok_or_else(|| Refused::BadRequest {
            field: "page_token".into(),
            why: "it belongs to another list or another filter; start without one".into(),
        })?,
    };
    let size = usize::try_from(size).ok().filter(|size| *size > 0).unwrap_or(SIZE_DEFAULT).min(SIZE_MAX);
    let total = items.len();
    let page: Vec<T> = items.skip(start).take(size).collect();
    let next = start.saturating_add(page.len());
    Ok((page, if next < total { format!("{next:x}-{mark:x}") } else { String::new() }))
}

fn offset(token: &str, mark: u32) -> Option<usize> {
    let (offset, of) = token.split_once('-')?;
    let same = u32::from_str_radix(of, 16).ok()? == mark;
    usize::from_str_radix(offset, 16).ok().filter(|_| same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_give_every_item_once() {
        let (mut seen, mut token) = (Vec::new(), String::new());
        loop {
            let (items, next) = page(0..120, 50, &token, "q").unwrap();
            seen.extend(items);
            if next.is_empty() {
                break;
            }
            token = next;
        }
        assert_eq!(seen, (0..120).collect::<Vec<_>>());
    }

    #[test]
    fn a_token_of_another_question_is_refused() {
        let (_, token) = page(0..120, 50, "", "state = FAILED").unwrap();
        for (token, question) in [(token.as_str(), ""), ("zz", "q"), ("ffffffffffffffffffff-0", "q")] {
            assert!(page(0..120, 50, token, question).is_err());
        }
    }

    #[test]
    fn a_huge_or_negative_size_is_coerced() {
        for (size, given) in [(-1, 50), (0, 50), (i32::MAX, 1000)] {
            assert_eq!(page(0..2000, size, "", "").unwrap().0.len(), given);
        }
    }
}
