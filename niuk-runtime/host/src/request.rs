//! What a controller may ask: parsed from frames, and encoded again for tests and vectors. Pure. See PROTOCOL.md.

mod coding;

use crate::wire::Hash;

/// Frame types from a controller.
pub mod kind {
    /// Handshake; first on every connection.
    pub const HELLO: u8 = 1;
    /// Are you there?
    pub const PING: u8 = 2;
    /// Announce a library or code by content hash.
    pub const LOAD: u8 = 3;
    /// A piece of a streamed LOAD.
    pub const CHUNK: u8 = 4;
    /// Forget a library or code.
    pub const UNLOAD: u8 = 5;
    /// Make a function of a library (and code) and its first isolate.
    pub const INIT: u8 = 6;
    /// Invoke a function.
    pub const RUN: u8 = 7;
    /// End a run.
    pub const CANCEL: u8 = 8;
    /// Ask for figures.
    pub const STATS: u8 = 9;
    /// Finish what runs, then end.
    pub const SHUTDOWN: u8 = 10;
    /// The answer to a CALL of the host.
    pub const CALL_RESULT: u8 = 11;
    /// Forget a function and tear its isolates down.
    pub const DROP: u8 = 12;
    /// Fresh entropy and the time, for a host restored from a snapshot.
    pub const RESEED: u8 = 13;
    /// Make more isolates of a function.
    pub const GROW: u8 = 14;
    /// Invoke functions one after the other, each on the result of the one before.
    pub const CHAIN: u8 = 15;
    /// Let a step of a chain not begin.
    pub const CUT: u8 = 16;
}

/// What LOAD brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Artifact {
    /// A function library: a shared object.
    Library,
    /// A function's code for an engine library: source text or a zip.
    Code,
}

/// HELLO.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// Lowest protocol version that the controller speaks.
    pub lowest: u8,
    /// Highest protocol version that the controller speaks.
    pub highest: u8,
    /// The controller answers CALL frames.
    pub serves_calls: bool,
    /// The one namespace that this NIUk serves.
    pub namespace: String,
}

/// LOAD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Load {
    /// SHA-256 of the bytes.
    pub hash: Hash,
    /// Library or code.
    pub artifact: Artifact,
    /// Hash the file at `path` too (streamed bytes are always hashed).
    pub verify: bool,
    /// Number of bytes; ignored for a path.
    pub size: u64,
    /// File in the host's view, or empty: CHUNK frames follow.
    pub path: String,
}

/// INIT: everything the host must know of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Init {
    /// The controller's name for this revision of the function; what RUN names.
    pub function: String,
    /// `/namespace/[package/]name`: what `argo.invoke` finds; empty for none.
    pub address: String,
    /// The function library.
    pub library: Hash,
    /// The code for an engine, or zeros.
    pub code: Hash,
    /// JSON request given to the library's init.
    pub request: Vec<u8>,
    /// Heap limit of an isolate in bytes; 0 for none.
    pub heap_limit: u64,
    /// Time limit of creation and init, milliseconds.
    pub init_timeout_ms: u32,
    /// Time limit of a run that another function starts, milliseconds.
    pub run_timeout_ms: u32,
    /// Bytes of output kept of one invocation.
    pub log_limit: u32,
    /// JSON object: parameters that a call from another function does not set.
    pub defaults: Vec<u8>,
    /// JSON object: environment of a call from another function.
    pub call_environment: Vec<u8>,
    /// How its isolates are kept.
    pub policy: Policy,
}

/// How many isolates a function has and when one is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Ready isolates kept ahead of demand.
    pub spares: u16,
    /// Most isolates at once.
    pub most: u16,
    /// Invocations that may wait for an isolate.
    pub queue: u16,
    /// Runs after which an isolate is replaced; 0: never.
    pub max_uses: u32,
    /// Milliseconds after which an idle isolate beyond the spares is torn down.
    pub idle_ms: u32,
    /// Committed heap after a run above which the isolate is replaced; 0: never.
    pub recycle_bytes: u64,
    /// Replace an isolate in which a run left threads behind.
    pub recycle_threads: bool,
    /// Milliseconds for which an invocation waits before an isolate is added for it; 0: it gets one at once.
    pub patience_ms: u32,
}

/// RUN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// The function, as INIT named it.
    pub function: String,
    /// Time limit of the run itself, milliseconds.
    pub timeout_ms: u32,
    /// Longest wait for an isolate, milliseconds.
    pub wait_ms: u32,
    /// JSON object of strings, or empty.
    pub environment: Vec<u8>,
    /// JSON object given to the function.
    pub params: Vec<u8>,
}

/// CHAIN: runs one after the other. Of those behind the first, `params` is what the result of the one before is laid
/// over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// A result that is longer is the last of the chain, bytes.
    pub longest_result: u32,
    /// 1 to [`MOST_STEPS`].
    pub steps: Vec<Run>,
}

/// Most steps of one chain.
pub const MOST_STEPS: usize = 64;

/// A request, typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Handshake.
    Hello(Hello),
    /// Are you there?
    Ping,
    /// Announce an artifact.
    Load(Load),
    /// A piece of an artifact.
    Chunk {
        /// Where the piece starts.
        offset: u64,
        /// The piece.
        bytes: Vec<u8>,
    },
    /// Forget an artifact.
    Unload {
        /// Its hash.
        hash: Hash,
    },
    /// Make a function.
    Init(Box<Init>),
    /// Invoke a function.
    Run(Run),
    /// End a run.
    Cancel {
        /// The RUN's frame id.
        run: u64,
    },
    /// Figures.
    Stats,
    /// Finish and end.
    Shutdown {
        /// Milliseconds that running invocations get.
        grace_ms: u32,
    },
    /// Answer to a CALL.
    CallResult {
        /// 0: `body` is the result; else an error.
        status: u8,
        /// JSON object.
        body: Vec<u8>,
    },
    /// Forget a function.
    Drop {
        /// As INIT named it.
        function: String,
    },
    /// After a restore.
    Reseed {
        /// Wall clock, nanoseconds since 1970.
        unix_ns: u64,
        /// Entropy for the kernel's pool.
        entropy: Vec<u8>,
    },
    /// Make isolates ahead of invocations.
    Grow {
        /// As INIT named it.
        function: String,
        /// So many in all, those that serve included.
        isolates: u16,
    },
    /// Invoke functions one after the other.
    Chain(Chain),
    /// Let a step of a chain not begin, nor those behind it.
    Cut {
        /// The step's id.
        step: u64,
    },
}
