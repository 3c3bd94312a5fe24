//! Frames: a 16-byte header and a payload, the unit in which a controller and the host talk. Pure.

use std::fmt;
use std::io::{self, Read};

/// First two bytes of every frame, "NK".
pub const MAGIC: [u8; 2] = *b"NK";
/// Version of the protocol that this host speaks.
pub const VERSION: u8 = 1;
/// Bytes of a header.
pub const HEADER_LENGTH: usize = 16;
/// Longest payload that is accepted or sent, in bytes.
pub const MAX_PAYLOAD: u32 = 8 * 1024 * 1024;
/// Longest payload that is accepted before the handshake.
pub const MAX_GREETING: u32 = 1024;

/// Why bytes are not a frame. The connection ends; the host does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameError {
    /// The first two bytes are not [`MAGIC`].
    Magic,
    /// The frame is of another version of the protocol.
    Version(u8),
    /// The payload is longer than the limit in force.
    TooLong {
        /// Bytes announced by the header.
        length: u32,
        /// Bytes allowed at this point.
        limit: u32,
    },
    /// A field runs past the end of the payload, or bytes follow the last field.
    Payload(&'static str),
    /// No such frame type in this direction.
    Type(u8),
    /// A frame that does not belong here, such as a second handshake.
    OutOfOrder(&'static str),
}

impl fmt::Display for FrameError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Magic => write!(out, "not a NIUk frame"),
            Self::Version(version) => write!(out, "frame of protocol version {version}; this host speaks {VERSION}"),
            Self::TooLong { length, limit } => write!(out, "payload of {length} bytes; the limit is {limit}"),
            Self::Payload(what) => write!(out, "malformed payload: {what}"),
            Self::Type(kind) => write!(out, "unknown frame type {kind}"),
            Self::OutOfOrder(what) => write!(out, "frame out of order: {what}"),
        }
    }
}

/// The fixed part of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Frame type.
    pub kind: u8,
    /// Payload length in bytes.
    pub length: u32,
    /// Correlation number: a reply carries the one of its request.
    pub id: u64,
}

impl Header {
    /// Reads a header; `limit` is the longest payload accepted now.
    pub fn parse(bytes: &[u8; HEADER_LENGTH], limit: u32) -> Result<Self, FrameError> {
        let [m0, m1, version, kind, l0, l1, l2, l3, id @ ..] = *bytes;
        if [m0, m1] != MAGIC {
            return Err(FrameError::Magic);
        }
        if version != VERSION {
            return Err(FrameError::Version(version));
        }
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        if length > limit {
            return Err(FrameError::TooLong { length, limit });
        }
        Ok(Self { kind, length, id: u64::from_le_bytes(id) })
    }

    /// The header's sixteen bytes.
    pub fn encode(self) -> [u8; HEADER_LENGTH] {
        let mut out = [0; HEADER_LENGTH];
        let (fixed, id) = out.split_at_mut(8);
        let (start, length) = fixed.split_at_mut(4);
        start.copy_from_slice(&[MAGIC[0], MAGIC[1], VERSION, self.kind]);
        length.copy_from_slice(&self.length.to_le_bytes());
        id.copy_from_slice(&self.id.to_le_bytes());
        out
    }
}

/// What reading one frame from a stream came to.
#[derive(Debug)]
pub enum Incoming {
    /// A whole frame.
    Frame(Header, Vec<u8>),
    /// The stream ended between two frames.
    End,
    /// The bytes are not a frame.
    Malformed(FrameError),
}

/// Reads one frame. `Err` is a failure of the stream, a cut frame included.
pub fn read_frame(stream: &mut impl Read, limit: u32) -> io::Result<Incoming> {
    let mut bytes = [0; HEADER_LENGTH];
    let (first, rest) = bytes.split_at_mut(1);
    if read_some(stream, first)? == 0 {
        return Ok(Incoming::End);
    }
    stream.read_exact(rest)?;
    let header = match Header::parse(&bytes, limit) {
        Ok(header) => header,
        Err(error) => return Ok(Incoming::Malformed(error)),
    };
    let mut payload = vec![0; header.length as usize];
    stream.read_exact(&mut payload)?;
    Ok(Incoming::Frame(header, payload))
}

fn read_some(stream: &mut impl Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
