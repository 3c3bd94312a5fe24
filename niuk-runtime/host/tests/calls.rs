//! Isolate to isolate, and calls that the controller answers.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use common::{Client, Frame, HostProcess, run_of};
use niuk_host::report::kind;
use niuk_host::request::{Request, Run};
use niuk_host::status::Status;
use niuk_host::wire::FieldReader;

fn two_functions(host: &HostProcess) -> Client {
    let mut client = host.connect_with(|_| {});
    assert_eq!(client.init("g", |init| init.defaults = br#"{"d":1,"e":2}"#.to_vec()).kind, kind::READY);
    client
}

struct Record {
    call: u32,
    parent: u32,
    depth: u16,
    activation: String,
    function: String,
    status: u8,
    result: String,
}

fn parse_record(frame: &Frame) -> Record {
    let mut fields = FieldReader::new(&frame.payload);
    let (call, parent, depth) = (fields.u32().unwrap(), fields.u32().unwrap(), fields.u16().unwrap());
    let (activation, function) = (fields.text().unwrap().to_owned(), fields.text().unwrap().to_owned());
    let status = fields.u8().unwrap();
    fields.u8().unwrap();
    for _ in 0..5 {
        fields.u64().unwrap();
    }
    let result = String::from_utf8(fields.bytes().unwrap().to_vec()).unwrap();
    fields.end().unwrap();
    Record { call, parent, depth, activation, function, status, result }
}

fn invoke(name: &str, params: &str) -> String {
    format!(r#"{{"do":"invoke","name":"{name}","params":{params}}}"#)
}

#[test]
fn a_function_calls_another_and_the_controller_gets_the_record() {
    let host = HostProcess::start();
    let mut client = two_functions(&host);
    for name in ["g", "/guest/g", "/_/g"] {
        let id = client.send_run(run_of("f", &invoke(name, r#"{"e":3}"#)));
        assert_eq!(client.answer(id).body, r#"{"status":0,"result":{"d":1,"e":3}}"#);
        let record = parse_record(&client.wait(|frame| frame.kind == kind::RECORD && frame.id == id));
        assert_eq!((record.call, record.parent, record.depth, record.status), (1, 0, 1, 0));
        assert_eq!((record.function.as_str(), record.result.as_str()), ("g", r#"{"d":1,"e":3}"#));
        assert_eq!(record.activation.len(), 32);
    }
}

#[test]
fn output_and_errors_belong_to_the_called_one() {
    let host = HostProcess::start();
    let mut client = two_functions(&host);
    let id = client.send_run(run_of("f", &invoke("g", r#"{"do":"print","text":"inner"}"#)));
    client.answer(id);
    assert_eq!(client.lines(id), [(1, 1, "inner".to_owned())]);
    let answer = client.run("f", &invoke("g", r#"{"do":"throw"}"#));
    assert_eq!(answer.body, r#"{"status":1,"result":{"error":"thrown"}}"#);
}

#[test]
fn environment_is_handed_down() {
    let host = HostProcess::start();
    let mut client = host.connect_with(|_| {});
    client.init("g", |init| init.call_environment = br#"{"__OW_ACTION_NAME":"/guest/g"}"#.to_vec());
    let mut run = run_of("f", &invoke("g", r#"{"do":"env"}"#));
    run.environment = br#"{"__OW_API_KEY":"k","__OW_ACTION_NAME":"/guest/f"}"#.to_vec();
    let id = client.send_run(run);
    let body = client.answer(id).body;
    assert!(body.contains(r#""__OW_API_KEY":"k","__OW_ACTION_NAME":"/guest/g","__OW_ACTIVATION_ID":""#), "{body}");
}

#[test]
fn recursion_ends_at_the_depth_limit() {
    let host = HostProcess::start();
    let mut client = host.connect_with(|init| init.policy.most = 32);
    let mut params = "{}".to_owned();
    for _ in 0..9 {
        params = invoke("f", &params);
    }
    let id = client.send_run(run_of("f", &params));
    assert!(client.answer(id).body.contains(&format!(r#""status":{}"#, Status::CallLimit as u8)));
}

#[test]
fn a_chain_that_waits_for_itself_ends_with_its_time() {
    let host = HostProcess::start();
    let mut client = host.connect_with(|init| init.policy.most = 1);
    let id = client.send_run(Run { timeout_ms: 50, ..run_of("f", &invoke("f", "{}")) });
    let answer = client.answer(id);
    assert!(answer.body.contains("in time") || answer.status == Status::TimedOut as u8, "{answer:?}");
    assert_eq!(client.run("f", r#"{"x":1}"#).body, r#"{"x":1}"#);
}

#[test]
fn cancelling_a_run_ends_the_call_inside_of_it() {
    let host = HostProcess::start();
    let mut client = two_functions(&host);
    let id = client.send_run(run_of("f", &invoke("g", r#"{"do":"loop"}"#)));
    client.await_stats(r#""busy":1,"queued":0,"isolates":[{"id":2"#);
    while client.stats().matches("\"busy\":1").count() < 2 {}
    client.send(&Request::Cancel { run: id });
    let answer = client.answer(id);
    assert!(answer.status == Status::Cancelled as u8 || answer.body.contains(r#""status":5"#), "{answer:?}");
    client.await_stats(r#""in_flight":0"#);
}

#[test]
fn a_call_ends_at_its_own_limit_and_the_caller_goes_on() {
    let host = HostProcess::start();
    let mut client = host.connect_with(|_| {});
    client.init("g", |init| init.run_timeout_ms = 30);
    let answer = client.run("f", &invoke("g", r#"{"do":"loop"}"#));
    assert_eq!(answer.status, 0);
    assert!(answer.body.starts_with(&format!(r#"{{"status":{}"#, Status::TimedOut as u8)), "{}", answer.body);
}

#[test]
fn what_is_not_here_is_asked_of_the_controller() {
    let host = HostProcess::start();
    let mut client = host.connect_with(|_| {});
    let id = client.send_run(run_of("f", &invoke("/other/x", r#"{"q":1}"#)));
    let call = client.wait(|frame| frame.kind == kind::CALL);
    let mut fields = FieldReader::new(&call.payload);
    assert_eq!((fields.u64().unwrap(), fields.u32().unwrap()), (id, 1));
    assert!(fields.u32().unwrap() > 0);
    assert_eq!((fields.text().unwrap(), fields.text().unwrap()), ("/other/x", r#"{"q":1}"#));
    let answer = Request::CallResult { status: 0, body: br#"{"from":"away"}"#.to_vec() };
    std::io::Write::write_all(&mut client.stream, &answer.encode(call.id)).unwrap();
    assert_eq!(client.answer(id).body, r#"{"status":0,"result":{"from":"away"}}"#);
}

#[test]
fn many_calls_at_once_all_come_back() {
    let host = HostProcess::start();
    let mut client = host.connect_with(|init| init.policy.most = 6);
    client.init("g", |init| init.policy.most = 3);
    let ids: Vec<u64> =
        (0..60).map(|n| client.send_run(run_of("f", &invoke("g", &format!(r#"{{"n":{n}}}"#))))).collect();
    for (n, id) in ids.into_iter().enumerate() {
        assert_eq!(client.answer(id).body, format!(r#"{{"status":0,"result":{{"n":{n}}}}}"#));
    }
}
