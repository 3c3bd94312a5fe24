//! Isolate to isolate: a function calls another one. The callee runs on the caller's thread, in its own isolate, and
//! bytes are copied from one heap to the other; a function that is not here is asked of the controller.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::call::{Call, Turn};
use crate::clock::{Moment, millis, unix_ns};
use crate::function::Function;
use crate::host::Host;
use crate::json;
use crate::report::{self, Record, Timing};
use crate::serve::{Performed, perform};
use crate::status::{Status, error_body};
use crate::sync::{lock, wait_until};

/// Most calls on top of each other in one run.
pub const DEEPEST: u16 = 8;
/// Most calls in one run.
pub const MOST_CALLS: u32 = 10_000;
/// Longest parameters of a call, bytes.
pub const LONGEST_PARAMS: usize = 4 * 1024 * 1024;
/// How long a thread that waits for the controller's answer goes without looking whether its run was cancelled.
const GLANCE: Duration = Duration::from_millis(20);

/// Calls `name` for `caller` and waits. 0 and the result, or a status and an error object.
pub fn invoke(host: &Arc<Host>, caller: &Arc<Call>, name: &[u8], params: &[u8]) -> (i32, Vec<u8>) {
    let number = caller.run.next_number();
    if let Err((status, words)) = within_limits(caller, number, params) {
        return (status as i32, error_body(&words));
    }
    match host.resolve(name) {
        Some(function) => call_here(host, caller, number, function, params),
        None if caller.run.serves_calls => host.remote.call(caller, number, name, params),
        None => {
            let words = format!("The requested resource {:?} does not exist.", String::from_utf8_lossy(name));
            (Status::Unknown as i32, error_body(&words))
        }
    }
}

fn within_limits(caller: &Call, number: u32, params: &[u8]) -> Result<(), (Status, String)> {
    if caller.depth >= DEEPEST {
        return Err((Status::CallLimit, format!("Calls are nested more than {DEEPEST} deep.")));
    }
    if number > MOST_CALLS {
        return Err((Status::CallLimit, format!("One activation may make {MOST_CALLS} calls.")));
    }
    if params.len() > LONGEST_PARAMS {
        return Err((
            Status::TooLarge,
            format!("The parameters have {} bytes; the most is {LONGEST_PARAMS}.", params.len()),
        ));
    }
    Ok(())
}

fn call_here(
    host: &Arc<Host>,
    caller: &Arc<Call>,
    number: u32,
    function: Arc<Function>,
    params: &[u8],
) -> (i32, Vec<u8>) {
    let Some(params) = with_defaults(&function, params) else {
        return (Status::BadRequest as i32, error_body("The parameters are not a JSON object."));
    };
    let now = Instant::now();
    let left = caller.deadline().saturating_duration_since(now);
    let timeout = left.min(Duration::from_millis(function.spec.run_timeout_ms.into()));
    let mut call = Call::new(host.next_id(), Arc::clone(&caller.run), function, now, timeout, None);
    (call.number, call.parent, call.depth, call.attended) = (number, caller.number, caller.depth + 1, true);
    let call = Arc::new(call);
    let activation = host.activation_id();
    let performed = if call.run.enter(&call) {
        let environment = |now| environment(&call, &activation, now);
        let performed = take_turn(host, &call, caller.deadline(), environment, &params);
        call.run.leave(&call);
        performed
    } else {
        Some(unserved(Status::Cancelled, error_body("The activation was cancelled.")))
    };
    let Some(done) = performed else {
        return (Status::TimedOut as i32, error_body("The called action did not end in time."));
    };
    report_call(&call, &activation, &done, call.patience());
    call.function.count(done.status);
    let code = if done.status == Status::Ok { 0 } else { done.status as i32 };
    (code, done.body)
}

fn with_defaults<'a>(function: &Function, params: &'a [u8]) -> Option<std::borrow::Cow<'a, [u8]>> {
    if function.spec.defaults.is_empty() {
        return Some(params.into());
    }
    json::merge(&function.spec.defaults, params).map(Into::into)
}

/// Waits for an isolate until `deadline`, and runs `call` in it on the calling thread. `None`: the watchdog has answered.
pub fn take_turn(
    host: &Arc<Host>,
    call: &Arc<Call>,
    deadline: Instant,
    environment: impl FnOnce(Moment) -> Vec<u8>,
    params: &[u8],
) -> Option<Performed> {
    call.function.request(call, true);
    match call.await_turn(deadline) {
        Turn::Isolate(isolate) => match isolate.visit() {
            Ok(on) => {
                let now = Moment::now();
                perform(host, call, &isolate, on, now, &environment(now), params)
            }
            Err(code) => {
                call.function.release(&isolate, Instant::now());
                let words = format!("The called action's isolate could not be entered (error {code}).");
                Some(unserved(Status::Fatal, error_body(&words)))
            }
        },
        Turn::Refused(status, body) => Some(unserved(status, body)),
        Turn::TooLate => {
            call.function.abandon(call);
            Some(unserved(Status::TimedOut, error_body("No isolate of the called action became free in time.")))
        }
    }
}

/// What did not begin.
pub fn unserved(status: Status, body: Vec<u8>) -> Performed {
    Performed { status, body, timing: Timing { start_unix_ns: unix_ns(), ..Timing::default() } }
}

/// What the caller's environment hands down, what INIT said of the callee, and this call's own.
fn environment(call: &Call, activation: &str, now: Moment) -> Vec<u8> {
    let deadline_ms = now.unix_ns / 1_000_000 + millis(call.timeout);
    let mut out = Vec::with_capacity(512);
    out.push(b'{');
    out.extend_from_slice(call.run.inherited());
    out.extend_from_slice(&call.function.environment_members);
    out.extend_from_slice(b"\"__OW_ACTIVATION_ID\":\"");
    out.extend_from_slice(activation.as_bytes());
    out.extend_from_slice(b"\",\"__OW_DEADLINE\":\"");
    out.extend_from_slice(deadline_ms.to_string().as_bytes());
    out.extend_from_slice(b"\"}");
    out
}

/// Tells the controller, which keeps the activation record.
pub fn report_call(call: &Call, activation: &str, done: &Performed, until: Instant) {
    let record = Record {
        call: call.number,
        parent: call.parent,
        depth: call.depth,
        activation,
        function: &call.function.spec.function,
        status: done.status,
        timing: done.timing,
        result: &done.body,
    };
    call.run.outbox.post(report::record(call.run.id, &record), until);
}

/// Status and body, once they are there.
type Slot = Option<(u8, Vec<u8>)>;

/// Calls that wait for the controller's answer.
#[derive(Default)]
pub struct Remote {
    waiting: Mutex<HashMap<u64, Slot>>,
    answered: Condvar,
    numbers: AtomicU64,
}

impl Remote {
    fn call(&self, caller: &Call, number: u32, name: &[u8], params: &[u8]) -> (i32, Vec<u8>) {
        let id = self.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        let deadline = caller.deadline();
        let left = millis(deadline.saturating_duration_since(Instant::now()));
        lock(&self.waiting).insert(id, None);
        let left_ms = u32::try_from(left).unwrap_or(u32::MAX);
        caller.run.outbox.send(report::call(id, caller.run.id, number, left_ms, name, params));
        self.await_answer(id, caller, deadline)
    }

    fn await_answer(&self, id: u64, caller: &Call, deadline: Instant) -> (i32, Vec<u8>) {
        let mut waiting = lock(&self.waiting);
        loop {
            if let Some(Some((status, body))) = waiting.get_mut(&id).map(Option::take) {
                waiting.remove(&id);
                return (status.into(), body);
            }
            let now = Instant::now();
            if now >= deadline || caller.run.cancelled().is_some() {
                waiting.remove(&id);
                return (Status::TimedOut as i32, error_body("The called action did not end in time."));
            }
            waiting = wait_until(&self.answered, waiting, deadline.min(now + GLANCE));
        }
    }

    /// The controller's answer; false if nobody waits for it any more.
    pub fn answer(&self, id: u64, status: u8, body: Vec<u8>) -> bool {
        match lock(&self.waiting).get_mut(&id) {
            Some(slot) => {
                *slot = Some((status, body));
                self.answered.notify_all();
                true
            }
            None => false,
        }
    }
}
