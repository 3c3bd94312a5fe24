//! Functions that share an isolate: an engine's, each with code of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{Client, HostProcess, run_of};
use niuk_host::report::kind;
use niuk_host::request::{Artifact, Init, Load, Request};
use niuk_host::status::Status;
use sha2::{Digest, Sha256};

/// A function with code, which the fake library gives back when asked.
fn engine_function(client: &mut Client, name: &str, change: impl FnOnce(&mut Init)) {
    let code = format!("code of {name}");
    let hash = Sha256::digest(&code).into();
    let size = code.len() as u64;
    let load = Load { hash, artifact: Artifact::Code, verify: true, size, path: String::new() };
    let id = client.send(&Request::Load(load));
    client.send_as(id, &Request::Chunk { offset: 0, bytes: code.into_bytes() });
    assert_eq!(client.reply(id).kind, kind::LOADED);
    let reply = client.init(name, |init| {
        init.code = hash;
        change(init);
    });
    assert_eq!(reply.kind, kind::READY, "{}", String::from_utf8_lossy(&reply.payload));
}

fn functions(host: &HostProcess, names: &[&str]) -> Client {
    let mut client = host.connect();
    client.load_fake();
    for name in names {
        engine_function(&mut client, name, |_| {});
    }
    client
}

/// A host with a function `f` that has run, after the init of another one in its isolate has failed.
fn beside_one_that_fails(change: impl FnOnce(&mut Init)) -> (HostProcess, Client) {
    let host = HostProcess::start();
    let mut client = functions(&host, &["f"]);
    client.run("f", "{}");
    let failed = client.init("bad", |init| {
        init.code = Sha256::digest("code of f").into();
        change(init);
    });
    assert_eq!(failed.kind, kind::FAILED);
    (host, client)
}

/// Numbers of all isolates, each once.
fn isolates(client: &mut Client) -> Vec<u64> {
    let stats = client.stats();
    let parts = stats.split("{\"id\":").skip(1);
    let mut ids: Vec<u64> = parts.map(|part| part[..part.find(',').unwrap()].parse().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

#[test]
fn functions_of_an_engine_share_an_isolate_and_nothing_in_it() {
    let host = HostProcess::start();
    let mut client = functions(&host, &["f", "g", "h"]);
    for round in 1..=3 {
        for name in ["f", "g", "h"] {
            assert_eq!(client.run(name, r#"{"do":"code"}"#).body, format!(r#"{{"code":"code of {name}"}}"#));
            assert_eq!(client.run(name, r#"{"do":"uses"}"#).body, format!(r#"{{"uses":{}}}"#, 2 * round));
        }
    }
    assert_eq!(isolates(&mut client).len(), 1);
}

#[test]
fn compiled_functions_and_those_with_other_limits_do_not_share() {
    let host = HostProcess::start();
    let mut client = host.connect_with(|_| {});
    engine_function(&mut client, "small", |init| init.heap_limit = 1 << 20);
    engine_function(&mut client, "large", |init| init.heap_limit = 1 << 30);
    engine_function(&mut client, "worn", |init| init.policy.max_uses = 1000);
    for name in ["small", "large", "worn"] {
        client.run(name, "{}");
    }
    assert_eq!(isolates(&mut client).len(), 4);
}

#[test]
fn one_that_finds_the_isolate_at_work_for_long_gets_its_own() {
    let host = HostProcess::start();
    let mut client = functions(&host, &["f", "g"]);
    let long = client.send_run(run_of("f", r#"{"do":"loop"}"#));
    client.await_stats(r#""busy":1"#);
    assert_eq!(client.run("g", r#"{"do":"code"}"#).body, r#"{"code":"code of g"}"#);
    assert_eq!(isolates(&mut client).len(), 2);
    client.call(&Request::Cancel { run: long });
    assert_eq!(client.answer(long).status, Status::Cancelled as u8);
    assert_eq!(client.run("f", r#"{"do":"code"}"#).body, r#"{"code":"code of f"}"#);
}

#[test]
fn one_that_wants_to_move_in_meanwhile_moves_in_elsewhere() {
    let host = HostProcess::start();
    let mut client = functions(&host, &["f"]);
    let long = client.send_run(run_of("f", r#"{"do":"loop"}"#));
    client.await_stats(r#""busy":1"#);
    engine_function(&mut client, "g", |_| {});
    assert_eq!(client.run("g", r#"{"do":"code"}"#).body, r#"{"code":"code of g"}"#);
    client.call(&Request::Cancel { run: long });
    assert_eq!(client.answer(long).status, Status::Cancelled as u8);
}

#[test]
fn one_that_calls_its_neighbour_waits_for_nobody() {
    let host = HostProcess::start();
    let mut client = functions(&host, &["f", "g"]);
    for _ in 0..3 {
        let answer = client.run("f", r#"{"do":"invoke","name":"g","params":{"do":"code"}}"#);
        assert_eq!(answer.body, r#"{"status":0,"result":{"code":"code of g"}}"#);
    }
    assert_eq!(isolates(&mut client).len(), 2);
}

#[test]
fn what_spends_the_isolate_leaves_its_neighbours_a_new_one() {
    let host = HostProcess::start();
    let mut client = functions(&host, &["f", "g", "h"]);
    let first = isolates(&mut client);
    assert_eq!(client.run("f", r#"{"do":"exit"}"#).status, Status::Exited as u8);
    for name in ["g", "h", "f"] {
        assert_eq!(client.run(name, r#"{"do":"uses"}"#).body, r#"{"uses":1}"#);
    }
    let second = isolates(&mut client);
    assert_eq!(second.len(), 1);
    assert_ne!(first, second);
}

#[test]
fn one_that_runs_out_of_memory_or_needs_much_lives_alone_afterwards() {
    let host = HostProcess::start();
    let mut client = functions(&host, &["f", "g", "h"]);
    assert_eq!(client.run("f", r#"{"do":"oom"}"#).status, Status::OutOfMemory as u8);
    for name in ["f", "g", "h"] {
        client.run(name, "{}");
    }
    assert_eq!(isolates(&mut client).len(), 2);
    client.run("g", r#"{"do":"grow","bytes":100000000}"#);
    assert_eq!(client.run("g", r#"{"do":"uses"}"#).body, r#"{"uses":1}"#);
}

#[test]
fn an_init_that_fails_leaves_its_neighbours_alone() {
    let (_host, mut client) = beside_one_that_fails(|init| init.request = br#"{"fail":1}"#.to_vec());
    assert_eq!(client.run("f", r#"{"do":"uses"}"#).body, r#"{"uses":2}"#);
    assert_eq!(isolates(&mut client).len(), 1);
}

#[test]
fn an_init_that_hangs_is_ended_and_its_neighbours_get_another_isolate() {
    let (_host, mut client) = beside_one_that_fails(|init| {
        init.request = br#"{"hang":1}"#.to_vec();
        init.init_timeout_ms = 50;
    });
    assert_eq!(client.run("f", r#"{"do":"uses"}"#).body, r#"{"uses":1}"#);
}

#[test]
fn what_is_printed_while_loading_is_its_own_functions() {
    let host = HostProcess::start();
    let mut client = functions(&host, &["f"]);
    engine_function(&mut client, "g", |init| init.request = br#"{"print":1}"#.to_vec());
    let quiet = client.send_run(run_of("f", "{}"));
    client.answer(quiet);
    assert_eq!(client.lines(quiet), []);
    let loud = client.send_run(run_of("g", "{}"));
    client.answer(loud);
    assert_eq!(client.lines(loud), [(0, 1, "init".to_owned())]);
}

#[test]
fn one_that_is_dropped_leaves_the_isolate_to_the_others() {
    let host = HostProcess::start();
    let mut client = functions(&host, &["f", "g"]);
    let gone = |client: &mut Client, name: &str| client.call(&Request::Drop { function: name.into() }).kind;
    assert_eq!(gone(&mut client, "f"), kind::OK);
    assert_eq!(client.run("g", r#"{"do":"uses"}"#).body, r#"{"uses":1}"#);
    assert_eq!(gone(&mut client, "g"), kind::OK);
    engine_function(&mut client, "h", |_| {});
    assert_eq!(client.run("h", r#"{"do":"code"}"#).body, r#"{"code":"code of h"}"#);
    assert_eq!(isolates(&mut client).len(), 1);
}

#[test]
fn many_at_once_all_get_their_answers() {
    let host = HostProcess::start();
    let names: Vec<String> = (0..20).map(|number| format!("f{number}")).collect();
    let mut client = functions(&host, &names.iter().map(String::as_str).collect::<Vec<_>>());
    for _ in 0..5 {
        let runs: Vec<_> = names
            .iter()
            .flat_map(|name| [r#"{"do":"sleep","ms":1}"#, r#"{"do":"code"}"#].map(|params| run_of(name, params)))
            .map(|run| client.send_run(run))
            .collect();
        for (at, id) in runs.into_iter().enumerate() {
            let answer = client.answer(id);
            assert_eq!(answer.status, 0, "{}", answer.body);
            let code = format!(r#"{{"code":"code of {}"}}"#, names[at / 2]);
            assert!(at % 2 == 0 || answer.body == code, "{}", answer.body);
        }
    }
}
