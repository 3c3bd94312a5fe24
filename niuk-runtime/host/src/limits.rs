//! What happens when a time limit passes: first the library is asked, then the host gives up on the isolate.

use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use crate::birth;
use crate::call::Call;
use crate::clock::unix_ns;
use crate::host::{Cancel, Host, Limit};
use crate::invoke::report_call;
use crate::report::{self, Timing, flag};
use crate::serve::Performed;
use crate::status::{Status, error_body};

/// Time that a library has to end what it was asked to end (its contract says one second at most).
const GRACE: Duration = Duration::from_millis(1500);
/// A call that is about to enter user code is asked again until it is there.
const ASK_AGAIN: Duration = Duration::from_millis(5);
/// How often at most.
const ASK_TIMES: usize = 40;
/// How often idle isolates are looked for.
const IDLE_ROUND: Duration = Duration::from_secs(1);

/// Starts the watchdog and the canceller.
pub fn watch(host: &Arc<Host>, cancels: mpsc::Receiver<Cancel>) -> std::io::Result<()> {
    let watched = Arc::clone(host);
    let small = || std::thread::Builder::new().stack_size(256 * 1024);
    small().name("watchdog".into()).spawn(move || {
        loop {
            pass(&watched, watched.watchdog.next());
        }
    })?;
    // Enters isolates, so its stack is a visitor's.
    std::thread::Builder::new()
        .stack_size(2 * 1024 * 1024)
        .name("canceller".into())
        .spawn(move || cancels.into_iter().for_each(|cancel| ask(&cancel)))?;
    Ok(())
}

/// Looks for idle isolates from now on; called when the first function comes.
pub fn look_for_idle(host: &Host) {
    host.watchdog.arm(Instant::now() + IDLE_ROUND, Limit::Idle);
}

/// Ends a run and all calls inside of it.
pub fn cancel_run(host: &Arc<Host>, run: &crate::run::Run, why: Status) {
    for call in run.cancel(why) {
        end_call(host, &call, why);
    }
}

fn pass(host: &Arc<Host>, limit: Limit) {
    match limit {
        Limit::Wait(call) => {
            call.function.abandon(&call);
            refuse(host, &call, Status::Overloaded, "No isolate became free in time.");
        }
        Limit::Run(call) => end_call(host, &call, Status::TimedOut),
        Limit::Grace(call) => give_up(host, &call),
        Limit::Init(birth) => {
            birth.late.store(true, Ordering::SeqCst);
            if let Some(isolate) = crate::sync::lock(&birth.isolate).clone() {
                host.cancel(Cancel::Birth(isolate, Arc::clone(&birth)));
            }
            host.watchdog.arm(Instant::now() + GRACE, Limit::InitGrace(birth));
        }
        Limit::InitGrace(birth) => {
            if birth.settle() {
                birth.fail(
                    host,
                    Status::TimedOut,
                    error_body("The initialization did not end, nor could it be stopped."),
                );
                host.ask_for_replacement("an initialization could not be stopped", &birth.function.spec.function);
            }
        }
        Limit::TearDown(function) => {
            host.ask_for_replacement("an isolate could not be torn down in time", &function);
        }
        Limit::Turn(function) => function.insist(),
        Limit::Board(share) => birth::board_elsewhere(host, share),
        Limit::Patience(function) => function.look_at_waits(),
        Limit::Idle => {
            host.functions().iter().for_each(|function| function.expire());
            look_for_idle(host);
        }
    }
}

fn end_call(host: &Arc<Host>, call: &Arc<Call>, why: Status) {
    if let Some(isolate) = call.ask_to_end(why) {
        host.cancel(Cancel::Call(isolate, Arc::clone(call)));
        host.watchdog.arm(Instant::now() + GRACE, Limit::Grace(Arc::clone(call)));
    } else {
        call.function.abandon(call);
        refuse(host, call, why, "Cancelled before it began.");
    }
}

fn refuse(host: &Host, call: &Call, status: Status, words: &str) {
    let body = error_body(words);
    if call.refuse(status, body.clone()) && !call.attended {
        host.finish(call, status);
        let timing = Timing { start_unix_ns: unix_ns(), ..Timing::default() };
        call.run.outbox.post_always(report::result(call.run.id, status, &timing, &body));
    }
}

fn give_up(host: &Arc<Host>, call: &Arc<Call>) {
    let Some((isolate, status)) = call.give_up() else { return };
    call.function.lose(&isolate);
    // The watchdog waits for nobody: what finds no room at once is lost.
    let flags = flag::BEGAN | flag::STUCK | call.finish_output(Instant::now());
    let timing = Timing {
        start_unix_ns: unix_ns().saturating_sub(crate::clock::nanos(call.timeout + GRACE)),
        run_ns: crate::clock::nanos(call.timeout + GRACE),
        memory: isolate.memory().used,
        flags,
        ..Timing::default()
    };
    let body = error_body("The action did not end in time and could not be stopped.");
    if call.is_run() {
        host.finish(call, status);
        call.run.outbox.post_always(report::result(call.run.id, status, &timing, &body));
    } else {
        report_call(call, &host.activation_id(), &Performed { status, body, timing }, Instant::now());
    }
    host.ask_for_replacement("an invocation could not be stopped", &call.function.spec.function);
}

fn ask(cancel: &Cancel) {
    for _ in 0..ASK_TIMES {
        let asked = match cancel {
            Cancel::Call(isolate, call) => !call.is_running() || isolate.cancel(call.handle),
            Cancel::Birth(isolate, birth) => !birth.is_open() || isolate.cancel(0),
        };
        if asked {
            return;
        }
        std::thread::sleep(ASK_AGAIN);
    }
}
