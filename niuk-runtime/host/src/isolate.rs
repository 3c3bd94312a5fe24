//! An isolate as the host keeps it: its home thread's mailbox, its visitors, its figures.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, RwLock, Weak};
use std::time::{Duration, Instant};

use crate::birth::Birth;
use crate::call::Call;
use crate::function::Function;
use crate::pool::IsolateId;
use crate::services::IsolateServices;
use crate::share::{Claim, Share};
use crate::sync::{lock, read, wait, write};
use crate::sys::isolate::{Attached, Parked, RawIsolate};
use crate::sys::library::Memory;

/// What the home thread does next.
pub enum Job {
    /// Run this invocation.
    Serve(Arc<Call>),
    /// Make a place for this function, which shares the isolate.
    Lodge(Arc<Birth>),
    /// Clear the places of functions that moved out.
    Sweep,
    /// Collect its garbage: nobody has wanted it for a while.
    Collect,
    /// Tear the isolate down and end.
    Retire,
}

/// What it took to make an isolate, nanoseconds.
#[derive(Debug, Clone, Copy, Default)]
pub struct Birthtime {
    /// `graal_create_isolate`.
    pub create_ns: u64,
    /// `argo_v1_init`.
    pub init_ns: u64,
}

#[derive(Default)]
struct Mailbox {
    jobs: VecDeque<Job>,
    /// The home thread must be woken: telling nobody would still be a system call.
    sleeps: bool,
}

/// A live isolate.
pub struct Isolate {
    /// Its number.
    pub id: IsolateId,
    raw: RawIsolate,
    /// Where several functions have it in common.
    pub share: Option<Arc<Share>>,
    /// Callbacks of this isolate.
    pub services: Arc<IsolateServices>,
    jobs: Mutex<Mailbox>,
    arrived: Condvar,
    /// Threads of other isolates that came with a call, by number, and their places here.
    visitors: Mutex<Vec<(u64, Parked)>>,
    /// False once it is torn down; held for reading by threads that are about to enter or leave.
    alive: RwLock<bool>,
    /// When it was ready.
    pub born: Instant,
    /// How long creation and init took.
    pub birth: Mutex<Birthtime>,
    /// Invocations served.
    pub uses: AtomicU32,
    /// Invocations served when its garbage was last collected.
    clean_at: AtomicU32,
    memory: Mutex<Memory>,
}

impl Isolate {
    /// Wraps what `RawIsolate::create` gave.
    pub fn new(
        id: IsolateId,
        raw: RawIsolate,
        services: Arc<IsolateServices>,
        share: Option<Arc<Share>>,
        birth: Birthtime,
    ) -> Arc<Self> {
        Arc::new(Self {
            id,
            share,
            born: Instant::now(),
            birth: Mutex::new(birth),
            raw,
            services,
            jobs: Mutex::default(),
            arrived: Condvar::new(),
            visitors: Mutex::default(),
            alive: RwLock::new(true),
            uses: AtomicU32::new(0),
            clean_at: AtomicU32::new(0),
            memory: Mutex::default(),
        })
    }

    /// The C interface. The caller has checked this isolate out of its pool, or is its home thread before `started`.
    pub fn raw(&self) -> &RawIsolate {
        &self.raw
    }

    /// Leaves work for the home thread.
    pub fn put(&self, job: Job) {
        let mut mailbox = lock(&self.jobs);
        mailbox.jobs.push_back(job);
        if mailbox.sleeps {
            self.arrived.notify_one();
        }
    }

    /// Asks for it on behalf of a function that has it in its pool.
    pub fn claim(&self, function: &Arc<Function>) -> Claim {
        self.share.as_ref().map_or(Claim::Yours, |share| share.claim(function))
    }

    /// `function` wants it no more.
    pub fn retire(&self, function: &Function) {
        match &self.share {
            Some(share) => share.move_out(function.number),
            None => self.put(Job::Retire),
        }
    }

    /// What of `bytes` is each function's that has it in common.
    pub fn part_of(&self, bytes: u64) -> u64 {
        let functions = self.share.as_ref().map_or(1, |share| share.functions().max(1));
        bytes / functions as u64
    }

    /// Counts an invocation of `function`; gives how and when it came to be where this is the first.
    pub fn count_use(&self, function: &Function) -> Option<(Birthtime, Instant)> {
        let uses = self.uses.fetch_add(1, Ordering::Relaxed);
        match &self.share {
            Some(share) => share.first_use(function.number),
            None => (uses == 0).then(|| (*lock(&self.birth), self.born)),
        }
    }

    /// What is called next is `function`, in its place where it has one. False: it cannot be.
    pub fn select(&self, function: &Function, on: Attached) -> bool {
        self.services.belong_to(function.number);
        self.share.is_none() || self.raw.place(on, function.number)
    }

    /// It rests: its garbage is collected, once for what it served.
    pub fn rest(&self, rest: Duration) {
        if self.share.as_ref().is_some_and(|share| !share.rests(rest)) {
            return;
        }
        let uses = self.uses.load(Ordering::Relaxed);
        if self.clean_at.swap(uses, Ordering::Relaxed) != uses {
            self.put(Job::Collect);
        }
    }

    /// Waits for work; for the home thread.
    pub fn take(&self) -> Job {
        let mut mailbox = lock(&self.jobs);
        loop {
            if let Some(job) = mailbox.jobs.pop_front() {
                return job;
            }
            mailbox.sleeps = true;
            mailbox = wait(&self.arrived, mailbox);
            mailbox.sleeps = false;
        }
    }

    /// Whether `take` would give an invocation at once.
    pub fn has_next(&self) -> bool {
        matches!(lock(&self.jobs).jobs.front(), Some(Job::Serve(_)))
    }

    /// Asks the library to end `invocation` (0: init). From any thread; false if it was not running.
    pub fn cancel(&self, invocation: u64) -> bool {
        let Ok(alive) = self.alive.try_read() else { return false };
        if !*alive {
            return false;
        }
        let Ok(attached) = self.raw.attach() else { return false };
        let asked = self.raw.cancel(attached, invocation);
        self.raw.detach(attached);
        asked
    }

    /// The calling thread's place in this isolate, kept for the next call. `Err`: native-image's error number.
    pub fn visit(self: &Arc<Self>) -> Result<Attached, i32> {
        let me = visitor_number();
        let known = lock(&self.visitors).iter().find(|(number, _)| *number == me).map(|(_, parked)| *parked);
        if let Some(parked) = known {
            return Ok(parked.resume());
        }
        let attached = self.raw.attach()?;
        lock(&self.visitors).push((me, attached.park()));
        VISITS.with_borrow_mut(|visits| visits.remember(self));
        Ok(attached)
    }

    /// Reads the figures; the calling thread is attached.
    pub fn measure(&self, on: Attached) -> Memory {
        let memory = self.raw.memory(on);
        *lock(&self.memory) = memory;
        memory
    }

    /// The figures when last read.
    pub fn memory(&self) -> Memory {
        *lock(&self.memory)
    }

    /// Frees it; for the home thread, when nobody else is inside. False: a thread of the function would not end.
    pub fn tear_down(&self, on: Attached) -> bool {
        let mut alive = write(&self.alive);
        *alive = false;
        lock(&self.visitors).clear();
        // Threads that the function left behind are asked to end, so that the tear-down need not wait for them.
        self.raw.cancel(on, 0);
        self.raw.tear_down(on)
    }

    fn forget_visitor(&self, number: u64) {
        let alive = read(&self.alive);
        let mut visitors = lock(&self.visitors);
        if let Some(at) = visitors.iter().position(|(known, _)| *known == number) {
            let (_, parked) = visitors.swap_remove(at);
            if *alive {
                self.raw.detach(parked.resume());
            }
        }
    }
}

/// Isolates that a thread is attached to besides its own; left when the thread ends.
struct Visits {
    number: u64,
    isolates: Vec<Weak<Isolate>>,
}

impl Visits {
    fn remember(&mut self, isolate: &Arc<Isolate>) {
        self.isolates.retain(|known| known.strong_count() > 0);
        self.isolates.push(Arc::downgrade(isolate));
    }
}

impl Drop for Visits {
    fn drop(&mut self) {
        for isolate in self.isolates.iter().filter_map(Weak::upgrade) {
            isolate.forget_visitor(self.number);
        }
    }
}

static VISITORS: AtomicU64 = AtomicU64::new(1);

thread_local! {
    static VISITS: RefCell<Visits> =
        RefCell::new(Visits { number: VISITORS.fetch_add(1, Ordering::Relaxed), isolates: Vec::new() });
}

fn visitor_number() -> u64 {
    VISITS.with_borrow(|visits| visits.number)
}
