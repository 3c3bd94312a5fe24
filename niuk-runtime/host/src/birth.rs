//! The life of an isolate on its home thread: made, initialised, serving, torn down.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::clock::nanos;
use crate::function::Function;
use crate::host::{Host, Limit};
use crate::isolate::{Birthtime, Isolate, Job};
use crate::report;
use crate::serve::serve;
use crate::services::IsolateServices;
use crate::status::{Status, error_body};
use crate::sync::lock;
use crate::sys::isolate::{Attached, RawIsolate};

/// Stack of a home thread: address space, of which only what is touched counts.
const STACK: usize = 4 * 1024 * 1024;
/// An isolate that takes longer to tear down holds a thread that does not end.
const LONGEST_TEAR_DOWN: Duration = Duration::from_secs(5);

/// An isolate on its way.
pub struct Birth {
    /// Whose it is.
    pub function: Arc<Function>,
    /// As soon as it exists, for cancelling its init.
    pub isolate: Mutex<Option<Arc<Isolate>>>,
    settled: AtomicBool,
    /// Its init ran out of time.
    pub late: AtomicBool,
}

impl Birth {
    /// True for the first who asks: the home thread with its outcome, or the watchdog that gives up.
    pub fn settle(&self) -> bool {
        !self.settled.swap(true, Ordering::SeqCst)
    }

    /// Whether the outcome is open.
    pub fn is_open(&self) -> bool {
        !self.settled.load(Ordering::SeqCst)
    }

    /// Tells the pool that nothing came of it; a function whose INIT still waits goes away.
    pub fn fail(&self, host: &Host, status: Status, body: Vec<u8>) {
        let announce = self.function.take_announce();
        self.function.not_started(status, body.clone());
        if let Some((outbox, id)) = announce {
            host.remove(&self.function);
            outbox.post_always(report::failed(id, status, &body));
        }
    }
}

/// Starts the home thread of a new isolate.
pub fn start(host: &Arc<Host>, function: &Arc<Function>) -> std::io::Result<()> {
    let birth = Arc::new(Birth {
        function: Arc::clone(function),
        isolate: Mutex::default(),
        settled: AtomicBool::new(false),
        late: AtomicBool::new(false),
    });
    let host = Arc::clone(host);
    std::thread::Builder::new().name("isolate".into()).stack_size(STACK).spawn(move || live(&host, &birth))?;
    Ok(())
}

fn live(host: &Arc<Host>, birth: &Arc<Birth>) {
    let time = Duration::from_millis(birth.function.spec.init_timeout_ms.into());
    let limit = host.watchdog.arm(Instant::now() + time, Limit::Init(Arc::clone(birth)));
    let made = make(host, birth);
    host.watchdog.disarm(limit);
    match made {
        Ok((isolate, on)) => {
            if birth.settle() {
                announce_ready(&birth.function, &isolate);
                birth.function.started(Arc::clone(&isolate));
                work(host, &isolate, on);
            }
            end(host, birth, &isolate, on);
        }
        Err((status, body)) => {
            if birth.settle() {
                birth.fail(host, status, body);
            }
        }
    }
}

fn work(host: &Arc<Host>, isolate: &Arc<Isolate>, on: Attached) {
    loop {
        match isolate.take() {
            Job::Serve(call) => serve(host, &call, isolate, on),
            Job::Collect => {
                isolate.raw().collect(on);
                isolate.measure(on);
            }
            Job::Retire => return,
        }
    }
}

fn announce_ready(function: &Function, isolate: &Isolate) {
    if let Some((outbox, id)) = function.take_announce() {
        let birth = *lock(&isolate.birth);
        outbox.send(report::ready(id, birth.create_ns, birth.init_ns, isolate.memory().used));
    }
}

type Failure = (Status, Vec<u8>);

fn make(host: &Arc<Host>, birth: &Birth) -> Result<(Arc<Isolate>, Attached), Failure> {
    let function = &birth.function;
    let services = IsolateServices::new(Arc::clone(host));
    let started = Instant::now();
    let (raw, on) = RawIsolate::create(&function.library, Arc::clone(&services) as _)
        .map_err(|code| (Status::NotCreated, error_body(&format!("The isolate could not be made (error {code})."))))?;
    let create_ns = nanos(started.elapsed());
    let isolate = Isolate::new(host.next_id(), raw, services, Birthtime { create_ns, init_ns: 0 });
    *lock(&birth.isolate) = Some(Arc::clone(&isolate));
    let started = Instant::now();
    let (code, body) =
        isolate.raw().init(on, &function.spec.request, &function.code, |code, reply| (code, reply.to_vec()));
    lock(&isolate.birth).init_ns = nanos(started.elapsed());
    let (status, late) = (Status::of_library(code), birth.late.load(Ordering::SeqCst));
    // One that was asked to end and came through all the same may still meet the request later: it is not used.
    if status == Status::Ok && !late {
        isolate.measure(on);
        return Ok((isolate, on));
    }
    end(host, birth, &isolate, on);
    Err((if late { Status::TimedOut } else { status }, body))
}

fn end(host: &Arc<Host>, birth: &Birth, isolate: &Arc<Isolate>, on: Attached) {
    let name = birth.function.spec.function.clone();
    let limit = host.watchdog.arm(Instant::now() + LONGEST_TEAR_DOWN, Limit::TearDown(name.clone()));
    let gone = isolate.tear_down(on);
    host.watchdog.disarm(limit);
    if !gone {
        host.ask_for_replacement("a thread of an isolate that was to be torn down would not end", &name);
    }
}
