//! Which results a chain may hand on as they stand: those that the service would hand on unchanged. Pure.
//!
//! Between two components of a sequence the service parses a result and writes it again. What comes out of that with
//! another text (a number in an unusual form), or is no result to go on with (an `error`, a text that is no JSON), is
//! left to it.

/// Nesting beyond which a result is left to the service.
const DEEPEST: usize = 64;
/// Digits of a number that every parser keeps.
const DIGITS: usize = 17;

/// Whether `text` is a JSON object that may go on as it stands.
pub fn may_go_on(text: &[u8]) -> bool {
    if std::str::from_utf8(text).is_err() {
        return false;
    }
    let mut scan = Scan { text, at: 0 };
    scan.skip();
    scan.peek() == Some(b'{') && scan.value(0).is_some() && {
        scan.skip();
        scan.at == text.len()
    }
}

struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scan<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn skip(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, wanted: &[u8]) -> Option<()> {
        let found = self.text.get(self.at..self.at + wanted.len())?;
        self.at += wanted.len();
        (found == wanted).then_some(())
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        if depth > DEEPEST {
            return None;
        }
        self.skip();
        match self.peek()? {
            b'{' => self.object(depth),
            b'[' => self.array(depth),
            b'"' => self.string().map(drop),
            b't' => self.expect(b"true"),
            b'f' => self.expect(b"false"),
            b'n' => self.expect(b"null"),
            _ => self.number(),
        }
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        self.expect(b"{")?;
        self.skip();
        if self.peek()? == b'}' {
            return self.expect(b"}");
        }
        loop {
            self.skip();
            let key = self.string()?;
            // An escaped key may be any other in disguise.
            if depth == 0 && (key == b"error" || key.contains(&b'\\')) {
                return None;
            }
            self.skip();
            self.expect(b":")?;
            self.value(depth + 1)?;
            self.skip();
            match self.next()? {
                b',' => {}
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.expect(b"[")?;
        self.skip();
        if self.peek()? == b']' {
            return self.expect(b"]");
        }
        loop {
            self.value(depth + 1)?;
            self.skip();
            match self.next()? {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    /// The inside of a string.
    fn string(&mut self) -> Option<&'a [u8]> {
        self.expect(b"\"")?;
        let start = self.at;
        loop {
            match self.next()? {
                b'"' => return self.text.get(start..self.at - 1),
                b'\\' => self.escape()?,
                control if control < 0x20 => return None,
                _ => {}
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        match self.next()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                let digits = self.text.get(self.at..self.at + 4)?;
                self.at += 4;
                let number = u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
                // Halves of a pair may stand alone, which no UTF-8 can say.
                (digits.iter().all(u8::is_ascii_hexdigit) && !(0xD800..0xE000).contains(&number)).then_some(())
            }
            _ => None,
        }
    }

    /// A number that comes out of any parser as it went in.
    fn number(&mut self) -> Option<()> {
        let negative = self.peek()? == b'-';
        if negative {
            self.at += 1;
        }
        let whole = self.digits()?;
        if whole.len() > 1 && whole.starts_with(b"0") {
            return None;
        }
        if self.peek() != Some(b'.') {
            return (whole.len() <= DIGITS && !(negative && whole == b"0") && !self.goes_on()).then_some(());
        }
        self.at += 1;
        let fraction = self.digits()?;
        let tiny = whole == b"0" && fraction.starts_with(b"0000");
        let padded = fraction.len() > 1 && fraction.ends_with(b"0");
        (whole.len() + fraction.len() <= DIGITS && !tiny && !padded && !self.goes_on()).then_some(())
    }

    fn digits(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        let digits = self.text.get(start..self.at)?;
        (!digits.is_empty()).then_some(digits)
    }

    fn goes_on(&self) -> bool {
        matches!(self.peek(), Some(b'e' | b'E'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ordinary_results_go_on() {
        for text in [
            "{}",
            " { } ",
            r#"{"a":[1,-2,0,0.5,-0.25,1.0,12345678901234567],"b":{"error":null,"c":"\"\\\u00e9 é"},"d":[true,false,null,[]]}"#,
        ] {
            assert!(may_go_on(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn what_the_service_would_see_otherwise_is_left_to_it() {
        for text in [
            "",
            "[]",
            "1",
            "null",
            "{",
            "{}x",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{'a':1}",
            "{\"a\":tru}",
            "{\"a\":NaN}",
            "{\"error\":1}",
            "{\"\\u0065rror\":1}",
            "{\"a\":1e3}",
            "{\"a\":1E3}",
            "{\"a\":-0}",
            "{\"a\":01}",
            "{\"a\":1.}",
            "{\"a\":1.50}",
            "{\"a\":0.00001}",
            "{\"a\":123456789012345678}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"\t\"}",
            "{\"a\":\"",
            "{\"a\":-}",
            "{\"a\":\"\\u+123\"}",
        ] {
            assert!(!may_go_on(text.as_bytes()), "{text}");
        }
        assert!(!may_go_on(b"{\"a\":\"\xff\"}"));
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(200_000), "]".repeat(200_000));
        assert!(!may_go_on(deep.as_bytes()));
    }

    proptest! {
        #[test]
        fn never_panics(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = may_go_on(&text);
        }
    }
}
