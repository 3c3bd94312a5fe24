//! The little JSON that the host needs: writing strings, and finding the members of an object. Pure.

use std::fmt::Write as _;

/// Appends `text` as a JSON string.
pub fn push_string(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if u32::from(control) < 0x20 => {
                // Writing to a String cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(control));
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

/// One member of an object, as it stands in the text: key without quotes and unescaped, value untouched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member<'a> {
    /// Raw key.
    pub key: &'a [u8],
    /// Raw value.
    pub value: &'a [u8],
}

/// The members of the object in `text`, or `None` where it is not an object.
///
/// Nesting is followed, values are not validated: the function's own parser does that.
pub fn members(text: &[u8]) -> Option<Vec<Member<'_>>> {
    let mut scan = Scan { text, at: 0 };
    let mut found = Vec::new();
    scan.expect(b'{')?;
    if scan.peek()? == b'}' {
        scan.at += 1;
        return scan.finished().then_some(found);
    }
    loop {
        scan.peek()?;
        let key = scan.string()?;
        scan.expect(b':')?;
        scan.peek()?;
        let value = scan.value()?;
        found.push(Member { key, value });
        match scan.next()? {
            b',' => {}
            b'}' => return scan.finished().then_some(found),
            _ => return None,
        }
    }
}

/// `over` laid on `base`: an object with the members of both, `over` winning, in the order in which a dictionary of the
/// service's would have them. `None` where one is not an object.
pub fn merge(base: &[u8], over: &[u8]) -> Option<Vec<u8>> {
    let (base, over) = (members(base)?, members(over)?);
    let kept = base.iter().map(|member| over.iter().rfind(|other| other.key == member.key).unwrap_or(member));
    let new = over.iter().filter(|member| !base.iter().any(|other| other.key == member.key));
    let mut out = Vec::with_capacity(64);
    for member in kept.chain(new) {
        out.push(if out.is_empty() { b'{' } else { b',' });
        out.push(b'"');
        out.extend_from_slice(member.key);
        out.extend_from_slice(b"\":");
        out.extend_from_slice(member.value);
    }
    if out.is_empty() {
        out.push(b'{');
    }
    out.push(b'}');
    Some(out)
}

struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    /// The next byte that is not white space, not consumed.
    fn peek(&mut self) -> Option<u8> {
        while let Some(byte) = self.text.get(self.at) {
            if !byte.is_ascii_whitespace() {
                return Some(*byte);
            }
            self.at += 1;
        }
        None
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn expect(&mut self, wanted: u8) -> Option<()> {
        (self.next()? == wanted).then_some(())
    }

    fn finished(&mut self) -> bool {
        self.peek().is_none()
    }

    /// The inside of the string that starts here.
    fn string(&mut self) -> Option<&'a [u8]> {
        if *self.text.get(self.at)? != b'"' {
            return None;
        }
        self.at += 1;
        let start = self.at;
        loop {
            match *self.text.get(self.at)? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        let inside = self.text.get(start..self.at)?;
        self.at += 1;
        Some(inside)
    }

    /// The value that starts here, up to the comma or bracket that ends it.
    fn value(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        let mut depth = 0usize;
        loop {
            match *self.text.get(self.at)? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' if depth > 0 => depth -= 1,
                b',' | b'}' | b']' if depth == 0 => break,
                _ => {}
            }
            self.at += 1;
        }
        let value = self.text.get(start..self.at)?.trim_ascii_end();
        (!value.is_empty()).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn merges_with_the_second_winning() {
        let merged = merge(br#" {"a": 1, "b":{"x":[1,2,"}"]}} "#, br#"{"b":null,"c":"\""}"#).unwrap();
        assert_eq!(merged, br#"{"a":1,"b":null,"c":"\""}"#);
        assert_eq!(merge(b"{}", b"{ }").unwrap(), b"{}");
        assert_eq!(merge(br#"{"a":1,"b":2}"#, br#"{"c":3,"a":4}"#).unwrap(), br#"{"a":4,"b":2,"c":3}"#);
    }

    #[test]
    fn refuses_what_is_not_an_object() {
        for text in ["", "[]", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1", "{} x", "{\"a\":1,}", "null", "{a:1}"] {
            assert_eq!(members(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn escapes_control_characters() {
        let mut out = String::new();
        push_string(&mut out, "a\"\\\n\u{1}é");
        assert_eq!(out, "\"a\\\"\\\\\\n\\u0001é\"");
    }

    proptest! {
        #[test]
        fn never_panics(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = members(&text);
        }

        #[test]
        fn finds_every_member(pairs in proptest::collection::btree_map("[a-z]{1,8}", "[ -~]{0,12}", 0..8)) {
            let mut text = String::from("{");
            for (key, value) in &pairs {
                if text.len() > 1 { text.push(','); }
                push_string(&mut text, key);
                text.push(':');
                push_string(&mut text, value);
            }
            text.push('}');
            prop_assert_eq!(members(text.as_bytes()).unwrap().len(), pairs.len());
        }
    }
}
