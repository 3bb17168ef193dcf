//! In which element of a text of XML something stands, as far as that can be told without reading it whole.

const CDATA: &str = "<![CDATA[";

/// For each of `places` in `text`, in their order: what stands there from the start tag of the innermost element around it.
/// `None` within a tag or a comment.
pub(super) fn around<'a>(text: &'a str, places: &[usize]) -> Vec<Option<&'a str>> {
    let mut places = places.iter().copied().peekable();
    let (mut open, mut found, mut at) = (Vec::new(), Vec::new(), 0);
    while places.peek().is_some() {
        let start = text[at..].find('<').map_or(text.len(), |next| at + next);
        let end = start + first(&text[start..]).len();
        let markup = &text[start..end];
        while let Some(place) = places.next_if(|place| *place < end || end == text.len()) {
            let is_text = place <= start || markup.starts_with(CDATA);
            found.push(open.last().filter(|_| is_text).map(|tag: &usize| &text[*tag..place]));
        }
        if markup.starts_with("</") {
            open.pop();
        } else if !markup.starts_with("<!") && !markup.starts_with("<?") && !markup.ends_with("/>") {
            open.push(start);
        }
        at = end;
    }
    found
}

/// The tag, or what else is no plain text, that `text` begins with.
pub(super) fn first(text: &str) -> &str {
    let up_to = |end: &str| text.find(end).map_or(text.len(), |at| at + end.len());
    let end = match text {
        _ if text.starts_with("<!--") => up_to("-->"),
        _ if text.starts_with(CDATA) => up_to("]]>"),
        _ if text.starts_with("<?") => up_to("?>"),
        _ => end_of_tag(text),
    };
    &text[..end]
}

/// Where the text at the beginning of `content` ends: at the next tag.
pub(super) fn end_of_text(content: &str) -> usize {
    let mut at = 0;
    while let Some(next) = content[at..].find('<') {
        at += next;
        if !content[at..].starts_with(CDATA) {
            return at;
        }
        at += first(&content[at..]).len();
    }
    content.len()
}

/// Values of attributes may hold what ends a tag elsewhere.
fn end_of_tag(text: &str) -> usize {
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (None, '>') => return at + 1,
            (Some(opened), c) if c == opened => quote = None,
            (Some(_) | None, _) => {}
        }
    }
    text.len()
}
