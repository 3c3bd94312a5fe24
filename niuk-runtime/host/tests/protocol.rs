//! Connections: handshake, artifacts, and bytes that are no protocol at all.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use common::{HostProcess, failure, fake_library, hello, library_hash, run_of};
use niuk_host::report::kind;
use niuk_host::request::{Artifact, Hello, Load, Request};
use niuk_host::status::Status;
use sha2::{Digest, Sha256};

/// What the host says to `bytes`, up to the end of the connection.
fn last_words(host: &HostProcess, bytes: &[u8]) -> String {
    let mut stream = host.connect_raw();
    // The host may have ended the connection before it has read all.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut said = Vec::new();
    // The host may close with our bytes unread: a reset is an end, too.
    let _ = stream.read_to_end(&mut said);
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn refuses_what_is_no_frame_and_lives_on() {
    let host = HostProcess::start();
    let greeting = hello("guest").encode(1);
    let mut other_version = greeting.clone();
    other_version[2] = 9;
    let mut too_long = greeting.clone();
    too_long[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    let mut trailing = greeting.clone();
    trailing.push(0);
    trailing[4] += 1;
    let twice = [greeting.clone(), greeting.clone()].concat();
    let unknown = [greeting.clone(), niuk_host::wire::FrameWriter::new(77, 2).finish()].concat();
    let old = Request::Hello(Hello { lowest: 2, highest: 3, serves_calls: false, namespace: "guest".into() });
    for (bytes, words) in [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), "not a NIUk frame"),
        (other_version, "version 9"),
        (too_long, "the limit is 1024"),
        (trailing, "follow the last field"),
        (Request::Ping.encode(1), "HELLO comes first"),
        (twice, "a second HELLO"),
        (unknown, "unknown frame type 77"),
        (old.encode(1), "version 3"),
    ] {
        let said = last_words(&host, &bytes);
        assert!(said.contains(words), "{words}: {said}");
    }
    last_words(&host, &greeting[..10]);
    assert_eq!(host.connect().call(&Request::Ping).kind, kind::PONG);
}

#[test]
fn serves_one_namespace() {
    let host = HostProcess::start();
    host.connect();
    assert!(last_words(&host, &hello("other").encode(1)).contains("another namespace"));
}

#[test]
fn takes_a_library_in_pieces() {
    let host = HostProcess::start();
    let mut client = host.connect();
    let bytes = std::fs::read(fake_library()).unwrap();
    let load = |hash| {
        let size = bytes.len() as u64;
        Request::Load(Load { hash, artifact: Artifact::Library, verify: true, size, path: String::new() })
    };
    for (hash, wanted) in [([9; 32], kind::FAILED), (library_hash(), kind::LOADED)] {
        let id = client.send(&load(hash));
        let mut offset = 0;
        for piece in bytes.chunks(5000) {
            let chunk = Request::Chunk { offset, bytes: piece.to_vec() };
            client.stream.write_all(&chunk.encode(id)).unwrap();
            offset += piece.len() as u64;
        }
        assert_eq!(client.reply(id).kind, wanted);
    }
    assert_eq!(client.init("f", |_| {}).kind, kind::READY);
    assert_eq!(client.run("f", "{}").status, 0);
}

#[test]
fn an_upload_out_of_order_fails_alone() {
    let host = HostProcess::start();
    let mut client = host.connect();
    let load = Load { hash: [1; 32], artifact: Artifact::Code, verify: true, size: 10, path: String::new() };
    let id = client.send(&Request::Load(load.clone()));
    client.stream.write_all(&Request::Chunk { offset: 5, bytes: vec![0; 3] }.encode(id)).unwrap();
    assert_eq!(failure(&client.reply(id)).0, Status::NotLoaded as u8);
    let huge = Request::Load(Load { size: u64::MAX, ..load });
    assert_eq!(failure(&client.call(&huge)).0, Status::NotLoaded as u8);
    assert_eq!(client.call(&Request::Ping).kind, kind::PONG);
}

#[test]
fn code_reaches_the_library() {
    let host = HostProcess::start();
    let mut client = host.connect();
    client.load_fake();
    let code = b"function main() {}";
    let hash = Sha256::digest(code).into();
    let load = Load { hash, artifact: Artifact::Code, verify: true, size: code.len() as u64, path: String::new() };
    let id = client.send(&Request::Load(load));
    client.stream.write_all(&Request::Chunk { offset: 0, bytes: code.to_vec() }.encode(id)).unwrap();
    assert_eq!(client.reply(id).kind, kind::LOADED);
    assert_eq!(client.init("f", |init| init.code = hash).kind, kind::READY);
    assert_eq!(client.run("f", r#"{"do":"code"}"#).body, r#"{"code":"function main() {}"}"#);
    assert_eq!(client.call(&Request::Unload { hash }).kind, kind::OK);
    assert_eq!(client.call(&Request::Unload { hash }).kind, kind::FAILED);
}

#[test]
fn a_file_that_is_no_function_library_is_refused_in_words() {
    let host = HostProcess::start();
    let mut client = host.connect();
    let load = |path: &str, verify| {
        Request::Load(Load { hash: [3; 32], artifact: Artifact::Library, verify, size: 0, path: path.into() })
    };
    assert!(failure(&client.call(&load("/nowhere.so", false))).1.contains("nowhere"));
    assert!(failure(&client.call(&load("libc.so.6", false))).1.contains("argo_v1_version"));
    assert!(failure(&client.call(&load(fake_library().to_str().unwrap(), true))).1.contains("another hash"));
}

#[test]
fn leaves_the_clock_of_a_machine_that_is_not_its_own() {
    let host = HostProcess::start();
    let mut client = host.connect();
    let before = std::time::SystemTime::now();
    let reply = client.call(&Request::Reseed { unix_ns: 1, entropy: vec![1; 32] });
    assert_eq!(failure(&reply).0, Status::BadRequest as u8);
    assert!(std::time::SystemTime::now() >= before);
}

#[test]
fn shuts_down_after_what_runs() {
    let mut host = HostProcess::start();
    let mut client = host.connect_with(|_| {});
    let id = client.send_run(run_of("f", r#"{"do":"sleep","ms":100}"#));
    let end = client.send(&Request::Shutdown { grace_ms: 10_000 });
    assert_eq!(client.answer(id).status, 0);
    assert_eq!(client.reply(end).kind, kind::OK);
    assert!(host.child.wait().unwrap().success());
}

#[test]
fn shuts_down_in_spite_of_what_runs() {
    let mut host = HostProcess::start();
    let mut client = host.connect_with(|_| {});
    client.send_run(run_of("f", r#"{"do":"stuck"}"#));
    client.send(&Request::Shutdown { grace_ms: 20 });
    assert!(host.child.wait().unwrap().success());
}

#[test]
fn functions_cannot_start_programs_or_gain_privileges() {
    let host = HostProcess::start();
    let mut client = host.connect_with(|_| {});
    let status = std::fs::read_to_string(format!("/proc/{}/status", host.child.id())).unwrap();
    assert!(status.contains("NoNewPrivs:\t1") && status.contains("Seccomp:\t2"), "{status}");
    assert_eq!(client.run("f", r#"{"do":"execute"}"#).body, r#"{"errno":1}"#);
    let open = HostProcess::start_with(&["--unconfined"]);
    assert_eq!(open.connect_with(|_| {}).run("f", r#"{"do":"execute"}"#).body, r#"{"errno":0}"#);
}

/// Random, half-right and mutated bytes against a live host: connections end, the host does not.
/// `NIUK_STORM_SECONDS=3600 cargo test --release --test protocol storm` goes on for an hour.
#[test]
fn survives_a_seeded_storm_of_bytes() {
    let mut host = HostProcess::start();
    let mut client = host.connect_with(|_| {});
    let seeds = [
        hello("guest").encode(1),
        Request::Ping.encode(2),
        Request::Stats.encode(3),
        Request::Run(run_of("f", r#"{"do":"print"}"#)).encode(4),
        Request::Init(Box::new(common::init_of("h"))).encode(5),
        Request::Chunk { offset: 0, bytes: vec![1; 64] }.encode(6),
    ];
    let mut random = Random(0x5EED);
    let seconds = std::env::var("NIUK_STORM_SECONDS").map_or(0, |text| text.parse().unwrap());
    let end = Instant::now() + Duration::from_secs(seconds);
    let mut round = 0;
    while round < 400 || Instant::now() < end {
        round += 1;
        let mut bytes = if random.below(4) == 0 { Vec::new() } else { seeds[0].clone() };
        for _ in 0..random.below(6) {
            let mut piece = seeds[random.below(seeds.len())].clone();
            for _ in 0..random.below(3) {
                let at = random.below(piece.len());
                piece[at] = random.next() as u8;
            }
            piece.truncate(piece.len() - random.below(2) * random.below(piece.len()));
            bytes.extend(piece);
        }
        last_words(&host, &bytes);
    }
    assert!(host.is_alive());
    assert_eq!(client.run("f", r#"{"x":1}"#).body, r#"{"x":1}"#);
}

/// SplitMix64: the same storm on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed ^ (mixed >> 27)
    }

    fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }
}
