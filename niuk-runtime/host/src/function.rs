//! A function of this NIUk: what INIT said, and its isolates. Carries out what its pool decides.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use crate::birth;
use crate::call::Call;
use crate::clock::{ms_at, now_ms};
use crate::host::{Host, Limit};
use crate::isolate::{Isolate, Job};
use crate::json;
use crate::outbox::{Outbox, PATIENCE};
use crate::pool::{Counts, IsolateId, Pool, Sizes, Step};
use crate::report::{self, Timing};
use crate::request::Init;
use crate::run::INHERITED;
use crate::share::Claim;
use crate::status::{Status, error_body};
use crate::sync::lock;
use crate::sys::library::FunctionLibrary;

mod places;
mod waits;

pub use places::pass_on;

/// An isolate that nobody wanted for so long collects its garbage, milliseconds.
const REST_MS: u64 = 500;
/// An invocation that finds the shared isolate at work waits so long for it before its function gets one of its own.
const TURN: Duration = Duration::from_millis(20);
/// Isolates that start at once for one function.
const STARTING: usize = 4;

/// An INIT that waits for its answer.
pub type Announce = (Arc<Outbox>, u64);

/// A function.
pub struct Function {
    /// Unique in this process.
    pub number: u64,
    /// As INIT said.
    pub spec: Init,
    /// Where it is compiled in, or the engine that runs it.
    pub library: Arc<FunctionLibrary>,
    /// For an engine; empty for a compiled function.
    pub code: Arc<Vec<u8>>,
    /// Members of INIT's call environment, as text without braces, each with a comma behind.
    pub environment_members: Vec<u8>,
    host: Arc<Host>,
    pool: Mutex<Pool<Arc<Call>>>,
    isolates: Mutex<HashMap<IsolateId, Arc<Isolate>>>,
    /// Why the last isolate could not be made.
    failure: Mutex<Option<(Status, Vec<u8>)>>,
    /// It has, or is about to get, a place in an isolate that it shares.
    placed: AtomicBool,
    /// It needs isolates of its own.
    alone: AtomicBool,
    announce: Mutex<Option<Announce>>,
    /// GROWs that wait for their answer.
    growing: Mutex<Vec<Announce>>,
    /// The watchdog looks whether somebody waits for too long.
    watched: AtomicBool,
    /// Of each connection, up to which id RUNs may have begun.
    begun: Mutex<Vec<(Weak<Outbox>, u64)>>,
    runs: AtomicU64,
    errors: AtomicU64,
}

/// Figures of a function.
pub struct Figures {
    /// States of its isolates.
    pub counts: Counts,
    /// Invocations ended.
    pub runs: u64,
    /// Of these, not with [`Status::Ok`].
    pub errors: u64,
    /// Its isolates.
    pub isolates: Vec<Arc<Isolate>>,
}

impl Function {
    /// A function without isolates; `Err`: what is wrong with the request, in words.
    pub fn new(
        spec: Init,
        library: Arc<FunctionLibrary>,
        code: Arc<Vec<u8>>,
        host: Arc<Host>,
        announce: Announce,
    ) -> Result<Arc<Self>, &'static str> {
        let environment_members = environment_members(&spec.call_environment)?;
        if !spec.defaults.is_empty() && json::members(&spec.defaults).is_none() {
            return Err("the default parameters are not a JSON object");
        }
        let sizes = Sizes {
            spares: spec.policy.spares.into(),
            most: spec.policy.most.into(),
            starting: STARTING,
            queue: spec.policy.queue.into(),
            idle_ms: spec.policy.idle_ms.into(),
            patient: spec.policy.patience_ms > 0,
        };
        let shares =
            !code.is_empty() && library.has_places() && spec.policy.max_uses == 0 && spec.policy.recycle_bytes == 0;
        Ok(Arc::new(Self {
            number: host.next_id(),
            placed: AtomicBool::new(false),
            alone: AtomicBool::new(!shares),
            spec,
            library,
            code,
            environment_members,
            host,
            pool: Mutex::new(Pool::new(sizes)),
            isolates: Mutex::default(),
            failure: Mutex::default(),
            announce: Mutex::new(Some(announce)),
            growing: Mutex::default(),
            watched: AtomicBool::new(false),
            begun: Mutex::default(),
            runs: AtomicU64::new(0),
            errors: AtomicU64::new(0),
        }))
    }

    /// Starts the first isolates.
    pub fn open(self: &Arc<Self>) {
        let steps = lock(&self.pool).open();
        self.carry_out(steps);
    }

    /// Makes isolates until there are so many; `announce` is answered when they are there, or no more can be made.
    pub fn grow(self: &Arc<Self>, isolates: usize, announce: Announce) {
        lock(&self.growing).push(announce);
        let steps = lock(&self.pool).grow(isolates);
        self.carry_out(steps);
        self.tell_grown();
    }

    /// `call` wants an isolate.
    pub fn request(self: &Arc<Self>, call: &Arc<Call>, urgent: bool) {
        let steps = lock(&self.pool).request(Arc::clone(call), urgent);
        self.carry_out(steps);
        if self.spec.policy.patience_ms > 0 && call.is_waiting() && !self.watched.swap(true, Ordering::SeqCst) {
            self.watch_from(call.asked);
        }
    }

    /// Tells the controller that `call` begins, before it does, and that so many behind it may: should this process end,
    /// all others are known not to have begun. False: it cannot be told, so it must not begin.
    pub fn announce(&self, call: &Call, ahead: u64) -> bool {
        let (outbox, id) = (&call.run.outbox, call.run.id);
        let mut begun = lock(&self.begun);
        let known = begun.iter().position(|(known, _)| std::ptr::eq(known.as_ptr(), Arc::as_ptr(outbox)));
        let at = known.unwrap_or_else(|| {
            begun.retain(|(known, _)| known.strong_count() > 0);
            begun.push((Arc::downgrade(outbox), 0));
            begun.len() - 1
        });
        // Others of this function wait here until it is written.
        match begun.get_mut(at) {
            Some((_, last)) if *last < id => {
                *last = id.saturating_add(ahead);
                let told = outbox.hand_over(report::begins(*last, &self.spec.function), Instant::now() + PATIENCE);
                if !told {
                    outbox.close();
                }
                told
            }
            _ => true,
        }
    }

    /// `call` does not want one any more.
    pub fn abandon(&self, call: &Arc<Call>) {
        lock(&self.pool).abandon(call);
    }

    /// `isolate` is free since `at`.
    pub fn release(self: &Arc<Self>, isolate: &Isolate, at: Instant) {
        pass_on(isolate, at);
        self.offer(isolate, at);
    }

    /// `isolate` is to be torn down.
    pub fn spend(self: &Arc<Self>, isolate: &Isolate) {
        if isolate.share.is_some() {
            birth::condemn(&self.host, isolate);
            isolate.put(Job::Retire);
            return;
        }
        let steps = lock(&self.pool).spent(isolate.id);
        self.carry_out(steps);
    }

    /// Takes `isolate` back, free since `at`, unless it was evicted from it meanwhile.
    fn offer(self: &Arc<Self>, isolate: &Isolate, at: Instant) {
        let steps = {
            let isolates = lock(&self.isolates);
            if !isolates.contains_key(&isolate.id) {
                return;
            }
            lock(&self.pool).released(isolate.id, ms_at(at))
        };
        self.carry_out(steps);
    }

    /// `isolate` does not come back.
    pub fn lose(self: &Arc<Self>, isolate: &Isolate) {
        if isolate.share.is_some() {
            birth::condemn(&self.host, isolate);
            return;
        }
        lock(&self.isolates).remove(&isolate.id);
        let steps = lock(&self.pool).lost();
        self.carry_out(steps);
    }

    /// A new isolate is ready.
    pub fn started(self: &Arc<Self>, isolate: Arc<Isolate>) {
        let (id, shared) = (isolate.id, isolate.share.is_some());
        lock(&self.isolates).insert(id, isolate);
        let steps = {
            let mut pool = lock(&self.pool);
            if shared {
                pool.share(id);
            }
            pool.started(id, now_ms())
        };
        self.carry_out(steps);
        self.tell_grown();
    }

    /// A new isolate did not come to be.
    pub fn not_started(self: &Arc<Self>, status: Status, body: Vec<u8>) {
        *lock(&self.failure) = Some((status, body));
        let steps = lock(&self.pool).not_started();
        self.carry_out(steps);
        self.tell_grown();
    }

    /// Retires what nobody used for long, and lets what rests collect its garbage.
    pub fn expire(self: &Arc<Self>) {
        let steps = lock(&self.pool).expire(now_ms());
        self.carry_out(steps);
        let resting = lock(&self.pool).resting(now_ms(), REST_MS);
        let isolates = lock(&self.isolates);
        resting
            .iter()
            .filter_map(|id| isolates.get(id))
            .for_each(|isolate| isolate.rest(Duration::from_millis(REST_MS)));
    }

    /// No more invocations.
    pub fn close(self: &Arc<Self>) {
        let steps = lock(&self.pool).close();
        self.carry_out(steps);
        self.tell_grown();
    }

    /// The INIT to answer, for whoever asks first.
    pub fn take_announce(&self) -> Option<Announce> {
        lock(&self.announce).take()
    }

    /// Whether INIT was answered, and well: a function whose first isolate failed is removed.
    pub fn is_ready(&self) -> bool {
        lock(&self.announce).is_none()
    }

    /// Counts an invocation that ended.
    pub fn count(&self, status: Status) {
        self.runs.fetch_add(1, Ordering::Relaxed);
        if status != Status::Ok {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Figures now.
    pub fn figures(&self) -> Figures {
        let mut isolates: Vec<_> = lock(&self.isolates).values().cloned().collect();
        isolates.sort_by_key(|isolate| isolate.id);
        Figures {
            counts: lock(&self.pool).counts(),
            runs: self.runs.load(Ordering::Relaxed),
            errors: self.errors.load(Ordering::Relaxed),
            isolates,
        }
    }

    fn tell_grown(&self) {
        let told = {
            let pool = lock(&self.pool);
            if pool.is_grown() { std::mem::take(&mut *lock(&self.growing)) } else { Vec::new() }
        };
        for (outbox, id) in told {
            outbox.post_always(report::ok(id));
        }
    }

    fn carry_out(self: &Arc<Self>, steps: Vec<Step<Arc<Call>>>) {
        let mut todo: VecDeque<_> = steps.into();
        while let Some(step) = todo.pop_front() {
            match step {
                Step::Start => {
                    if let Err(error) = birth::start(&self.host, self) {
                        *lock(&self.failure) = Some((Status::NotCreated, error_body(&format!("no thread: {error}"))));
                        todo.extend(lock(&self.pool).not_started());
                    }
                }
                Step::Assign(call, id) => todo.extend(self.assign(&call, id)),
                Step::Retire(id) => {
                    let gone = lock(&self.isolates).remove(&id);
                    if let Some(isolate) = gone {
                        if isolate.share.is_some() {
                            self.lose_place();
                        }
                        isolate.retire(self);
                    }
                }
                Step::Overloaded(call) => {
                    self.refuse(&call, Status::Overloaded, error_body("Too many invocations of this function wait."));
                }
                Step::Closed(call) => self.refuse(&call, Status::Unknown, error_body("The function was removed.")),
                Step::NotStarted(call) => {
                    let failure = lock(&self.failure).clone();
                    let (status, body) =
                        failure.unwrap_or((Status::NotCreated, error_body("No isolate could be made.")));
                    self.refuse(&call, status, body);
                }
            }
        }
    }

    fn assign(self: &Arc<Self>, call: &Arc<Call>, id: IsolateId) -> Vec<Step<Arc<Call>>> {
        let found = lock(&self.isolates).get(&id).cloned();
        let Some(isolate) = found else { return self.wait_on(call) };
        match isolate.claim(self) {
            Claim::Yours if call.assign(&isolate) => {
                if !call.attended {
                    isolate.put(Job::Serve(Arc::clone(call)));
                }
                Vec::new()
            }
            Claim::Yours => {
                self.release(&isolate, Instant::now());
                Vec::new()
            }
            // Whoever called it holds an isolate meanwhile, which may be this one.
            Claim::Taken if !call.is_run() => self.wait_on(call),
            Claim::Taken => {
                self.host.watchdog.arm(Instant::now() + TURN, Limit::Turn(Arc::clone(self)));
                lock(&self.pool).requeue(Arc::clone(call), false)
            }
            Claim::Over => {
                let steps = self.wait_on(call);
                self.evict(&isolate);
                steps
            }
        }
    }

    /// `call` waits for another isolate than the one that it was to have.
    fn wait_on(&self, call: &Arc<Call>) -> Vec<Step<Arc<Call>>> {
        let mut pool = lock(&self.pool);
        let mut steps = pool.requeue(Arc::clone(call), !call.is_run());
        steps.extend(pool.fill());
        steps
    }

    fn refuse(&self, call: &Arc<Call>, status: Status, body: Vec<u8>) {
        if call.refuse(status, body.clone()) && !call.attended {
            let timing = Timing { start_unix_ns: crate::clock::unix_ns(), ..Timing::default() };
            self.host.finish(call, status);
            call.answer(status, &timing, &body);
        }
    }
}

fn environment_members(json: &[u8]) -> Result<Vec<u8>, &'static str> {
    let text = if json.is_empty() { b"{}" } else { json };
    let members = json::members(text).ok_or("the call environment is not a JSON object")?;
    if members.iter().any(|member| INHERITED.contains(&member.key)) {
        return Err("the call environment names what a call inherits");
    }
    let mut out = Vec::with_capacity(json.len() + 8);
    for member in members {
        out.push(b'"');
        out.extend_from_slice(member.key);
        out.extend_from_slice(b"\":");
        out.extend_from_slice(member.value);
        out.push(b',');
    }
    Ok(out)
}
