//! The life of an isolate on its home thread: made, initialised, serving, torn down.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::clock::nanos;
use crate::function::{Function, pass_on};
use crate::host::{Host, Limit};
use crate::isolate::{Birthtime, Isolate, Job};
use crate::report;
use crate::serve::{Held, serve};
use crate::services::IsolateServices;
use crate::share::{Boarding, LONG_TURN, Share};
use crate::status::{Status, error_body};
use crate::sync::lock;
use crate::sys::isolate::{Attached, RawIsolate};
use crate::sys::library::FunctionLibrary;

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

/// Starts the home thread of a new isolate, or finds the function a place in one that it shares.
pub fn start(host: &Arc<Host>, function: &Arc<Function>) -> std::io::Result<()> {
    let birth = Arc::new(Birth {
        function: Arc::clone(function),
        isolate: Mutex::default(),
        settled: AtomicBool::new(false),
        late: AtomicBool::new(false),
    });
    if function.takes_place() {
        return board(host, &birth).inspect_err(|_| function.lose_place());
    }
    let host = Arc::clone(host);
    home(move || live(&host, &birth))
}

fn home(life: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name("isolate".into()).stack_size(STACK).spawn(life)?;
    Ok(())
}

fn board(host: &Arc<Host>, birth: &Arc<Birth>) -> std::io::Result<()> {
    match host.shares.board(birth) {
        Boarding::Soon(share) => {
            host.watchdog.arm(Instant::now() + LONG_TURN, Limit::Board(share));
            Ok(())
        }
        Boarding::New(share) => {
            let (host, birth, shared) = (Arc::clone(host), Arc::clone(birth), Arc::clone(&share));
            let started = home(move || live_shared(&host, &birth, &shared));
            started.inspect_err(|_| drop(share.end()))
        }
    }
}

/// Those who have waited long for a place in `share` go elsewhere.
pub fn board_elsewhere(host: &Arc<Host>, share: Arc<Share>) {
    let (births, others_wait) = share.give_up_waiting();
    board_again(host, births);
    if others_wait {
        host.watchdog.arm(Instant::now() + LONG_TURN, Limit::Board(share));
    }
}

fn board_again(host: &Arc<Host>, births: Vec<Arc<Birth>>) {
    for birth in births {
        if let Err(error) = board(host, &birth)
            && birth.settle()
        {
            birth.function.lose_place();
            birth.fail(host, Status::NotCreated, error_body(&format!("no thread: {error}")));
        }
    }
}

/// A shared isolate is not to be used again: its functions get other places when they are next wanted.
pub fn condemn(host: &Arc<Host>, isolate: &Isolate) {
    let Some(share) = &isolate.share else { return };
    let (functions, births) = share.end();
    for function in functions {
        function.evict(isolate);
    }
    board_again(host, births);
}

fn live(host: &Arc<Host>, birth: &Arc<Birth>) {
    let time = Duration::from_millis(birth.function.spec.init_timeout_ms.into());
    let limit = host.watchdog.arm(Instant::now() + time, Limit::Init(Arc::clone(birth)));
    let made = make(host, birth);
    host.watchdog.disarm(limit);
    match made {
        Ok((isolate, on)) => {
            if birth.settle() {
                announce_ready(&birth.function, *lock(&isolate.birth), isolate.memory().used);
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

fn live_shared(host: &Arc<Host>, birth: &Arc<Birth>, share: &Arc<Share>) {
    match create(host, &birth.function.library, Some(share)) {
        Ok((isolate, on)) => {
            share.open(&isolate);
            lodge(host, birth, &isolate, on);
            work(host, &isolate, on);
            end(host, birth, &isolate, on);
        }
        Err((status, body)) => {
            let (_, births) = share.end();
            for birth in births.iter().chain([birth]).filter(|birth| birth.settle()) {
                birth.function.lose_place();
                birth.fail(host, status, body.clone());
            }
        }
    }
}

fn work(host: &Arc<Host>, isolate: &Arc<Isolate>, on: Attached) {
    let mut held = Held::default();
    loop {
        match isolate.take() {
            Job::Lodge(birth) => lodge(host, &birth, isolate, on),
            Job::Sweep => sweep(isolate, on),
            Job::Serve(call) => serve(host, &call, isolate, on, &mut held),
            Job::Collect => {
                isolate.raw().collect(on);
                isolate.measure(on);
            }
            Job::Retire => return,
        }
    }
}

/// Makes a place in a shared isolate, whose turn it is.
fn lodge(host: &Arc<Host>, birth: &Arc<Birth>, isolate: &Arc<Isolate>, on: Attached) {
    *lock(&birth.isolate) = Some(Arc::clone(isolate));
    let function = &birth.function;
    let time = Duration::from_millis(function.spec.init_timeout_ms.into());
    let limit = host.watchdog.arm(Instant::now() + time, Limit::Init(Arc::clone(birth)));
    let started = Instant::now();
    let (status, body) = init(isolate, function, on);
    host.watchdog.disarm(limit);
    let late = birth.late.load(Ordering::SeqCst);
    let (settled, status) = (birth.settle(), if late { Status::TimedOut } else { status });
    if settled && status == Status::Ok {
        let made = Birthtime { create_ns: newly(isolate), init_ns: nanos(started.elapsed()) };
        move_in(isolate, function, made, on);
        return;
    }
    function.lose_place();
    if settled {
        birth.fail(host, status, body);
    }
    if settled && !late && !status.spends_isolate() {
        isolate.raw().leave(on, function.number);
        pass_on(isolate, Instant::now());
    } else {
        condemn(host, isolate);
        isolate.put(Job::Retire);
    }
}

fn move_in(isolate: &Arc<Isolate>, function: &Arc<Function>, made: Birthtime, on: Attached) {
    let memory = isolate.measure(on);
    if let Some(share) = &isolate.share {
        share.move_in(function, made);
    }
    pass_on(isolate, Instant::now());
    announce_ready(function, made, memory.used);
    function.started(Arc::clone(isolate));
}

/// What it took to make the isolate, for the first that asks.
fn newly(isolate: &Isolate) -> u64 {
    std::mem::take(&mut lock(&isolate.birth).create_ns)
}

/// Clears the places of those who moved out.
fn sweep(isolate: &Arc<Isolate>, on: Attached) {
    if let Some(share) = &isolate.share {
        share.take_moved_out().into_iter().for_each(|number| isolate.raw().leave(on, number));
    }
    pass_on(isolate, Instant::now());
}

fn announce_ready(function: &Function, made: Birthtime, used: u64) {
    if let Some((outbox, id)) = function.take_announce() {
        outbox.send(report::ready(id, made.create_ns, made.init_ns, used));
    }
}

type Failure = (Status, Vec<u8>);

fn create(
    host: &Arc<Host>,
    library: &FunctionLibrary,
    share: Option<&Arc<Share>>,
) -> Result<(Arc<Isolate>, Attached), Failure> {
    let services = IsolateServices::new(Arc::clone(host));
    let started = Instant::now();
    let (raw, on) = RawIsolate::create(library, Arc::clone(&services) as _)
        .map_err(|code| (Status::NotCreated, error_body(&format!("The isolate could not be made (error {code})."))))?;
    let birth = Birthtime { create_ns: nanos(started.elapsed()), init_ns: 0 };
    Ok((Isolate::new(host.next_id(), raw, services, share.cloned(), birth), on))
}

fn init(isolate: &Isolate, function: &Function, on: Attached) -> Failure {
    if !isolate.select(function, on) {
        return (Status::Fatal, error_body("The isolate has no place for the function."));
    }
    let (code, body) =
        isolate.raw().init(on, &function.spec.request, &function.code, |code, reply| (code, reply.to_vec()));
    (Status::of_library(code), body)
}

fn make(host: &Arc<Host>, birth: &Birth) -> Result<(Arc<Isolate>, Attached), Failure> {
    let (isolate, on) = create(host, &birth.function.library, None)?;
    *lock(&birth.isolate) = Some(Arc::clone(&isolate));
    let started = Instant::now();
    let (status, body) = init(&isolate, &birth.function, on);
    lock(&isolate.birth).init_ns = nanos(started.elapsed());
    let late = birth.late.load(Ordering::SeqCst);
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
