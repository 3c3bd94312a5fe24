//! Functions in a real host: results, limits, output, and what becomes of isolates.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::time::Instant;

use common::{HostProcess, failure, run_of};
use niuk_host::report::{flag, kind};
use niuk_host::request::{Request, Run};
use niuk_host::status::Status;

#[test]
fn runs_a_function_and_says_how_it_went() {
    let host = HostProcess::start();
    let mut client = host.connect_with(|_| {});
    let answer = client.run("f", r#"{"a":1}"#);
    assert_eq!((answer.status, answer.body.as_str()), (0, r#"{"a":1}"#));
    assert_eq!(answer.flags, flag::BEGAN);
    assert!(answer.run_ns > 0);
    for (what, status) in [
        ("throw", Status::DeveloperError),
        ("missing", Status::Missing),
        ("exit", Status::Exited),
        ("oom", Status::OutOfMemory),
    ] {
        let answer = client.run("f", &format!(r#"{{"do":"{what}"}}"#));
        assert_eq!(answer.status, status as u8, "{what}");
        assert!(answer.body.contains("error"));
    }
    assert_eq!(client.run("nobody", "{}").status, Status::Unknown as u8);
}

#[test]
fn gives_environment_and_code() {
    let host = HostProcess::start();
    let mut client = host.connect_with(|_| {});
    let mut run = run_of("f", r#"{"do":"env"}"#);
    run.environment = br#"{"__OW_ACTIVATION_ID":"x"}"#.to_vec();
    let id = client.send_run(run);
    assert_eq!(client.answer(id).body, r#"{"env":{"__OW_ACTIVATION_ID":"x"}}"#);
}

#[test]
fn isolates_serve_one_invocation_at_a_time_and_many_at_once() {
    let host = HostProcess::start();
    let mut client = host.connect_with(|init| init.policy.most = 8);
    let ids: Vec<u64> = (0..64).map(|_| client.send_run(run_of("f", r#"{"do":"sleep","ms":3}"#))).collect();
    for id in ids {
        assert_eq!(client.answer(id).status, 0);
    }
    let stats = client.stats();
    assert!(stats.contains(r#""runs":64,"errors":0"#), "{stats}");
    assert!(stats.matches("\"uses\"").count() <= 8, "{stats}");
}

#[test]
fn isolates_are_made_ahead_of_invocations() {
    let host = HostProcess::start();
    let mut client = host.connect_with(|init| init.policy.most = 8);
    let grow = |function: &str, isolates| Request::Grow { function: function.into(), isolates };
    assert_eq!(client.call(&grow("f", 6)).kind, kind::OK);
    assert!(client.stats().contains(r#""starting":0,"idle":6"#), "{}", client.stats());
    assert_eq!(client.call(&grow("f", 100)).kind, kind::OK);
    assert_eq!(client.call(&grow("f", 1)).kind, kind::OK);
    assert!(client.stats().contains(r#""starting":0,"idle":8"#), "{}", client.stats());
    assert_eq!(client.call(&grow("nobody", 1)).kind, kind::FAILED);
}

#[test]
fn what_rests_collects_its_garbage_once() {
    let host = HostProcess::start();
    let mut client = host.connect_with(|init| init.policy.most = 1);
    client.run("f", "{}");
    client.await_stats(r#""collections":1001,"#);
    client.run("f", "{}");
    client.await_stats(r#""collections":2002,"#);
}

#[test]
fn a_cold_invocation_says_so() {
    let host = HostProcess::start();
    let mut client = host.connect_with(|init| init.request = br#"{"slow":5}"#.to_vec());
    let busy = client.send_run(run_of("f", r#"{"do":"sleep","ms":300}"#));
    let cold = client.run("f", "{}");
    assert_eq!(cold.flags, flag::BEGAN | flag::COLD);
    assert!(cold.init_ns >= 5_000_000);
    assert_eq!(client.answer(busy).flags, flag::BEGAN);
}

#[test]
fn a_loop_is_cancelled_at_its_deadline_and_its_isolate_replaced() {
    let host = HostProcess::start();
    let mut client = host.connect_with(|init| init.policy.most = 1);
    let id = client.send_run(Run { timeout_ms: 50, ..run_of("f", r#"{"do":"loop"}"#) });
    let answer = client.answer(id);
    assert_eq!(answer.status, Status::TimedOut as u8);
    assert_eq!(answer.flags & flag::STUCK, 0);
    assert_eq!(client.run("f", r#"{"do":"uses"}"#).body, r#"{"uses":1}"#);
}

#[test]
fn what_cannot_be_stopped_is_answered_and_the_host_asks_for_replacement() {
    let mut host = HostProcess::start();
    let mut client = host.connect_with(|init| init.policy.most = 1);
    let id = client.send_run(Run { timeout_ms: 20, ..run_of("f", r#"{"do":"stuck"}"#) });
    let answer = client.answer(id);
    assert_eq!(answer.status, Status::TimedOut as u8);
    assert_eq!(answer.flags, flag::BEGAN | flag::STUCK);
    client.wait(|frame| frame.kind == kind::NOTICE);
    assert_eq!(client.run("f", "{}").status, 0, "others go on");
    assert!(client.stats().contains(r#""replace":"f: an invocation"#));
    assert!(host.is_alive());
}

#[test]
fn a_run_is_cancelled_on_request_waiting_or_running() {
    let host = HostProcess::start();
    let mut client = host.connect_with(|init| init.policy.most = 1);
    let running = client.send_run(run_of("f", r#"{"do":"loop"}"#));
    let waiting = client.send_run(run_of("f", "{}"));
    for run in [waiting, running] {
        assert_eq!(client.call(&Request::Cancel { run }).kind, kind::OK);
        assert_eq!(client.answer(run).status, Status::Cancelled as u8);
    }
    assert_eq!(failure(&client.call(&Request::Cancel { run: running })).0, Status::Unknown as u8);
}

#[test]
fn runs_of_a_controller_that_went_away_are_cancelled() {
    let host = HostProcess::start();
    let mut client = host.connect_with(|init| init.policy.most = 1);
    client.send_run(run_of("f", r#"{"do":"loop"}"#));
    client.await_stats(r#""busy":1"#);
    drop(client);
    let mut next = host.connect();
    next.await_stats(r#""in_flight":0"#);
    assert_eq!(next.run("f", "{}").status, 0);
}

#[test]
fn one_waits_so_long_and_no_longer() {
    let host = HostProcess::start();
    let mut client = host.connect_with(|init| (init.policy.most, init.policy.queue) = (1, 1));
    let busy = client.send_run(run_of("f", r#"{"do":"loop"}"#));
    let waits = client.send_run(Run { wait_ms: 30, ..run_of("f", "{}") });
    let too_many = client.run("f", "{}");
    assert_eq!(too_many.status, Status::Overloaded as u8);
    assert_eq!(client.answer(waits).status, Status::Overloaded as u8);
    client.send(&Request::Cancel { run: busy });
    assert_eq!(client.answer(busy).status, Status::Cancelled as u8);
}

#[test]
fn output_comes_line_by_line_before_the_result() {
    let host = HostProcess::start();
    let mut client = host.connect_with(|init| init.request = br#"{"print":1}"#.to_vec());
    let id = client.send_run(run_of("f", r#"{"do":"print","lines":3,"text":"hi"}"#));
    client.answer(id);
    let line = |text: &str| (0, 1, text.to_owned());
    assert_eq!(client.lines(id), [line("init"), line("hi"), line("hi"), line("hi")]);
    let id = client.send_run(run_of("f", r#"{"do":"print","stream":2,"text":"oops"}"#));
    client.answer(id);
    assert_eq!(client.lines(id), [(0, 2, "oops".to_owned())]);
}

#[test]
fn output_beyond_the_limit_is_dropped_and_told() {
    let host = HostProcess::start();
    let mut client = host.connect_with(|init| init.log_limit = 100);
    let id = client.send_run(run_of("f", r#"{"do":"print","lines":1000,"text":"0123456789"}"#));
    let answer = client.answer(id);
    assert_eq!(answer.flags, flag::BEGAN | flag::TRUNCATED);
    let kept: usize = client.lines(id).iter().map(|(_, _, text)| text.len() + 1).sum();
    assert!(kept <= 101, "{kept}");
}

#[test]
fn output_of_a_thread_that_stays_goes_to_the_next_invocation() {
    let host = HostProcess::start();
    let mut client = host.connect_with(|init| init.policy.most = 1);
    client.run("f", r#"{"do":"thread"}"#);
    client.await_stats(r#""threads":1"#);
    let deadline = Instant::now() + common::PATIENCE;
    loop {
        let id = client.send_run(run_of("f", r#"{"do":"sleep","ms":5}"#));
        client.answer(id);
        match client.lines(id).as_slice() {
            [] => assert!(Instant::now() < deadline),
            lines => return assert_eq!(lines, [(0, 1, "late".to_owned())]),
        }
    }
}

#[test]
fn threads_that_stay_are_asked_to_go_with_their_isolate() {
    let host = HostProcess::start();
    let mut client = host.connect_with(|init| (init.policy.most, init.policy.recycle_threads) = (1, true));
    client.run("f", r#"{"do":"thread","stay":1}"#);
    assert_eq!(client.run("f", r#"{"do":"uses"}"#).body, r#"{"uses":1}"#);
    assert!(client.stats().contains(r#""replace":null"#));
}

#[test]
fn isolates_are_recycled_by_policy() {
    let host = HostProcess::start();
    let mut client = host.connect_with(|init| (init.policy.most, init.policy.max_uses) = (1, 2));
    let uses: Vec<String> = (0..4).map(|_| client.run("f", r#"{"do":"uses"}"#).body).collect();
    assert_eq!(uses, [r#"{"uses":1}"#, r#"{"uses":2}"#, r#"{"uses":1}"#, r#"{"uses":2}"#]);
    let reply = client.init("g", |init| (init.policy.most, init.policy.recycle_bytes) = (1, 1_000_000));
    assert_eq!(reply.kind, kind::READY);
    client.run("g", r#"{"do":"grow","bytes":10}"#);
    client.run("g", r#"{"do":"grow","bytes":2000000}"#);
    assert_eq!(client.run("g", r#"{"do":"uses"}"#).body, r#"{"uses":1}"#);
}

#[test]
fn spares_are_kept_and_idle_isolates_go() {
    let host = HostProcess::start();
    let mut client = host.connect_with(|init| (init.policy.spares, init.policy.most, init.policy.idle_ms) = (2, 8, 10));
    client.await_stats(r#""idle":2"#);
    let ids: Vec<u64> = (0..6).map(|_| client.send_run(run_of("f", r#"{"do":"sleep","ms":50}"#))).collect();
    client.await_stats(r#""busy":6"#);
    for id in ids {
        client.answer(id);
    }
    client.await_stats(r#""starting":0,"idle":2,"busy":0"#);
}

#[test]
fn a_bad_init_is_told_and_leaves_no_function() {
    let host = HostProcess::start();
    let mut client = host.connect();
    client.load_fake();
    let (status, words) = failure(&client.init("f", |init| init.request = br#"{"fail":1}"#.to_vec()));
    assert_eq!((status, words.as_str()), (Status::DeveloperError as u8, r#"{"error":"bad init"}"#));
    let late = client.init("f", |init| {
        init.request = br#"{"hang":1}"#.to_vec();
        init.init_timeout_ms = 30;
    });
    assert_eq!(failure(&late).0, Status::TimedOut as u8);
    assert_eq!(client.init("f", |init| init.library = [7; 32]).kind, kind::FAILED);
    assert_eq!(client.init("f", |init| init.defaults = b"[]".to_vec()).kind, kind::FAILED);
    assert_eq!(client.run("f", "{}").status, Status::Unknown as u8);
    assert_eq!(client.init("f", |_| {}).kind, kind::READY);
    assert_eq!(client.init("f", |_| {}).kind, kind::READY, "the same again");
    assert_eq!(client.init("f", |init| init.log_limit = 5).kind, kind::FAILED, "another of that name");
}

#[test]
fn an_init_that_cannot_be_stopped_asks_for_replacement() {
    let host = HostProcess::start();
    let mut client = host.connect();
    client.load_fake();
    let reply = client.init("f", |init| {
        init.request = br#"{"deaf":1}"#.to_vec();
        init.init_timeout_ms = 20;
    });
    assert_eq!(failure(&reply).0, Status::TimedOut as u8);
    client.wait(|frame| frame.kind == kind::NOTICE);
}

#[test]
fn a_dropped_function_is_gone() {
    let host = HostProcess::start();
    let mut client = host.connect_with(|_| {});
    assert_eq!(client.call(&Request::Drop { function: "f".into() }).kind, kind::OK);
    assert_eq!(client.run("f", "{}").status, Status::Unknown as u8);
    assert_eq!(client.call(&Request::Drop { function: "f".into() }).kind, kind::FAILED);
    assert_eq!(client.init("f", |_| {}).kind, kind::READY);
}

#[test]
fn a_result_that_fits_no_frame_is_an_error() {
    let host = HostProcess::start();
    let mut client = host.connect_with(|_| {});
    assert_eq!(client.run("f", r#"{"do":"big","bytes":8000000}"#).status, 0);
    let answer = client.run("f", r#"{"do":"big","bytes":9000000}"#);
    assert_eq!(answer.status, Status::TooLarge as u8);
}

#[test]
fn a_crash_ends_the_process_and_nothing_else_does() {
    let mut host = HostProcess::start();
    let mut client = host.connect_with(|_| {});
    client.send_run(run_of("f", r#"{"do":"crash"}"#));
    let status = host.child.wait().unwrap();
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&status), Some(11));
}

#[test]
fn more_are_in_flight_than_isolates_and_each_gets_its_answer() {
    let host = HostProcess::start();
    let mut client = host.connect_with(|init| (init.policy.most, init.policy.patience_ms) = (4, 60_000));
    let runs: Vec<u64> = (0..64).map(|n| client.send_run(run_of("f", &format!(r#"{{"n":{n}}}"#)))).collect();
    for (n, run) in runs.into_iter().enumerate() {
        let answer = client.answer(run);
        assert_eq!((answer.status, answer.body.contains(&format!(r#""n":{n}"#))), (0, true), "{}", answer.body);
    }
    assert_eq!(client.run("f", r#"{"do":"uses"}"#).body, r#"{"uses":65}"#, "one isolate served them all");
}

#[test]
fn a_slow_invocation_does_not_hold_those_behind_it() {
    let host = HostProcess::start();
    let mut client = host.connect_with(|init| (init.policy.patience_ms, init.policy.idle_ms) = (5, 10));
    let slow = client.send_run(run_of("f", r#"{"do":"loop"}"#));
    let behind: Vec<u64> = (0..8).map(|_| client.send_run(run_of("f", "{}"))).collect();
    for run in behind {
        assert_eq!(client.answer(run).status, 0);
    }
    client.await_stats(r#""busy":1"#);
    assert_eq!(client.call(&Request::Cancel { run: slow }).kind, kind::OK);
    assert_eq!(client.answer(slow).status, Status::Cancelled as u8);
    client.await_stats(r#""starting":0,"idle":0,"busy":0"#);
}

#[test]
fn what_begins_is_told_before_and_who_waits_behind_it_has_not() {
    let host = HostProcess::start();
    let mut client = host.connect_with(|init| init.policy.patience_ms = 3_600_000);
    let running = client.send_run(run_of("f", r#"{"do":"loop"}"#));
    let waiting = client.send_run(run_of("f", "{}"));
    assert_eq!(client.wait(|frame| frame.kind == kind::BEGINS).id, running);
    client.await_stats(r#""busy":1,"queued":1"#);
    client.send(&Request::Cancel { run: running });
    assert_eq!(client.answer(waiting).status, 0);
    assert!(client.wait(|frame| frame.kind == kind::BEGINS).id >= waiting);
}
