//! Requests as fields of a frame's payload, both ways.

use super::{Artifact, Chain, Hello, Init, Load, MOST_STEPS, Policy, Request, Run, kind};
use crate::frame::FrameError;
use crate::wire::{FieldReader, FrameWriter};

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
