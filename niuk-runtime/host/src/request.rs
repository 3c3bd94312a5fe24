//! What a controller may ask: parsed from frames, and encoded again for tests and vectors. Pure. See PROTOCOL.md.

use crate::frame::FrameError;
use crate::wire::{FieldReader, FrameWriter, Hash};

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

impl Request {
    /// Parses the payload of a frame of type `frame`.
    pub fn parse(frame: u8, payload: &[u8]) -> Result<Self, FrameError> {
        let mut fields = FieldReader::new(payload);
        let request = parse_fields(frame, &mut fields)?;
        fields.end()?;
        Ok(request)
    }

    /// The request as a frame.
    pub fn encode(&self, id: u64) -> Vec<u8> {
        match self {
            Self::Hello(hello) => FrameWriter::new(kind::HELLO, id)
                .u8(hello.lowest)
                .u8(hello.highest)
                .u8(u8::from(hello.serves_calls))
                .text(&hello.namespace),
            Self::Ping => FrameWriter::new(kind::PING, id),
            Self::Load(load) => encode_load(load, id),
            Self::Chunk { offset, bytes } => FrameWriter::new(kind::CHUNK, id).u64(*offset).bytes(bytes),
            Self::Unload { hash } => FrameWriter::new(kind::UNLOAD, id).hash(hash),
            Self::Init(init) => encode_init(init, id),
            Self::Run(run) => put_run(FrameWriter::new(kind::RUN, id), run),
            Self::Cancel { run } => FrameWriter::new(kind::CANCEL, id).u64(*run),
            Self::Stats => FrameWriter::new(kind::STATS, id),
            Self::Shutdown { grace_ms } => FrameWriter::new(kind::SHUTDOWN, id).u32(*grace_ms),
            Self::CallResult { status, body } => FrameWriter::new(kind::CALL_RESULT, id).u8(*status).bytes(body),
            Self::Drop { function } => FrameWriter::new(kind::DROP, id).text(function),
            Self::Reseed { unix_ns, entropy } => FrameWriter::new(kind::RESEED, id).u64(*unix_ns).bytes(entropy),
            Self::Grow { function, isolates } => FrameWriter::new(kind::GROW, id).text(function).u16(*isolates),
            Self::Chain(chain) => encode_chain(chain, id),
            Self::Cut { step } => FrameWriter::new(kind::CUT, id).u64(*step),
        }
        .finish()
    }
}

fn parse_fields(frame: u8, fields: &mut FieldReader<'_>) -> Result<Request, FrameError> {
    Ok(match frame {
        kind::HELLO => parse_hello(fields)?,
        kind::PING => Request::Ping,
        kind::LOAD => parse_load(fields)?,
        kind::CHUNK => Request::Chunk { offset: fields.u64()?, bytes: fields.bytes()?.to_vec() },
        kind::UNLOAD => Request::Unload { hash: fields.hash()? },
        kind::INIT => parse_init(fields)?,
        kind::RUN => Request::Run(parse_run(fields)?),
        kind::CANCEL => Request::Cancel { run: fields.u64()? },
        kind::STATS => Request::Stats,
        kind::SHUTDOWN => Request::Shutdown { grace_ms: fields.u32()? },
        kind::CALL_RESULT => Request::CallResult { status: fields.u8()?, body: fields.bytes()?.to_vec() },
        kind::DROP => Request::Drop { function: fields.text()?.to_owned() },
        kind::RESEED => Request::Reseed { unix_ns: fields.u64()?, entropy: fields.bytes()?.to_vec() },
        kind::GROW => Request::Grow { function: fields.text()?.to_owned(), isolates: fields.u16()? },
        kind::CHAIN => Request::Chain(parse_chain(fields)?),
        kind::CUT => Request::Cut { step: fields.u64()? },
        other => return Err(FrameError::Type(other)),
    })
}

fn parse_flag(fields: &mut FieldReader<'_>) -> Result<bool, FrameError> {
    match fields.u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(FrameError::Payload("a flag is neither 0 nor 1")),
    }
}

fn parse_hello(fields: &mut FieldReader<'_>) -> Result<Request, FrameError> {
    Ok(Request::Hello(Hello {
        lowest: fields.u8()?,
        highest: fields.u8()?,
        serves_calls: parse_flag(fields)?,
        namespace: fields.text()?.to_owned(),
    }))
}

fn parse_load(fields: &mut FieldReader<'_>) -> Result<Request, FrameError> {
    let hash = fields.hash()?;
    let artifact = match fields.u8()? {
        1 => Artifact::Library,
        2 => Artifact::Code,
        _ => return Err(FrameError::Payload("unknown kind of artifact")),
    };
    let verify = parse_flag(fields)?;
    Ok(Request::Load(Load { hash, artifact, verify, size: fields.u64()?, path: fields.text()?.to_owned() }))
}

fn encode_load(load: &Load, id: u64) -> FrameWriter {
    let artifact = match load.artifact {
        Artifact::Library => 1,
        Artifact::Code => 2,
    };
    FrameWriter::new(kind::LOAD, id)
        .hash(&load.hash)
        .u8(artifact)
        .u8(u8::from(load.verify))
        .u64(load.size)
        .text(&load.path)
}

fn parse_init(fields: &mut FieldReader<'_>) -> Result<Request, FrameError> {
    Ok(Request::Init(Box::new(Init {
        function: fields.text()?.to_owned(),
        address: fields.text()?.to_owned(),
        library: fields.hash()?,
        code: fields.hash()?,
        request: fields.bytes()?.to_vec(),
        heap_limit: fields.u64()?,
        init_timeout_ms: fields.u32()?,
        run_timeout_ms: fields.u32()?,
        log_limit: fields.u32()?,
        defaults: fields.bytes()?.to_vec(),
        call_environment: fields.bytes()?.to_vec(),
        policy: Policy {
            spares: fields.u16()?,
            most: fields.u16()?,
            queue: fields.u16()?,
            max_uses: fields.u32()?,
            idle_ms: fields.u32()?,
            recycle_bytes: fields.u64()?,
            recycle_threads: parse_flag(fields)?,
            patience_ms: fields.u32()?,
        },
    })))
}

fn encode_init(init: &Init, id: u64) -> FrameWriter {
    let policy = init.policy;
    FrameWriter::new(kind::INIT, id)
        .text(&init.function)
        .text(&init.address)
        .hash(&init.library)
        .hash(&init.code)
        .bytes(&init.request)
        .u64(init.heap_limit)
        .u32(init.init_timeout_ms)
        .u32(init.run_timeout_ms)
        .u32(init.log_limit)
        .bytes(&init.defaults)
        .bytes(&init.call_environment)
        .u16(policy.spares)
        .u16(policy.most)
        .u16(policy.queue)
        .u32(policy.max_uses)
        .u32(policy.idle_ms)
        .u64(policy.recycle_bytes)
        .u8(u8::from(policy.recycle_threads))
        .u32(policy.patience_ms)
}

fn parse_run(fields: &mut FieldReader<'_>) -> Result<Run, FrameError> {
    Ok(Run {
        function: fields.text()?.to_owned(),
        timeout_ms: fields.u32()?,
        wait_ms: fields.u32()?,
        environment: fields.bytes()?.to_vec(),
        params: fields.bytes()?.to_vec(),
    })
}

fn put_run(frame: FrameWriter, run: &Run) -> FrameWriter {
    frame.text(&run.function).u32(run.timeout_ms).u32(run.wait_ms).bytes(&run.environment).bytes(&run.params)
}

fn parse_chain(fields: &mut FieldReader<'_>) -> Result<Chain, FrameError> {
    let longest_result = fields.u32()?;
    let count = usize::from(fields.u16()?);
    if !(1..=MOST_STEPS).contains(&count) {
        return Err(FrameError::Payload("a chain of no steps, or of too many"));
    }
    let steps = (0..count).map(|_| parse_run(fields)).collect::<Result<_, _>>()?;
    Ok(Chain { longest_result, steps })
}

fn encode_chain(chain: &Chain, id: u64) -> FrameWriter {
    let count = u16::try_from(chain.steps.len()).unwrap_or(u16::MAX);
    chain.steps.iter().fold(FrameWriter::new(kind::CHAIN, id).u32(chain.longest_result).u16(count), put_run)
}
