//! Functions that run one after the other, each on the result of the one before.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{Answer, Client, HostProcess, run_of};
use niuk_host::report::{flag, kind};
use niuk_host::request::{Chain, Request, Run};
use niuk_host::status::Status;
use niuk_host::wire::FieldReader;

fn host_with(functions: &[&str]) -> (HostProcess, Client) {
    let host = HostProcess::start();
    let mut client = host.connect_with(|_| {});
    for name in functions {
        assert_eq!(client.init(name, |_| {}).kind, kind::READY);
    }
    (host, client)
}

/// The first step's id: those of the others follow.
fn send(client: &mut Client, steps: Vec<Run>) -> u64 {
    let more = steps.len() as u64 - 1;
    let id = client.send(&Request::Chain(Chain { longest_result: 1000, steps }));
    client.skip(more);
    id
}

fn answers(client: &mut Client, first: u64, count: u64) -> Vec<Answer> {
    (first..first + count).map(|id| client.answer(id)).collect()
}

fn chain(client: &mut Client, steps: Vec<Run>) -> Vec<Answer> {
    let count = steps.len() as u64;
    let first = send(client, steps);
    answers(client, first, count)
}

fn began(answer: &Answer) -> bool {
    answer.flags & flag::BEGAN != 0
}

#[test]
fn each_gets_the_result_of_the_one_before_over_its_own_parameters() {
    let (_host, mut client) = host_with(&["g", "h"]);
    let steps = vec![run_of("f", r#"{"a":1,"b":2}"#), run_of("g", r#"{"c":3,"a":9}"#), run_of("h", "")];
    let done = chain(&mut client, steps);
    assert!(done.iter().all(|answer| answer.status == 0 && began(answer)));
    let bodies: Vec<_> = done.iter().map(|answer| answer.body.as_str()).collect();
    assert_eq!(bodies, [r#"{"a":1,"b":2}"#, r#"{"c":3,"a":1,"b":2}"#, r#"{"c":3,"a":1,"b":2}"#]);
}

#[test]
fn output_and_environment_are_each_ones_own() {
    let (_host, mut client) = host_with(&["g"]);
    let mut second = run_of("g", r#"{"do":"env"}"#);
    second.environment = br#"{"__OW_ACTIVATION_ID":"two"}"#.to_vec();
    let first = send(&mut client, vec![run_of("f", r#"{"do":"print","text":"one"}"#), second]);
    let done = answers(&mut client, first, 2);
    assert!(done[1].body.contains(r#""__OW_ACTIVATION_ID":"two","__OW_DEADLINE":"1"#), "{}", done[1].body);
    assert_eq!(client.lines(first), [(0, 1, "one".to_owned())]);
    assert_eq!(client.lines(first + 1), []);
}

#[test]
fn what_is_not_to_go_on_ends_it_and_the_rest_did_not_begin() {
    let (_host, mut client) = host_with(&["g", "h"]);
    for (params, status) in [
        (r#"{"do":"throw"}"#, Status::DeveloperError),
        (r#"{"error":"mine"}"#, Status::Ok),
        (r#"{"n":1e3}"#, Status::Ok),
        (r#"{"do":"big","bytes":2000}"#, Status::Ok),
    ] {
        let done = chain(&mut client, vec![run_of("f", "{}"), run_of("g", params), run_of("h", "{}")]);
        assert_eq!(done[0].body, "{}");
        assert_eq!((done[1].status, began(&done[1])), (status as u8, true), "{params}: {done:?}");
        assert_eq!((done[2].status, began(&done[2])), (Status::Cancelled as u8, false), "{params}: {done:?}");
    }
    client.await_stats(r#""in_flight":0"#);
}

#[test]
fn each_has_its_own_time() {
    let (_host, mut client) = host_with(&["g", "h"]);
    let slow = Run { timeout_ms: 50, ..run_of("g", r#"{"do":"loop"}"#) };
    let done = chain(&mut client, vec![run_of("f", "{}"), slow, run_of("h", "{}")]);
    assert_eq!((done[1].status, began(&done[1])), (Status::TimedOut as u8, true));
    assert!(!began(&done[2]));
}

#[test]
fn one_that_cannot_be_stopped_keeps_nothing_in_flight() {
    let (_host, mut client) = host_with(&["g"]);
    let stuck = Run { timeout_ms: 30, ..run_of("f", r#"{"do":"stuck"}"#) };
    let first = send(&mut client, vec![stuck, run_of("g", "{}")]);
    let done = client.answer(first);
    assert_eq!((done.status, done.flags & flag::STUCK), (Status::TimedOut as u8, flag::STUCK));
    client.await_stats(r#""in_flight":0"#);
}

#[test]
fn a_step_that_was_cut_does_not_begin_and_one_that_began_goes_on() {
    let (_host, mut client) = host_with(&["g"]);
    let asking = r#"{"do":"invoke","name":"/other/x","params":{}}"#;
    let first = send(&mut client, vec![run_of("f", asking), run_of("g", "{}")]);
    let call = client.wait(|frame| frame.kind == kind::CALL);
    assert_eq!(FieldReader::new(&call.payload).u64().unwrap(), first);
    for step in [first, first + 1] {
        assert_eq!(client.call(&Request::Cut { step }).kind, kind::OK);
    }
    let answer = Request::CallResult { status: 0, body: br#"{"from":"away"}"#.to_vec() };
    std::io::Write::write_all(&mut client.stream, &answer.encode(call.id)).unwrap();
    let done = answers(&mut client, first, 2);
    assert_eq!(done[0].body, r#"{"status":0,"result":{"from":"away"}}"#);
    assert_eq!((done[1].status, began(&done[1])), (Status::Cancelled as u8, false));
    assert_eq!(client.call(&Request::Cut { step: first }).kind, kind::FAILED);
}

#[test]
fn cancelling_a_step_ends_it_and_the_chain() {
    let (_host, mut client) = host_with(&["g"]);
    let first = send(&mut client, vec![run_of("f", r#"{"do":"loop"}"#), run_of("g", "{}")]);
    client.await_stats(r#""busy":1"#);
    client.send(&Request::Cancel { run: first });
    let done = answers(&mut client, first, 2);
    assert!(done.iter().all(|answer| answer.status == Status::Cancelled as u8), "{done:?}");
    assert!(!began(&done[1]));
}

#[test]
fn one_that_is_not_here_lets_none_begin() {
    let (_host, mut client) = host_with(&[]);
    let done = chain(&mut client, vec![run_of("f", "{}"), run_of("nobody", "{}")]);
    assert!(done.iter().all(|answer| answer.status == Status::Unknown as u8 && !began(answer)), "{done:?}");
}

#[test]
fn the_answer_of_what_ended_is_out_before_the_next_can_crash() {
    let (_host, mut client) = host_with(&["g"]);
    let first = send(&mut client, vec![run_of("f", r#"{"x":1}"#), run_of("g", r#"{"do":"crash"}"#)]);
    assert_eq!(client.answer(first).body, r#"{"x":1}"#);
}

#[test]
fn many_at_once_all_come_back() {
    let (_host, mut client) = host_with(&["g"]);
    let firsts: Vec<u64> = (0..60)
        .map(|n| send(&mut client, vec![run_of("f", &format!(r#"{{"n":{n}}}"#)), run_of("g", r#"{"m":0}"#)]))
        .collect();
    for (n, first) in firsts.into_iter().enumerate() {
        assert_eq!(answers(&mut client, first, 2)[1].body, format!(r#"{{"m":0,"n":{n}}}"#));
    }
}
