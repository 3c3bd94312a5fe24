//! Fields of a payload: little-endian integers, length-prefixed bytes and text. Pure; a reader never panics.

use crate::frame::{FrameError, HEADER_LENGTH, Header};

/// A SHA-256 content hash; all zeros stands for "none".
pub type Hash = [u8; 32];

/// Takes fields off a payload, in order.
pub struct FieldReader<'a> {
    rest: &'a [u8],
}

impl<'a> FieldReader<'a> {
    /// A reader at the start of `payload`.
    pub fn new(payload: &'a [u8]) -> Self {
        Self { rest: payload }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], FrameError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(FrameError::Payload("a field is cut short"))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], FrameError> {
        self.take(N)?.try_into().map_err(|_| FrameError::Payload("a field is cut short"))
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, FrameError> {
        Ok(u8::from_le_bytes(self.array()?))
    }

    /// Two bytes.
    pub fn u16(&mut self) -> Result<u16, FrameError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// Four bytes.
    pub fn u32(&mut self) -> Result<u32, FrameError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// Eight bytes.
    pub fn u64(&mut self) -> Result<u64, FrameError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A content hash.
    pub fn hash(&mut self) -> Result<Hash, FrameError> {
        self.array()
    }

    /// Bytes behind a four-byte length.
    pub fn bytes(&mut self) -> Result<&'a [u8], FrameError> {
        let length = self.u32()?;
        self.take(length as usize)
    }

    /// UTF-8 text behind a four-byte length.
    pub fn text(&mut self) -> Result<&'a str, FrameError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| FrameError::Payload("text is not UTF-8"))
    }

    /// Checks that nothing follows the last field.
    pub fn end(self) -> Result<(), FrameError> {
        if self.rest.is_empty() { Ok(()) } else { Err(FrameError::Payload("bytes follow the last field")) }
    }
}

/// Builds one whole frame; the length is filled in by [`FrameWriter::finish`].
pub struct FrameWriter {
    kind: u8,
    id: u64,
    bytes: Vec<u8>,
}

impl FrameWriter {
    /// A frame of type `kind` that answers or concerns `id`.
    pub fn new(kind: u8, id: u64) -> Self {
        let mut bytes = Vec::with_capacity(256);
        bytes.resize(HEADER_LENGTH, 0);
        Self { kind, id, bytes }
    }

    /// Appends one byte.
    pub fn u8(mut self, value: u8) -> Self {
        self.bytes.push(value);
        self
    }

    /// Appends two bytes.
    pub fn u16(mut self, value: u16) -> Self {
        self.bytes.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// Appends four bytes.
    pub fn u32(mut self, value: u32) -> Self {
        self.bytes.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// Appends eight bytes.
    pub fn u64(mut self, value: u64) -> Self {
        self.bytes.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// Appends a content hash.
    pub fn hash(mut self, value: &Hash) -> Self {
        self.bytes.extend_from_slice(value);
        self
    }

    /// Appends bytes behind their length. The caller keeps the whole below the frame limit.
    pub fn bytes(mut self, value: &[u8]) -> Self {
        let length = u32::try_from(value.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(&length.to_le_bytes());
        self.bytes.extend_from_slice(value);
        self
    }

    /// Appends text behind its length.
    pub fn text(self, value: &str) -> Self {
        self.bytes(value.as_bytes())
    }

    /// The frame's bytes.
    pub fn finish(mut self) -> Vec<u8> {
        let length = u32::try_from(self.bytes.len() - HEADER_LENGTH).unwrap_or(u32::MAX);
        let header = Header { kind: self.kind, length, id: self.id }.encode();
        if let Some(start) = self.bytes.get_mut(..HEADER_LENGTH) {
            start.copy_from_slice(&header);
        }
        self.bytes
    }
}
