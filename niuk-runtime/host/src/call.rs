//! One invocation on its way through the host: a run's own, or one that a function made inside of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::{Duration, Instant};

use crate::function::Function;
use crate::host::Host;
use crate::isolate::Isolate;
use crate::lines::{Line, Lines};
use crate::report::{self, Timing, flag};
use crate::run::Run;
use crate::status::Status;
use crate::sync::{lock, wait_until};
use crate::watchdog::Armed;

/// What a call is given.
pub struct Input {
    /// JSON object of strings.
    pub environment: Vec<u8>,
    /// JSON object.
    pub params: Vec<u8>,
}

/// Where a call is.
enum State {
    Waiting,
    Assigned(Arc<Isolate>),
    Refused(Status, Vec<u8>),
    Running(Arc<Isolate>, Option<Status>),
    Ended,
}

/// How a wait for an isolate ended.
pub enum Turn {
    /// It is the caller's until released.
    Isolate(Arc<Isolate>),
    /// No isolate: status and error object.
    Refused(Status, Vec<u8>),
    /// The deadline passed.
    TooLate,
}

/// One invocation.
pub struct Call {
    /// Unique number, which the library sees as the invocation.
    pub handle: u64,
    /// The run that it belongs to.
    pub run: Arc<Run>,
    /// 0 for the run itself.
    pub number: u32,
    /// The calling one's number.
    pub parent: u32,
    /// 0 for the run itself.
    pub depth: u16,
    /// A thread waits for its turn, serves it and answers for it; else that is done on the isolate's own.
    pub attended: bool,
    /// What is called.
    pub function: Arc<Function>,
    /// Most time in user code.
    pub timeout: Duration,
    /// What it is given; taken when it is served.
    pub input: Mutex<Option<Input>>,
    /// When it was asked for.
    pub asked: Instant,
    /// The limit of its wait for an isolate, to be disarmed when it has one.
    pub wait_limit: Mutex<Option<Armed>>,
    began: OnceLock<Instant>,
    state: Mutex<State>,
    changed: Condvar,
    /// A thread waits for `changed`: telling nobody would still be a system call. Read and written under `state`.
    awaited: AtomicBool,
    lines: Mutex<Lines>,
}

/// How a call left user code.
pub struct Ending {
    /// Why it was to be cancelled, if it was.
    pub cancelled: Option<Status>,
    /// The watchdog gave up on it and has answered for it.
    pub given_up: bool,
}

impl Call {
    /// A call that waits for an isolate since `asked`.
    pub fn new(
        handle: u64,
        run: Arc<Run>,
        function: Arc<Function>,
        asked: Instant,
        timeout: Duration,
        input: Option<Input>,
    ) -> Self {
        let lines = Mutex::new(Lines::new(function.spec.log_limit as usize));
        Self {
            handle,
            run,
            number: 0,
            parent: 0,
            depth: 0,
            attended: false,
            function,
            timeout,
            input: Mutex::new(input),
            asked,
            wait_limit: Mutex::default(),
            began: OnceLock::new(),
            state: Mutex::new(State::Waiting),
            changed: Condvar::new(),
            awaited: AtomicBool::new(false),
            lines,
        }
    }

    /// Whether the run itself is meant, not a call inside of it.
    pub fn is_run(&self) -> bool {
        self.number == 0
    }

    /// Hands over an isolate; false if the call does not wait any more.
    pub fn assign(&self, isolate: &Arc<Isolate>) -> bool {
        let mut state = lock(&self.state);
        if !matches!(*state, State::Waiting) {
            return false;
        }
        *state = State::Assigned(Arc::clone(isolate));
        self.tell();
        true
    }

    /// Ends the wait without an isolate; false if the call does not wait any more.
    pub fn refuse(&self, status: Status, body: Vec<u8>) -> bool {
        let mut state = lock(&self.state);
        if !matches!(*state, State::Waiting) {
            return false;
        }
        *state = State::Refused(status, body);
        self.tell();
        true
    }

    fn tell(&self) {
        if self.awaited.load(Ordering::Relaxed) {
            self.changed.notify_all();
        }
    }

    /// Waits for an isolate or a refusal.
    pub fn await_turn(&self, deadline: Instant) -> Turn {
        let mut state = lock(&self.state);
        loop {
            match &*state {
                State::Assigned(isolate) => return Turn::Isolate(Arc::clone(isolate)),
                State::Refused(status, body) => return Turn::Refused(*status, body.clone()),
                State::Waiting if Instant::now() < deadline => {}
                _ => {
                    *state = State::Ended;
                    return Turn::TooLate;
                }
            }
            self.awaited.store(true, Ordering::Relaxed);
            state = wait_until(&self.changed, state, deadline);
        }
    }

    /// User code begins on `isolate` at `now`, unless the run was cancelled meanwhile.
    ///
    /// The state changes before the run is looked at, as `Run::cancel` does it the other way round: one of the two sees
    /// the other.
    pub fn begin(&self, isolate: &Arc<Isolate>, now: Instant) -> Result<(), Status> {
        *lock(&self.state) = State::Running(Arc::clone(isolate), None);
        let _ = self.began.set(now);
        match self.run.cancelled() {
            None => Ok(()),
            Some(why) => {
                *lock(&self.state) = State::Ended;
                Err(why)
            }
        }
    }

    /// When its time in user code is over.
    pub fn deadline(&self) -> Instant {
        *self.began.get().unwrap_or(&self.asked) + self.timeout
    }

    /// Disarms the limit of its wait. Under load every call waits a little: one that stays armed would be kept in memory
    /// for all of its longest wait.
    pub fn stop_waiting(&self, host: &Host) {
        if let Some(armed) = lock(&self.wait_limit).take() {
            host.watchdog.disarm(armed);
        }
    }

    /// Whether it has neither an isolate nor an answer.
    pub fn is_waiting(&self) -> bool {
        matches!(*lock(&self.state), State::Waiting)
    }

    /// Whether it is in user code.
    pub fn is_running(&self) -> bool {
        matches!(*lock(&self.state), State::Running(..))
    }

    /// Marks a running call as to be ended; gives the isolate that must be told. The first reason stands.
    pub fn ask_to_end(&self, why: Status) -> Option<Arc<Isolate>> {
        match &mut *lock(&self.state) {
            State::Running(isolate, reason) => {
                reason.get_or_insert(why);
                Some(Arc::clone(isolate))
            }
            _ => None,
        }
    }

    /// Gives up on a running call: whoever asks first answers for it.
    pub fn give_up(&self) -> Option<(Arc<Isolate>, Status)> {
        let mut state = lock(&self.state);
        match std::mem::replace(&mut *state, State::Ended) {
            State::Running(isolate, reason) => Some((isolate, reason.unwrap_or(Status::TimedOut))),
            other => {
                *state = other;
                None
            }
        }
    }

    /// User code returned.
    pub fn end(&self) -> Ending {
        match std::mem::replace(&mut *lock(&self.state), State::Ended) {
            State::Running(_, cancelled) => Ending { cancelled, given_up: false },
            _ => Ending { cancelled: None, given_up: true },
        }
    }

    /// Takes output and passes finished lines on.
    pub fn write(&self, stream: i32, bytes: &[u8]) {
        let finished = lock(&self.lines).push(stream, crate::clock::unix_ns(), bytes);
        self.send_lines(&finished, self.patience());
    }

    /// How long one that has output may wait for a controller that reads slowly.
    pub fn patience(&self) -> Instant {
        self.deadline() + crate::outbox::PATIENCE
    }

    /// Passes lines on; what finds no room until `until` is lost.
    pub fn send_lines(&self, lines: &[Line], until: Instant) {
        for line in lines {
            let frame = report::log(self.run.id, self.number, line.stream, line.unix_ns, &line.bytes);
            self.run.outbox.post(frame, until);
        }
    }

    /// Passes on what lacks an end of line; the flag for a truncated log.
    pub fn finish_output(&self, until: Instant) -> u8 {
        let mut lines = lock(&self.lines);
        let rest = lines.finish();
        let truncated = lines.truncated();
        drop(lines);
        self.send_lines(&rest, until);
        if truncated { flag::TRUNCATED } else { 0 }
    }

    /// Answers for the run itself, along with what this thread says next, which is within moments.
    pub fn answer_soon(&self, status: Status, timing: &Timing, body: &[u8]) {
        self.run.outbox.post(report::result(self.run.id, status, timing, body), self.patience());
    }

    /// Answers for the run itself.
    pub fn answer(&self, status: Status, timing: &Timing, body: &[u8]) {
        self.run.outbox.send(report::result(self.run.id, status, timing, body));
    }
}

impl PartialEq for Call {
    fn eq(&self, other: &Self) -> bool {
        self.handle == other.handle
    }
}
