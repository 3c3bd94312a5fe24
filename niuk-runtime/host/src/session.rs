//! One connection: reads requests, sees that they are carried out, ends at the first frame that is none.

use std::collections::HashMap;
use std::fs::File;
use std::io::BufReader;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::artifacts::Upload;
use crate::call::{Call, Input};
use crate::chain;
use crate::clock;
use crate::frame::{FrameError, Incoming, MAX_GREETING, MAX_PAYLOAD, VERSION, read_frame};
use crate::function::Function;
use crate::host::{Host, Limit, MOST_IN_FLIGHT};
use crate::limits::{cancel_run, look_for_idle};
use crate::outbox::Outbox;
use crate::report::{self, Greeting, Timing};
use crate::request::{self, Hello, Init, Load, Request};
use crate::run::{Run, Runs};
use crate::status::{Status, error_body};
use crate::sync::lock;
use crate::sys::{machine, socket};

/// Uploads at once on one connection.
const MOST_UPLOADS: usize = 4;
/// Functions of one NIUk.
const MOST_FUNCTIONS: usize = 4096;

struct Session {
    host: Arc<Host>,
    outbox: Arc<Outbox>,
    runs: Arc<Runs>,
    serves_calls: bool,
    uploads: HashMap<u64, Upload>,
}

/// Serves `stream` until it ends.
pub fn serve(host: &Arc<Host>, stream: File) -> std::io::Result<()> {
    socket::limit_writes(&stream, crate::outbox::PATIENCE);
    let outbox = Outbox::open(stream.try_clone()?)?;
    let mut session = Session {
        host: Arc::clone(host),
        outbox: Arc::clone(&outbox),
        runs: Arc::default(),
        serves_calls: false,
        uploads: HashMap::new(),
    };
    session.serve(&mut BufReader::with_capacity(64 * 1024, stream));
    let left: Vec<_> = lock(&session.runs).values().cloned().collect();
    for run in left {
        cancel_run(host, &run, Status::Cancelled);
    }
    outbox.drain(Instant::now() + Duration::from_secs(1));
    outbox.close();
    Ok(())
}

impl Session {
    fn serve(&mut self, stream: &mut BufReader<File>) {
        let mut limit = MAX_GREETING;
        loop {
            let (header, payload) = match read_frame(stream, limit) {
                Ok(Incoming::Frame(header, payload)) => (header, payload),
                Ok(Incoming::Malformed(error)) => return self.break_off(error),
                Ok(Incoming::End) | Err(_) => return,
            };
            let greeted = limit == MAX_PAYLOAD;
            if greeted == (header.kind == request::kind::HELLO) {
                let what = if greeted { "a second HELLO" } else { "HELLO comes first" };
                return self.break_off(FrameError::OutOfOrder(what));
            }
            match Request::parse(header.kind, &payload) {
                Ok(request) => {
                    if let Err(error) = self.carry_out(header.id, request) {
                        return self.break_off(error);
                    }
                }
                Err(error) => return self.break_off(error),
            }
            limit = MAX_PAYLOAD;
        }
    }

    fn break_off(&self, error: FrameError) {
        self.outbox.send(report::error(&error.to_string()));
    }

    fn carry_out(&mut self, id: u64, request: Request) -> Result<(), FrameError> {
        match request {
            Request::Hello(hello) => return self.greet(id, &hello),
            Request::Ping => self.outbox.send(report::pong(id, clock::unix_ns())),
            Request::Load(load) => self.load(id, load),
            Request::Chunk { offset, bytes } => self.chunk(id, offset, &bytes),
            Request::Unload { hash } => {
                let known = self.host.artifacts.unload(&hash);
                self.ok_or_unknown(id, known, "no such artifact is loaded");
            }
            Request::Init(init) => self.init(id, *init),
            Request::Run(run) => return self.run(id, run),
            Request::Chain(chain) => return self.chain(id, chain),
            Request::Cut { step } => {
                let found = lock(&self.runs).get(&step).cloned();
                if let Some(run) = &found {
                    run.hold();
                }
                self.ok_or_unknown(id, found.is_some(), "no such step");
            }
            Request::Cancel { run } => {
                let found = lock(&self.runs).get(&run).cloned();
                if let Some(run) = &found {
                    cancel_run(&self.host, run, Status::Cancelled);
                }
                self.ok_or_unknown(id, found.is_some(), "no such run");
            }
            Request::Stats => self.outbox.send(report::figures(id, &crate::stats::figures(&self.host))),
            Request::Shutdown { grace_ms } => self.shut_down(id, grace_ms),
            // An answer to a call that nobody waits for any more is no error.
            Request::CallResult { status, body } => drop(self.host.remote.answer(id, status, body)),
            Request::Drop { function } => {
                let found = self.host.function(&function);
                if let Some(function) = &found {
                    self.host.remove(function);
                }
                self.ok_or_unknown(id, found.is_some(), "no such function");
            }
            Request::Grow { function, isolates } => match self.host.function(&function) {
                Some(function) => function.grow(isolates.into(), (Arc::clone(&self.outbox), id)),
                None => self.fail(id, Status::Unknown, "no such function"),
            },
            Request::Reseed { unix_ns, entropy } => self.reseed(id, unix_ns, &entropy),
        }
        Ok(())
    }

    fn ok_or_unknown(&self, id: u64, known: bool, words: &str) {
        if known {
            self.outbox.send(report::ok(id));
        } else {
            self.fail(id, Status::Unknown, words);
        }
    }

    fn fail(&self, id: u64, status: Status, words: &str) {
        self.outbox.send(report::failed(id, status, &error_body(words)));
    }

    fn greet(&mut self, id: u64, hello: &Hello) -> Result<(), FrameError> {
        if !(hello.lowest..=hello.highest).contains(&VERSION) {
            return Err(FrameError::Version(hello.highest));
        }
        if hello.namespace.is_empty() || !self.host.serve_namespace(&hello.namespace) {
            return Err(FrameError::OutOfOrder("this NIUk serves another namespace"));
        }
        self.serves_calls = hello.serves_calls;
        self.host.inform(&self.outbox);
        let greeting = Greeting {
            pid: std::process::id(),
            uptime_ns: clock::nanos(clock::start().elapsed()),
            max_payload: MAX_PAYLOAD,
            max_in_flight: u32::try_from(MOST_IN_FLIGHT).unwrap_or(u32::MAX),
        };
        self.outbox.send(report::welcome(id, &greeting));
        Ok(())
    }

    fn load(&mut self, id: u64, load: Load) {
        let started = Instant::now();
        if self.host.artifacts.has(load.artifact, &load.hash) {
            self.outbox.send(report::loaded(id, true, 0));
        } else if load.path.is_empty() {
            self.begin_upload(id, load);
        } else {
            let (host, outbox) = (Arc::clone(&self.host), Arc::clone(&self.outbox));
            self.aside(id, move || {
                answer_load(&outbox, id, started, host.artifacts.load_path(&load));
            });
        }
    }

    fn begin_upload(&mut self, id: u64, load: Load) {
        if self.uploads.len() >= MOST_UPLOADS || self.uploads.contains_key(&id) {
            return self.fail(id, Status::Overloaded, "too many uploads at once");
        }
        match Upload::begin(&self.host.artifacts, load, self.host.next_id()) {
            Ok(upload) => drop(self.uploads.insert(id, upload)),
            Err(words) => self.fail(id, Status::NotLoaded, &words),
        }
    }

    fn chunk(&mut self, id: u64, offset: u64, bytes: &[u8]) {
        // Pieces of an upload that failed may still be on their way.
        let Some(upload) = self.uploads.get_mut(&id) else { return };
        match upload.take(offset, bytes) {
            Ok(false) => {}
            Ok(true) => {
                let Some(upload) = self.uploads.remove(&id) else { return };
                let (host, outbox, started) = (Arc::clone(&self.host), Arc::clone(&self.outbox), Instant::now());
                self.aside(id, move || answer_load(&outbox, id, started, upload.finish(&host.artifacts)));
            }
            Err(words) => {
                self.uploads.remove(&id);
                self.fail(id, Status::NotLoaded, &words);
            }
        }
    }

    /// Runs `work` on a thread of its own: loading may take long, and other requests must not wait for it.
    fn aside(&self, id: u64, work: impl FnOnce() + Send + 'static) {
        if let Err(error) = std::thread::Builder::new().name("aside".into()).spawn(work) {
            self.fail(id, Status::NotLoaded, &error.to_string());
        }
    }

    fn init(&self, id: u64, init: Init) {
        if let Some(known) = self.host.function(&init.function) {
            if known.spec == init && known.is_ready() {
                self.outbox.send(report::ready(id, 0, 0, 0));
            } else {
                self.fail(id, Status::BadRequest, "a function of this name is here already");
            }
            return;
        }
        let (Some(library), Some(code)) =
            (self.host.artifacts.library(&init.library), self.host.artifacts.code(&init.code))
        else {
            return self.fail(id, Status::NotLoaded, "the function's library or code is not loaded");
        };
        let functions = self.host.functions().len();
        if functions >= MOST_FUNCTIONS {
            return self.fail(id, Status::Overloaded, "this NIUk has as many functions as it takes");
        }
        match Function::new(init, library, code, Arc::clone(&self.host), (Arc::clone(&self.outbox), id)) {
            Ok(function) => {
                if functions == 0 && self.host.first_function() {
                    look_for_idle(&self.host);
                }
                self.host.add(&function);
                function.open();
            }
            Err(words) => self.fail(id, Status::BadRequest, words),
        }
    }

    fn run(&self, id: u64, run: request::Run) -> Result<(), FrameError> {
        let request::Run { function, timeout_ms, wait_ms, environment, params } = run;
        let Some(function) = self.host.function(&function) else {
            self.refuse_run(id, Status::Unknown, "no such function is here");
            return Ok(());
        };
        if self.host.stopping.load(Ordering::Relaxed) {
            self.refuse_run(id, Status::Stopping, "this NIUk is ending");
            return Ok(());
        }
        if self.host.in_flight.fetch_add(1, Ordering::Relaxed) >= MOST_IN_FLIGHT {
            self.host.in_flight.fetch_sub(1, Ordering::Relaxed);
            self.refuse_run(id, Status::Overloaded, "too many invocations are in flight");
            return Ok(());
        }
        let outbox = Arc::clone(&self.outbox);
        let Some(run) = Run::new(id, outbox, environment.clone(), self.serves_calls, &self.runs) else {
            self.host.in_flight.fetch_sub(1, Ordering::Relaxed);
            return Err(FrameError::OutOfOrder("a RUN with the id of one that is in flight"));
        };
        let timeout = Duration::from_millis(timeout_ms.into());
        let input = Some(Input { environment, params });
        let call = Arc::new(Call::new(self.host.next_id(), run, Arc::clone(&function), Instant::now(), timeout, input));
        call.run.enter(&call);
        function.request(&call, false);
        if call.is_waiting() {
            let longest = call.asked + Duration::from_millis(wait_ms.into());
            let armed = self.host.watchdog.arm(longest, Limit::Wait(Arc::clone(&call)));
            *lock(&call.wait_limit) = Some(armed);
            if !call.is_waiting() {
                call.stop_waiting(&self.host);
            }
        }
        Ok(())
    }

    fn chain(&self, id: u64, chain: request::Chain) -> Result<(), FrameError> {
        let last = id.checked_add(chain.steps.len() as u64 - 1);
        if last.is_none() {
            return Err(FrameError::Payload("the ids of a chain's steps run over"));
        }
        match chain::prepare(&self.host, &self.outbox, &self.runs, self.serves_calls, id, chain)? {
            Ok(work) => chain::begin(&self.host, work),
            Err((status, words, steps)) => (id..id + steps).for_each(|step| self.refuse_run(step, status, words)),
        }
        Ok(())
    }

    fn refuse_run(&self, id: u64, status: Status, words: &str) {
        let timing = Timing { start_unix_ns: clock::unix_ns(), ..Timing::default() };
        self.outbox.send(report::result(id, status, &timing, &error_body(words)));
    }

    fn reseed(&self, id: u64, unix_ns: u64, entropy: &[u8]) {
        if !self.host.owns_machine {
            return self.fail(id, Status::BadRequest, "only a NIUk that is a machine of its own has a clock to set");
        }
        let done = machine::add_entropy(entropy)
            .and_then(|()| if unix_ns == 0 { Ok(()) } else { machine::set_clock(unix_ns) })
            .and_then(|()| self.host.reseed());
        match done {
            Ok(()) => self.outbox.send(report::ok(id)),
            Err(error) => self.fail(id, Status::BadRequest, &error.to_string()),
        }
    }

    /// Other requests go on meanwhile: what runs may still be cancelled, or wait for a CALL_RESULT.
    fn shut_down(&self, id: u64, grace_ms: u32) {
        self.host.stopping.store(true, Ordering::Relaxed);
        let deadline = Instant::now() + Duration::from_millis(grace_ms.into());
        let (host, outbox) = (Arc::clone(&self.host), Arc::clone(&self.outbox));
        self.aside(id, move || {
            while host.in_flight.load(Ordering::Relaxed) > 0 && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(2));
            }
            outbox.send(report::ok(id));
            outbox.drain(Instant::now() + Duration::from_secs(1));
            host.end(Ok(()));
        });
    }
}

fn answer_load(outbox: &Outbox, id: u64, started: Instant, loaded: Result<(), String>) {
    match loaded {
        Ok(()) => outbox.send(report::loaded(id, false, clock::nanos(started.elapsed()))),
        Err(words) => outbox.send(report::failed(id, Status::NotLoaded, &error_body(&words))),
    }
}
