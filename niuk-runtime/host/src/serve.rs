//! Running one call in one isolate: limits, output, figures, and what becomes of the isolate.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::call::{Call, Input};
use crate::clock::{Moment, nanos};
use crate::frame::MAX_PAYLOAD;
use crate::host::{Host, Limit};
use crate::isolate::Isolate;
use crate::report::{Timing, flag};
use crate::status::{Status, error_body};
use crate::sync::lock;
use crate::sys::isolate::Attached;
use crate::sys::library::Memory;

/// Longest result, bytes: a frame less its other fields.
const LONGEST_RESULT: usize = MAX_PAYLOAD as usize - 4096;

/// A function that leaves a shared isolate with more heap in use than this gets one of its own. The engine lets a shared
/// isolate have so much on top of a function's own limit.
const CROWDED: u64 = 64 * 1024 * 1024;

/// How a call went.
pub struct Performed {
    /// Its status.
    pub status: Status,
    /// JSON object.
    pub body: Vec<u8>,
    /// Times and flags.
    pub timing: Timing,
}

/// Most answers that leave in one write.
const MOST_HELD: u32 = 8;
/// An invocation that took longer has no company to wait for.
const SHORT: Duration = Duration::from_micros(250);

/// Of short invocations so many are announced at once: a process that ends may take as many along that had not begun.
const AHEAD: u64 = 7;

/// Answers that a home thread has left to whatever it writes next.
#[derive(Default)]
pub struct Held {
    answers: u32,
    /// The last invocation was short.
    short: bool,
}

impl Held {
    /// Whether one more may wait: the next invocation is here already, and will most likely be as short as this one. Where
    /// it is not, the outbox writes by itself.
    fn one_more(&mut self, isolate: &Isolate, done: &Performed) -> bool {
        self.short = Duration::from_nanos(done.timing.run_ns) < SHORT;
        let holds = self.short && self.answers < MOST_HELD && isolate.has_next();
        self.answers = if holds { self.answers + 1 } else { 0 };
        holds
    }

    /// So many of those behind an invocation are said to begin along with it.
    fn ahead(&self) -> u64 {
        if self.short { AHEAD } else { 0 }
    }
}

/// Serves `call` on the isolate's home thread and answers for it.
pub fn serve(host: &Arc<Host>, call: &Arc<Call>, isolate: &Arc<Isolate>, on: Attached, held: &mut Held) {
    if !call.function.announce(call, held.ahead()) {
        call.run.cancel(Status::Cancelled);
    }
    let input = lock(&call.input).take();
    let Input { environment, params } = input.unwrap_or(Input { environment: Vec::new(), params: b"{}".to_vec() });
    if let Some(done) = perform(host, call, isolate, on, Moment::now(), &environment, &params) {
        host.finish(call, done.status);
        if held.one_more(isolate, &done) {
            call.answer_soon(done.status, &done.timing, &done.body);
        } else {
            call.answer(done.status, &done.timing, &done.body);
        }
    }
}

/// Runs `call` `now` on the calling thread, which has a place in `isolate`, and gives the isolate back to its pool.
/// `None`: the watchdog has answered for it.
pub fn perform(
    host: &Arc<Host>,
    call: &Arc<Call>,
    isolate: &Arc<Isolate>,
    on: Attached,
    now: Moment,
    environment: &[u8],
    params: &[u8],
) -> Option<Performed> {
    call.stop_waiting(host);
    let mut timing = before(call, isolate, now);
    if let Err(why) = call.begin(isolate, now.at) {
        call.function.release(isolate, now.at);
        return Some(Performed { status: why, body: error_body("Cancelled before it began."), timing });
    }
    let limit = host.watchdog.arm(call.deadline(), Limit::Run(Arc::clone(call)));
    isolate.services.enter(call);
    let (code, body) = if isolate.select(&call.function, on) {
        isolate.raw().run(on, call.handle, environment, params, |code, reply| (code, reply.to_vec()))
    } else {
        (Status::Fatal as i32, error_body("The isolate has lost the function."))
    };
    let ended = Instant::now();
    timing.run_ns = nanos(ended.saturating_duration_since(now.at));
    host.watchdog.disarm(limit);
    isolate.services.leave();
    let ending = call.end();
    if ending.given_up {
        isolate.put(crate::isolate::Job::Retire);
        return None;
    }
    timing.flags |= flag::BEGAN | call.finish_output(call.patience());
    let memory = if call.is_run() || measures(isolate) { isolate.measure(on) } else { isolate.memory() };
    timing.memory = isolate.part_of(memory.used);
    let status = Status::of_library(code);
    if status == Status::OutOfMemory {
        call.function.stay_alone();
    }
    give_back(call, isolate, status.spends_isolate() || ending.cancelled.is_some(), memory, ended);
    Some(Performed { timing, ..conclude(status, ending.cancelled, body) })
}

/// Asking the library after each call from another function would be a good part of such a call.
fn measures(isolate: &Isolate) -> bool {
    isolate.uses.load(Ordering::Relaxed).is_multiple_of(16)
}

fn before(call: &Call, isolate: &Isolate, now: Moment) -> Timing {
    let waited = nanos(now.at.saturating_duration_since(call.asked));
    let birth = isolate.count_use(&call.function).filter(|(_, born)| *born > call.asked);
    let init_ns = birth.map_or(0, |(birth, _)| birth.create_ns + birth.init_ns);
    Timing {
        start_unix_ns: now.unix_ns,
        wait_ns: waited.saturating_sub(init_ns),
        init_ns,
        flags: if birth.is_some() { flag::COLD } else { 0 },
        ..Timing::default()
    }
}

fn give_back(call: &Call, isolate: &Arc<Isolate>, spent: bool, memory: Memory, at: Instant) {
    let policy = call.function.spec.policy;
    let worn = policy.max_uses > 0 && isolate.uses.load(Ordering::Relaxed) >= policy.max_uses;
    let swollen = policy.recycle_bytes > 0 && memory.committed > policy.recycle_bytes;
    let haunted = policy.recycle_threads && memory.threads > 0;
    if spent || worn || swollen || haunted {
        call.function.spend(isolate);
    } else if isolate.share.is_some() && memory.used > CROWDED {
        call.function.move_out(isolate, at);
    } else {
        call.function.release(isolate, at);
    }
}

/// A deadline outranks what the library says of a call that it ended for us; a result that came in time stands.
fn conclude(status: Status, cancelled: Option<Status>, body: Vec<u8>) -> Performed {
    let timing = Timing::default();
    match (status, cancelled) {
        (Status::Cancelled, Some(why)) => Performed { status: why, body, timing },
        _ if body.len() > LONGEST_RESULT => {
            let words = format!("The result has {} bytes; the most is {LONGEST_RESULT}.", body.len());
            Performed { status: Status::TooLarge, body: error_body(&words), timing }
        }
        _ => Performed { status, body, timing },
    }
}
