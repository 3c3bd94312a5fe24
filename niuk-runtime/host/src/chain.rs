//! Functions that run one after the other, each on the result of the one before: the components of a sequence.
//!
//! A chain has a thread for its time, which enters one isolate after the other; bytes are copied from heap to heap. Each
//! step is a run with an id and an answer of its own. The chain goes on only where the controller certainly would: all
//! else ends it, and the steps that are left are answered as not begun.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use crate::call::Call;
use crate::clock::{Moment, millis};
use crate::frame::FrameError;
use crate::function::Function;
use crate::host::{Host, MOST_IN_FLIGHT};
use crate::invoke::{take_turn, unserved};
use crate::json;
use crate::outbox::Outbox;
use crate::plain::may_go_on;
use crate::report;
use crate::request;
use crate::run::{Run, Runs};
use crate::serve::Performed;
use crate::status::{Status, error_body};
use crate::sync::lock;

/// Stack of a chain's thread: that of an isolate's own, as functions see no difference.
const STACK: usize = 4 * 1024 * 1024;
/// Threads that wait for the next chain: their places in isolates are worth keeping.
const MOST_IDLE: usize = 4;
/// How long the next step waits until the controller's side has the answer to the one before.
const HANDED_OVER: Duration = Duration::from_millis(100);

/// One step, ready to begin.
pub struct Step {
    run: Arc<Run>,
    function: Arc<Function>,
    timeout: Duration,
    wait: Duration,
    params: Vec<u8>,
}

/// A chain, ready to begin.
pub struct Work {
    steps: Vec<Step>,
    longest_result: usize,
}

/// Why a chain cannot begin, and how many steps are to be told.
pub type Refusal = (Status, &'static str, u64);

/// Threads that wait for work, the one that worked last first.
#[derive(Default)]
pub struct Chains {
    idle: Mutex<Vec<mpsc::Sender<Work>>>,
}

/// Looks everything up. From now on the steps can be cancelled; one of them at a time counts as in flight.
pub fn prepare(
    host: &Host,
    outbox: &Arc<Outbox>,
    runs: &Arc<Runs>,
    serves_calls: bool,
    id: u64,
    chain: request::Chain,
) -> Result<Result<Work, Refusal>, FrameError> {
    let count = chain.steps.len();
    let refuse = |status, words| Ok(Err((status, words, count as u64)));
    let functions: Vec<_> = chain.steps.iter().filter_map(|step| host.function(&step.function)).collect();
    if functions.len() < count {
        return refuse(Status::Unknown, "no such function is here");
    }
    if host.stopping.load(Ordering::Relaxed) {
        return refuse(Status::Stopping, "this NIUk is ending");
    }
    if host.in_flight.fetch_add(1, Ordering::Relaxed) >= MOST_IN_FLIGHT {
        host.in_flight.fetch_sub(1, Ordering::Relaxed);
        return refuse(Status::Overloaded, "too many invocations are in flight");
    }
    let mut steps = Vec::with_capacity(count);
    for ((id, step), function) in (id..).zip(chain.steps).zip(functions) {
        let request::Run { timeout_ms, wait_ms, environment, params, .. } = step;
        let Some(run) = Run::new(id, Arc::clone(outbox), environment, serves_calls, runs) else {
            host.in_flight.fetch_sub(1, Ordering::Relaxed);
            return Err(FrameError::OutOfOrder("a CHAIN with the id of a run that is in flight"));
        };
        let (timeout, wait) = (Duration::from_millis(timeout_ms.into()), Duration::from_millis(wait_ms.into()));
        steps.push(Step { run, function, timeout, wait, params });
    }
    Ok(Ok(Work { steps, longest_result: chain.longest_result as usize }))
}

/// Hands `work` to a thread.
pub fn begin(host: &Arc<Host>, work: Work) {
    let idle = lock(&host.chains.idle).pop();
    let (sender, receiver) = mpsc::channel();
    let theirs = Arc::clone(host);
    // Whoever is idle waits, and so does this channel's end.
    let _ = idle.as_ref().unwrap_or(&sender).send(work);
    if idle.is_some() {
        return;
    }
    let spawned = std::thread::Builder::new()
        .name("chain".into())
        .stack_size(STACK)
        .spawn(move || wait_for_work(&theirs, &sender, &receiver));
    if let Err(error) = spawned {
        // The work is gone with the closure; the process is out of threads, and of no more use.
        host.end(Err(error));
    }
}

fn wait_for_work(host: &Arc<Host>, mine: &mpsc::Sender<Work>, work: &mpsc::Receiver<Work>) {
    while let Ok(next) = work.recv() {
        carry_out(host, next);
        let mut idle = lock(&host.chains.idle);
        if idle.len() >= MOST_IDLE {
            return;
        }
        idle.push(mine.clone());
    }
}

fn carry_out(host: &Arc<Host>, work: Work) {
    let mut given: Option<Vec<u8>> = None;
    let mut over = false;
    for (number, step) in work.steps.into_iter().enumerate() {
        if number > 0 {
            host.in_flight.fetch_add(1, Ordering::Relaxed);
        }
        let (run, function) = (Arc::clone(&step.run), Arc::clone(&step.function));
        let mut call = Call::new(host.next_id(), run, function, Instant::now(), step.timeout, None);
        call.attended = true;
        let call = Arc::new(call);
        let performed = if over {
            Some(unserved(Status::Cancelled, error_body("The chain ended before it.")))
        } else {
            perform(host, &call, &step, given.take())
        };
        let Some(done) = performed else {
            over = true;
            continue; // the watchdog has answered
        };
        let ended =
            over || done.status != Status::Ok || done.body.len() > work.longest_result || !may_go_on(&done.body);
        host.finish(&call, done.status);
        if ended {
            call.answer(done.status, &done.timing, &done.body);
        } else {
            // Should the process die in the next step, it must be known that this one has ended.
            let answer = report::result(call.run.id, done.status, &done.timing, &done.body);
            call.run.outbox.hand_over(answer, Instant::now() + HANDED_OVER);
            given = Some(done.body);
        }
        over = ended;
    }
}

fn perform(host: &Arc<Host>, call: &Arc<Call>, step: &Step, given: Option<Vec<u8>>) -> Option<Performed> {
    let params = match given {
        None => step.params.clone(),
        Some(result) if step.params.is_empty() => result,
        Some(result) => match json::merge(&step.params, &result) {
            Some(merged) => merged,
            None => return Some(unserved(Status::BadRequest, error_body("The parameters are not a JSON object."))),
        },
    };
    if !call.run.enter(call) {
        return Some(unserved(Status::Cancelled, error_body("Cancelled before it began.")));
    }
    let environment = |now: Moment| with_deadline(&step.run.environment, now, step.timeout);
    take_turn(host, call, call.asked + step.wait, environment, &params)
}

/// `environment` and `__OW_DEADLINE`, which nobody could know before.
fn with_deadline(environment: &[u8], now: Moment, timeout: Duration) -> Vec<u8> {
    let deadline_ms = now.unix_ns / 1_000_000 + millis(timeout);
    let deadline = format!("{{\"__OW_DEADLINE\":\"{deadline_ms}\"}}").into_bytes();
    json::merge(environment, &deadline).unwrap_or(deadline)
}
