//! What the host tells a controller: replies, results, output, records. Pure encoders; see PROTOCOL.md.

use crate::frame::VERSION;
use crate::status::Status;
use crate::wire::FrameWriter;

/// Frame types from the host.
pub mod kind {
    /// Done, nothing to tell.
    pub const OK: u8 = 128;
    /// Answer to HELLO.
    pub const WELCOME: u8 = 129;
    /// Answer to PING.
    pub const PONG: u8 = 130;
    /// Answer to LOAD.
    pub const LOADED: u8 = 131;
    /// Answer to INIT.
    pub const READY: u8 = 134;
    /// Answer to RUN.
    pub const RESULT: u8 = 135;
    /// Answer to STATS.
    pub const FIGURES: u8 = 137;
    /// A request failed.
    pub const FAILED: u8 = 140;
    /// A line that an invocation printed.
    pub const LOG: u8 = 192;
    /// A call from one function to another inside this NIUk has ended.
    pub const RECORD: u8 = 193;
    /// A function calls one that is not here.
    pub const CALL: u8 = 194;
    /// Something that the controller must act on.
    pub const NOTICE: u8 = 195;
    /// Invocations that may have begun.
    pub const BEGINS: u8 = 196;
    /// The connection ends: the controller broke the protocol.
    pub const ERROR: u8 = 255;
}

/// Flags of RESULT and RECORD.
pub mod flag {
    /// User code began to run.
    pub const BEGAN: u8 = 1;
    /// The isolate was made for this invocation.
    pub const COLD: u8 = 2;
    /// Output beyond the limit was dropped.
    pub const TRUNCATED: u8 = 4;
    /// The isolate could not be stopped; this host must be replaced.
    pub const STUCK: u8 = 8;
}

/// How one invocation went.
#[derive(Debug, Clone, Copy, Default)]
pub struct Timing {
    /// Wall clock when user code began (or the request came, if it never did), nanoseconds since 1970.
    pub start_unix_ns: u64,
    /// Waited for an isolate.
    pub wait_ns: u64,
    /// Creation and init of the isolate, when made for this invocation.
    pub init_ns: u64,
    /// In user code.
    pub run_ns: u64,
    /// Heap in use afterwards, bytes.
    pub memory: u64,
    /// See [`flag`].
    pub flags: u8,
}

/// Facts of the host for WELCOME.
#[derive(Debug, Clone)]
pub struct Greeting {
    /// Process id in its own namespace.
    pub pid: u32,
    /// Time since the process began.
    pub uptime_ns: u64,
    /// Longest payload, bytes.
    pub max_payload: u32,
    /// Most runs at once on all connections.
    pub max_in_flight: u32,
}

/// A call between functions, for RECORD.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// Number of this call within the run; the run itself is 0.
    pub call: u32,
    /// Number of the calling one.
    pub parent: u32,
    /// 1 for a call made by the run itself.
    pub depth: u16,
    /// 32 hexadecimal digits.
    pub activation: &'a str,
    /// The called function, as INIT named it.
    pub function: &'a str,
    /// How it ended.
    pub status: Status,
    /// How it went.
    pub timing: Timing,
    /// JSON object.
    pub result: &'a [u8],
}

/// OK.
pub fn ok(id: u64) -> Vec<u8> {
    FrameWriter::new(kind::OK, id).finish()
}

/// WELCOME.
pub fn welcome(id: u64, greeting: &Greeting) -> Vec<u8> {
    FrameWriter::new(kind::WELCOME, id)
        .u8(VERSION)
        .u8(crate::ABI_VERSION)
        .u32(greeting.pid)
        .u64(greeting.uptime_ns)
        .u32(greeting.max_payload)
        .u32(greeting.max_in_flight)
        .text(env!("CARGO_PKG_VERSION"))
        .finish()
}

/// PONG.
pub fn pong(id: u64, unix_ns: u64) -> Vec<u8> {
    FrameWriter::new(kind::PONG, id).u64(unix_ns).finish()
}

/// LOADED; `already`: the host had it.
pub fn loaded(id: u64, already: bool, took_ns: u64) -> Vec<u8> {
    FrameWriter::new(kind::LOADED, id).u8(u8::from(already)).u64(took_ns).finish()
}

/// READY.
pub fn ready(id: u64, create_ns: u64, init_ns: u64, memory: u64) -> Vec<u8> {
    FrameWriter::new(kind::READY, id).u64(create_ns).u64(init_ns).u64(memory).finish()
}

/// RESULT.
pub fn result(id: u64, status: Status, timing: &Timing, body: &[u8]) -> Vec<u8> {
    put_timing(FrameWriter::new(kind::RESULT, id).u8(status as u8), timing).bytes(body).finish()
}

/// FIGURES: a JSON object.
pub fn figures(id: u64, json: &str) -> Vec<u8> {
    FrameWriter::new(kind::FIGURES, id).text(json).finish()
}

/// FAILED: `body` is a JSON object with a key `error`.
pub fn failed(id: u64, status: Status, body: &[u8]) -> Vec<u8> {
    FrameWriter::new(kind::FAILED, id).u8(status as u8).bytes(body).finish()
}

/// LOG: one line, without its end.
pub fn log(id: u64, call: u32, stream: u8, unix_ns: u64, line: &[u8]) -> Vec<u8> {
    FrameWriter::new(kind::LOG, id).u32(call).u8(stream).u64(unix_ns).bytes(line).finish()
}

/// RECORD.
pub fn record(id: u64, record: &Record<'_>) -> Vec<u8> {
    let head = FrameWriter::new(kind::RECORD, id)
        .u32(record.call)
        .u32(record.parent)
        .u16(record.depth)
        .text(record.activation)
        .text(record.function)
        .u8(record.status as u8);
    put_timing(head, &record.timing).bytes(record.result).finish()
}

/// CALL; `id` is the host's own number, for CALL_RESULT.
pub fn call(id: u64, run: u64, call: u32, left_ms: u32, name: &[u8], params: &[u8]) -> Vec<u8> {
    FrameWriter::new(kind::CALL, id).u64(run).u32(call).u32(left_ms).bytes(name).bytes(params).finish()
}

/// NOTICE: replace this host; `function` is the cause.
pub fn notice_replace(reason: &str, function: &str) -> Vec<u8> {
    FrameWriter::new(kind::NOTICE, 0).u8(1).text(function).text(reason).finish()
}

/// BEGINS: RUNs of `function` up to this id may have begun.
pub fn begins(id: u64, function: &str) -> Vec<u8> {
    FrameWriter::new(kind::BEGINS, id).text(function).finish()
}

/// ERROR: last frame on a connection.
pub fn error(words: &str) -> Vec<u8> {
    FrameWriter::new(kind::ERROR, 0).text(words).finish()
}

fn put_timing(frame: FrameWriter, timing: &Timing) -> FrameWriter {
    frame
        .u8(timing.flags)
        .u64(timing.start_unix_ns)
        .u64(timing.wait_ns)
        .u64(timing.init_ns)
        .u64(timing.run_ns)
        .u64(timing.memory)
}
