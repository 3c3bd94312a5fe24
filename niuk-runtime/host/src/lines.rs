//! Output of one invocation, cut into lines with the time of their first byte. Pure.

/// A line longer than this is cut.
pub const LONGEST_LINE: usize = 16 * 1024;

/// A finished line, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// 1: stdout, 2: stderr.
    pub stream: u8,
    /// When its first byte came, nanoseconds since 1970.
    pub unix_ns: u64,
    /// The text as it was written.
    pub bytes: Vec<u8>,
}

#[derive(Default)]
struct Partial {
    unix_ns: u64,
    bytes: Vec<u8>,
}

/// Collects output up to a limit.
pub struct Lines {
    partial: [Partial; 2],
    left: usize,
    truncated: bool,
}

impl Lines {
    /// Keeps at most `limit` bytes in all.
    pub fn new(limit: usize) -> Self {
        Self { partial: Default::default(), left: limit, truncated: false }
    }

    /// Whether output beyond the limit was dropped.
    pub fn truncated(&self) -> bool {
        self.truncated
    }

    /// Takes `bytes` written to `stream` now and gives the lines that they finish.
    pub fn push(&mut self, stream: i32, unix_ns: u64, bytes: &[u8]) -> Vec<Line> {
        let kept = bytes.get(..self.left).unwrap_or(bytes);
        self.left -= kept.len();
        self.truncated |= kept.len() < bytes.len();
        let stream = if stream == 2 { 2 } else { 1 };
        let [out, err] = &mut self.partial;
        let partial = if stream == 2 { err } else { out };
        let mut finished = Vec::new();
        for piece in kept.split_inclusive(|byte| *byte == b'\n') {
            partial.push(piece, unix_ns, stream, &mut finished);
        }
        finished
    }

    /// What was written without an end of line.
    pub fn finish(&mut self) -> Vec<Line> {
        let mut finished = Vec::new();
        for (partial, stream) in self.partial.iter_mut().zip([1, 2]) {
            partial.flush(stream, &mut finished);
        }
        finished
    }
}

impl Partial {
    fn push(&mut self, piece: &[u8], unix_ns: u64, stream: u8, finished: &mut Vec<Line>) {
        let (text, ended) = match piece.strip_suffix(b"\n") {
            Some(text) => (text, true),
            None => (piece, false),
        };
        for part in text.chunks(LONGEST_LINE) {
            if self.bytes.is_empty() {
                self.unix_ns = unix_ns;
            } else if self.bytes.len() + part.len() > LONGEST_LINE {
                self.flush(stream, finished);
                self.unix_ns = unix_ns;
            }
            self.bytes.extend_from_slice(part);
        }
        if ended && self.bytes.is_empty() {
            finished.push(Line { stream, unix_ns, bytes: Vec::new() });
        } else if ended {
            self.flush(stream, finished);
        }
    }

    fn flush(&mut self, stream: u8, finished: &mut Vec<Line>) {
        if !self.bytes.is_empty() {
            finished.push(Line { stream, unix_ns: self.unix_ns, bytes: std::mem::take(&mut self.bytes) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(lines: &[Line]) -> Vec<(u8, u64, &str)> {
        lines.iter().map(|line| (line.stream, line.unix_ns, std::str::from_utf8(&line.bytes).unwrap())).collect()
    }

    #[test]
    fn joins_pieces_and_keeps_streams_apart() {
        let mut lines = Lines::new(1000);
        assert!(lines.push(1, 10, b"hel").is_empty());
        assert_eq!(texts(&lines.push(2, 20, b"oops\n\n")), [(2, 20, "oops"), (2, 20, "")]);
        assert_eq!(texts(&lines.push(1, 30, b"lo\nrest")), [(1, 10, "hello")]);
        assert_eq!(texts(&lines.finish()), [(1, 30, "rest")]);
        assert!(lines.finish().is_empty());
    }

    #[test]
    fn stops_at_the_limit() {
        let mut lines = Lines::new(5);
        assert_eq!(texts(&lines.push(1, 0, b"ab\ncdef\n")), [(1, 0, "ab")]);
        assert!(lines.truncated());
        assert_eq!(texts(&lines.finish()), [(1, 0, "cd")]);
    }

    proptest! {
        #[test]
        fn keeps_all_bytes_in_order(writes in proptest::collection::vec("[a-c\n]{0,20}", 0..20)) {
            let mut lines = Lines::new(usize::MAX);
            let mut out = Vec::new();
            for write in &writes {
                out.extend(lines.push(1, 0, write.as_bytes()));
            }
            out.extend(lines.finish());
            let whole = writes.concat();
            let wanted: Vec<&str> = whole.strip_suffix('\n').unwrap_or(&whole).split('\n').collect();
            if !whole.is_empty() {
                prop_assert_eq!(texts(&out).into_iter().map(|(_, _, text)| text).collect::<Vec<_>>(), wanted);
            }
        }

        #[test]
        fn no_line_is_longer_than_allowed(length in 0usize..300_000) {
            let mut lines = Lines::new(usize::MAX);
            let mut out = lines.push(1, 0, &vec![b'x'; length]);
            out.extend(lines.finish());
            prop_assert!(out.iter().all(|line| line.bytes.len() <= LONGEST_LINE));
            prop_assert_eq!(out.iter().map(|line| line.bytes.len()).sum::<usize>(), length);
        }
    }
}
