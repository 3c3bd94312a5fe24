//! One frame of each type, as it must look on the wire; the Python client checks the same file.
//! `UPDATE_VECTORS=1 cargo test --test vectors` writes it anew.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use niuk_host::frame::{HEADER_LENGTH, Header, Incoming, MAX_PAYLOAD, read_frame};
use niuk_host::report::{self, Record, Timing};
use niuk_host::request::{Artifact, Chain, Hello, Init, Load, Policy, Request, Run};
use niuk_host::status::Status;
use niuk_host::wire::FrameWriter;
use proptest::prelude::*;

fn requests() -> Vec<(&'static str, Request)> {
    let policy = Policy {
        spares: 1,
        most: 32,
        queue: 256,
        max_uses: 1000,
        idle_ms: 60_000,
        recycle_bytes: 1 << 30,
        recycle_threads: true,
        patience_ms: 20,
    };
    let init = Init {
        function: "/guest/hello@7".into(),
        address: "/guest/hello".into(),
        library: [0xAB; 32],
        code: [0; 32],
        request: br#"{"name":"hello","heap":134217728}"#.to_vec(),
        heap_limit: 134_217_728,
        init_timeout_ms: 60_000,
        run_timeout_ms: 30_000,
        log_limit: 10 << 20,
        defaults: br#"{"greeting":"hi"}"#.to_vec(),
        call_environment: br#"{"__OW_ACTION_NAME":"/guest/hello"}"#.to_vec(),
        policy,
    };
    let run = Run {
        function: "/guest/hello@7".into(),
        timeout_ms: 60_000,
        wait_ms: 5_000,
        environment: br#"{"__OW_ACTIVATION_ID":"0123"}"#.to_vec(),
        params: "{\"name\":\"Zoë\"}".as_bytes().to_vec(),
    };
    let second = Run { function: "/guest/bye@2".into(), params: br#"{"greeting":"bye"}"#.to_vec(), ..run.clone() };
    let chain = Chain { longest_result: 1 << 20, steps: vec![run.clone(), second] };
    let load =
        Load { hash: [0xAB; 32], artifact: Artifact::Library, verify: true, size: 12, path: "/lib/hello.so".into() };
    let code = Load { hash: [1; 32], artifact: Artifact::Code, verify: false, size: 1 << 40, path: String::new() };
    vec![
        ("hello", Request::Hello(Hello { lowest: 1, highest: 1, serves_calls: true, namespace: "guest".into() })),
        ("ping", Request::Ping),
        ("load_library", Request::Load(load)),
        ("load_code", Request::Load(code)),
        ("chunk", Request::Chunk { offset: 1 << 33, bytes: vec![0, 255, 7] }),
        ("unload", Request::Unload { hash: [2; 32] }),
        ("init", Request::Init(Box::new(init))),
        ("run", Request::Run(run)),
        ("cancel", Request::Cancel { run: u64::MAX }),
        ("stats", Request::Stats),
        ("shutdown", Request::Shutdown { grace_ms: 1500 }),
        ("call_result", Request::CallResult { status: 0, body: b"{}".to_vec() }),
        ("drop", Request::Drop { function: "/guest/hello@7".into() }),
        ("reseed", Request::Reseed { unix_ns: 1_700_000_000_000_000_000, entropy: vec![9; 32] }),
        ("grow", Request::Grow { function: "/guest/hello@7".into(), isolates: 300 }),
        ("chain", Request::Chain(chain)),
        ("cut", Request::Cut { step: 78 }),
    ]
}

fn reports() -> Vec<(&'static str, Vec<u8>)> {
    let timing =
        Timing { start_unix_ns: 1_700_000_000_000_000_001, wait_ns: 2, init_ns: 3, run_ns: 4, memory: 5, flags: 3 };
    let greeting = report::Greeting { pid: 42, uptime_ns: 1_000_000, max_payload: MAX_PAYLOAD, max_in_flight: 4096 };
    let record = Record {
        call: 1,
        parent: 0,
        depth: 1,
        activation: "0123456789abcdef0123456789abcdef",
        function: "/guest/hello@7",
        status: Status::Ok,
        timing,
        result: b"{\"ok\":true}",
    };
    vec![
        ("ok", report::ok(1)),
        ("welcome", report::welcome(1, &greeting)),
        ("pong", report::pong(2, 3)),
        ("loaded", report::loaded(3, true, 4)),
        ("ready", report::ready(4, 5, 6, 7)),
        ("result", report::result(5, Status::TimedOut, &timing, b"{\"error\":\"late\"}")),
        ("figures", report::figures(6, "{\"pid\":1}")),
        ("failed", report::failed(7, Status::NotLoaded, b"{\"error\":\"no\"}")),
        ("log", report::log(8, 0, 2, 9, b"caf\xc3\xa9 \xff")),
        ("record", report::record(9, &record)),
        ("call", report::call(10, 11, 12, 13, b"other", b"{}")),
        ("notice", report::notice_replace("stuck", "/guest/hello@7")),
        ("begins", report::begins(12, "/guest/hello@7")),
        ("error", report::error("not a NIUk frame")),
    ]
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn frames_look_as_written_down() {
    let mut lines: Vec<String> =
        requests().iter().map(|(name, request)| format!("{name} {}", hexadecimal(&request.encode(77)))).collect();
    lines.extend(reports().iter().map(|(name, frame)| format!("{name} {}", hexadecimal(frame))));
    let text = lines.join("\n") + "\n";
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors.txt");
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), text);
}

fn header_of(frame: &[u8]) -> Header {
    Header::parse(frame[..HEADER_LENGTH].try_into().unwrap(), MAX_PAYLOAD).unwrap()
}

#[test]
fn requests_come_back_as_they_were() {
    for (name, request) in requests() {
        let frame = request.encode(77);
        let header = header_of(&frame);
        assert_eq!((header.id, header.length as usize), (77, frame.len() - HEADER_LENGTH), "{name}");
        assert_eq!(Request::parse(header.kind, &frame[HEADER_LENGTH..]).unwrap(), request, "{name}");
    }
}

#[test]
fn every_cut_and_every_extra_byte_is_malformed() {
    for (name, request) in requests() {
        let frame = request.encode(1);
        let (kind, payload) = (header_of(&frame).kind, &frame[HEADER_LENGTH..]);
        for length in 0..payload.len() {
            assert!(Request::parse(kind, &payload[..length]).is_err(), "{name} cut at {length}");
        }
        assert!(Request::parse(kind, &[payload, &[0]].concat()).is_err(), "{name} and a byte");
    }
}

/// Numbers below a bound, the same from the same seed.
fn numbers(seed: u64) -> impl FnMut(usize) -> usize {
    let mut state = seed;
    move |bound| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % bound
    }
}

/// Streams of frames with bytes changed, cut, doubled and moved, through the reader and the parser: for `NIUK_FUZZ_SECONDS`,
/// from `NIUK_FUZZ_SEED`. No host and no system call is behind it, so that nothing on the machine can change.
#[test]
#[ignore = "runs for as long as NIUK_FUZZ_SECONDS says"]
fn mutated_streams_never_panic() {
    let setting = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seconds = setting("NIUK_FUZZ_SECONDS").unwrap_or(60);
    let frames: Vec<Vec<u8>> = requests().iter().map(|(_, request)| request.encode(1)).collect();
    let mut next = numbers(setting("NIUK_FUZZ_SEED").unwrap_or(1));
    let until = std::time::Instant::now() + std::time::Duration::from_secs(seconds);
    let (mut streams, mut read, mut parsed) = (0_u64, 0_u64, 0_u64);
    while std::time::Instant::now() < until {
        for _ in 0..10_000 {
            let stream = mutated(&frames, &mut next);
            streams += 1;
            let mut rest = stream.as_slice();
            while let Ok(Incoming::Frame(header, payload)) = read_frame(&mut rest, 1 << next(24)) {
                read += 1;
                if let Ok(request) = Request::parse(header.kind, &payload) {
                    parsed += 1;
                    assert_eq!(&request.encode(header.id)[HEADER_LENGTH..], &payload[..]);
                }
            }
        }
    }
    println!("{streams} streams, {read} frames read, {parsed} parsed, in {seconds} s");
    assert!(parsed > 0);
}

fn mutated(frames: &[Vec<u8>], next: &mut impl FnMut(usize) -> usize) -> Vec<u8> {
    let mut stream = Vec::new();
    for _ in 0..=next(4) {
        stream.extend_from_slice(&frames[next(frames.len())]);
    }
    for _ in 0..next(6) {
        let at = next(stream.len());
        match next(5) {
            0 => stream[at] = next(256) as u8,
            1 => stream[at] ^= 1 << next(8),
            2 => stream.truncate(at + 1),
            3 => stream.insert(at, next(256) as u8),
            _ => {
                let end = at + next(stream.len() - at);
                let piece = stream[at..end].to_vec();
                stream.extend_from_slice(&piece);
            }
        }
    }
    stream
}

/// The same in small, with a fixed seed: mutated payloads of every type, 400,000 of them.
#[test]
fn seeded_mutations_never_panic() {
    let frames: Vec<Vec<u8>> = requests().iter().map(|(_, request)| request.encode(1)).collect();
    let mut next = numbers(0x5EED);
    let mut accepted = 0;
    for _ in 0..400_000 {
        let mut payload = frames[next(frames.len())][HEADER_LENGTH..].to_vec();
        for _ in 0..next(4) {
            if !payload.is_empty() {
                let at = next(payload.len());
                payload[at] = next(256) as u8;
            }
        }
        payload.truncate(payload.len() - next(payload.len() + 1) * next(2));
        accepted += usize::from(Request::parse(next(18) as u8, &payload).is_ok());
    }
    assert!(accepted > 0);
}

proptest! {
    #[test]
    fn any_payload_is_parsed_or_refused(kind: u8, payload in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(request) = Request::parse(kind, &payload) {
            prop_assert_eq!(&request.encode(0)[HEADER_LENGTH..], &payload[..]);
        }
    }

    #[test]
    fn any_header_is_parsed_or_refused(bytes: [u8; HEADER_LENGTH], limit: u32) {
        if let Ok(header) = Header::parse(&bytes, limit) {
            prop_assert!(header.length <= limit);
            prop_assert_eq!(header.encode(), bytes);
        }
    }

    #[test]
    fn runs_come_back_as_they_were(function: String, timeout_ms: u32, wait_ms: u32, params: Vec<u8>, environment: Vec<u8>) {
        let request = Request::Run(Run { function, timeout_ms, wait_ms, environment, params });
        let frame = request.encode(5);
        prop_assert_eq!(Request::parse(7, &frame[HEADER_LENGTH..]).unwrap(), request);
    }
}

#[test]
fn a_writer_states_its_length() {
    let frame = FrameWriter::new(200, 9).u16(0x0102).text("ab").finish();
    assert_eq!(hexadecimal(&frame), "4e4b01c8080000000900000000000000020102000000".to_owned() + "6162");
}
