//! The grammar inside header fields: lists, quoted strings, parameters (RFC 3261, 25.1).

/// Whether the text is a `token`.
pub(super) fn is_token(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&b);
    !text.is_empty() && text.bytes().all(legal)
}

/// Cuts at `separator` where it stands outside quotes and angle brackets. `None` when a quote or bracket
/// stays open.
pub(super) fn split(text: &str, separator: char) -> Option<Vec<&str>> {
    let (mut parts, mut from) = (Vec::new(), 0);
    let (mut quoted, mut escaped, mut bracket) = (false, false, false);
    for (at, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' if !bracket => quoted = !quoted,
            _ if quoted => {}
            '<' => bracket = true,
            '>' => bracket = false,
            c if c == separator && !bracket => {
                parts.push(text.get(from..at)?.trim());
                from = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(text.get(from..)?.trim());
    (!quoted && !bracket).then_some(parts)
}

/// The value of parameter `name` among `;`-separated parts; empty when it has none.
pub(super) fn parameter<'a>(parts: &[&'a str], name: &str) -> Option<&'a str> {
    parts.iter().find_map(|part| {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        key.trim()
            .eq_ignore_ascii_case(name)
            .then_some(value.trim())
    })
}

/// The address in `"Name" <sip:...>;tag=x` or `sip:...;tag=x`, and the parameters behind it.
pub(super) fn address(value: &str) -> Option<(&str, Vec<&str>)> {
    let mut parts = split(value, ';')?;
    let first = parts.remove(0);
    let uri = match open_bracket(first) {
        Some(at) => first.get(at + 1..)?.strip_suffix('>')?.trim(),
        None => first,
    };
    (!uri.is_empty()).then_some((uri, parts))
}

/// Where the `<` outside quotes is.
fn open_bracket(text: &str) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    text.char_indices().find_map(|(at, c)| {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => return Some(at),
            _ => {}
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_in_quotes_and_brackets_do_not_separate() {
        let parts = split(r#""a;\"b" <sip:x;lr> ; tag = 7"#, ';').unwrap();
        assert_eq!(parts, [r#""a;\"b" <sip:x;lr>"#, "tag = 7"]);
        assert_eq!(parameter(&parts, "TAG"), Some("7"));
    }

    #[test]
    fn an_address_is_found_with_and_without_brackets() {
        let (uri, rest) = address(r#""A <b>" <sip:a@x;lr> ;tag=1"#).unwrap();
        assert_eq!((uri, parameter(&rest, "tag")), ("sip:a@x;lr", Some("1")));
        let (uri, rest) = address("sip:a@x;tag=2").unwrap();
        assert_eq!((uri, parameter(&rest, "tag")), ("sip:a@x", Some("2")));
    }

    #[test]
    fn what_is_not_closed_is_refused() {
        assert_eq!(split("\"a;b", ';'), None);
        assert_eq!(address("<sip:a@x"), None);
        assert_eq!(address(""), None);
    }
}
