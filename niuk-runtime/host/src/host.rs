//! All that one NIUk knows: its functions, its time limits, its state of health.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock, Weak, mpsc};

use crate::artifacts::{Artifacts, hex};
use crate::birth::Birth;
use crate::call::Call;
use crate::chain::Chains;
use crate::function::Function;
use crate::invoke::Remote;
use crate::isolate::Isolate;
use crate::outbox::Outbox;
use crate::report;
use crate::share::{Share, Shares};
use crate::sync::{lock, read, write};
use crate::sys::machine;
use crate::watchdog::Watchdog;

/// Most runs at once, waiting ones included.
pub const MOST_IN_FLIGHT: usize = 4096;

/// What the watchdog does when a limit passes.
pub enum Limit {
    /// The run waited long enough for an isolate.
    Wait(Arc<Call>),
    /// User code had its time.
    Run(Arc<Call>),
    /// It was asked to end, and should have.
    Grace(Arc<Call>),
    /// Creation and init had their time.
    Init(Arc<Birth>),
    /// Init was asked to end, and should have.
    InitGrace(Arc<Birth>),
    /// Tearing an isolate of this function down takes too long.
    TearDown(String),
    /// The function's invocation has waited for the isolate that it shares.
    Turn(Arc<Function>),
    /// Functions have waited to move in.
    Board(Arc<Share>),
    /// Time to look for idle isolates.
    Idle,
    /// Somebody may have waited too long for an isolate of this function.
    Patience(Arc<Function>),
}

/// Whom the canceller tells to end.
pub enum Cancel {
    /// A call in user code.
    Call(Arc<Isolate>, Arc<Call>),
    /// An init.
    Birth(Arc<Isolate>, Arc<Birth>),
}

/// The host.
pub struct Host {
    /// Libraries and code.
    pub artifacts: Artifacts,
    /// Time limits.
    pub watchdog: Watchdog<Limit>,
    /// Calls that the controller answers.
    pub remote: Remote,
    /// Threads that carry chains out.
    pub chains: Chains,
    /// Isolates that functions share.
    pub shares: Shares,
    /// Runs that are not answered yet.
    pub in_flight: AtomicUsize,
    /// No new runs.
    pub stopping: AtomicBool,
    /// This process is the first of a machine of its own: clock and entropy are its to set.
    pub owns_machine: bool,
    /// The watchdog looks for idle isolates.
    idle_rounds: AtomicBool,
    cancels: mpsc::Sender<Cancel>,
    ended: mpsc::Sender<std::io::Result<()>>,
    functions: RwLock<Functions>,
    namespace: RwLock<String>,
    outboxes: Mutex<Vec<Weak<Outbox>>>,
    replace: Mutex<Option<String>>,
    numbers: AtomicU64,
    entropy: Mutex<[u64; 2]>,
}

/// What a host's threads tell those that wait.
pub struct Signals {
    /// For the canceller.
    pub to_cancel: mpsc::Receiver<Cancel>,
    /// For the main thread: the process is to end.
    pub end: mpsc::Receiver<std::io::Result<()>>,
}

#[derive(Default)]
struct Functions {
    by_name: HashMap<String, Arc<Function>>,
    by_address: HashMap<String, Arc<Function>>,
}

impl Host {
    /// A host without functions.
    pub fn new(artifacts: Artifacts, owns_machine: bool) -> std::io::Result<(Arc<Self>, Signals)> {
        let (cancels, to_cancel) = mpsc::channel();
        let (ended, end) = mpsc::channel();
        let host = Arc::new(Self {
            artifacts,
            watchdog: Watchdog::default(),
            remote: Remote::default(),
            chains: Chains::default(),
            shares: Shares::default(),
            in_flight: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
            owns_machine,
            idle_rounds: AtomicBool::new(false),
            cancels,
            ended,
            functions: RwLock::default(),
            namespace: RwLock::default(),
            outboxes: Mutex::default(),
            replace: Mutex::default(),
            numbers: AtomicU64::new(1),
            entropy: Mutex::new([0; 2]),
        });
        host.reseed()?;
        Ok((host, Signals { to_cancel, end }))
    }

    /// A number that nothing else in this process has.
    pub fn next_id(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Takes new random state from the kernel.
    pub fn reseed(&self) -> std::io::Result<()> {
        let bytes: [[u8; 8]; 2] = [machine::random()?, machine::random()?];
        *lock(&self.entropy) = bytes.map(u64::from_le_bytes);
        Ok(())
    }

    /// A new activation id: 32 hexadecimal digits (xoroshiro128+: unique, not secret).
    pub fn activation_id(&self) -> String {
        let mut state = lock(&self.entropy);
        let mut next = || {
            let [first, second] = *state;
            let mixed = first ^ second;
            *state = [first.rotate_left(24) ^ mixed ^ (mixed << 16), mixed.rotate_left(37)];
            first.wrapping_add(second)
        };
        let number = u128::from(next()) << 64 | u128::from(next());
        drop(state);
        hex(&number.to_be_bytes())
    }

    /// Binds this NIUk to the namespace of its first controller; false for another one.
    pub fn serve_namespace(&self, namespace: &str) -> bool {
        let mut bound = write(&self.namespace);
        if bound.is_empty() {
            namespace.clone_into(&mut bound);
        }
        *bound == namespace
    }

    /// Keeps `outbox` informed of what concerns the whole host.
    pub fn inform(&self, outbox: &Arc<Outbox>) {
        let mut outboxes = lock(&self.outboxes);
        outboxes.retain(|known| known.strong_count() > 0);
        outboxes.push(Arc::downgrade(outbox));
    }

    /// The outboxes of all connections.
    pub fn outboxes(&self) -> Vec<Arc<Outbox>> {
        lock(&self.outboxes).iter().filter_map(Weak::upgrade).collect()
    }

    /// Says that this process must be replaced, once for each reason, and remembers the first.
    pub fn ask_for_replacement(&self, reason: &str, function: &str) {
        lock(&self.replace).get_or_insert_with(|| format!("{function}: {reason}"));
        for outbox in self.outboxes() {
            outbox.post_always(report::notice_replace(reason, function));
        }
    }

    /// Why this process must be replaced, if it must.
    pub fn replacement(&self) -> Option<String> {
        lock(&self.replace).clone()
    }

    /// Hands a cancellation to the thread that may wait on a library.
    pub fn cancel(&self, what: Cancel) {
        // The receiver lives as long as the process.
        let _ = self.cancels.send(what);
    }

    /// Ends the process, whatever runs; the first to say so decides how.
    pub fn end(&self, how: std::io::Result<()>) {
        // The receiver is gone only when the process ends already.
        let _ = self.ended.send(how);
    }

    /// Adds a function; its address now means this one. False if the name is taken.
    pub fn add(&self, function: &Arc<Function>) -> bool {
        let mut functions = write(&self.functions);
        if functions.by_name.contains_key(&function.spec.function) {
            return false;
        }
        functions.by_name.insert(function.spec.function.clone(), Arc::clone(function));
        if !function.spec.address.is_empty() {
            functions.by_address.insert(function.spec.address.clone(), Arc::clone(function));
        }
        true
    }

    /// True once: for whoever adds the first function.
    pub fn first_function(&self) -> bool {
        !self.idle_rounds.swap(true, Ordering::Relaxed)
    }

    /// Takes a function out and tears its isolates down as they become free.
    pub fn remove(&self, function: &Arc<Function>) {
        let mut functions = write(&self.functions);
        functions.by_name.retain(|_, known| !Arc::ptr_eq(known, function));
        functions.by_address.retain(|_, known| !Arc::ptr_eq(known, function));
        drop(functions);
        function.close();
    }

    /// The function that INIT named so.
    pub fn function(&self, name: &str) -> Option<Arc<Function>> {
        read(&self.functions).by_name.get(name).cloned()
    }

    /// All functions, by name.
    pub fn functions(&self) -> Vec<Arc<Function>> {
        let mut all: Vec<_> = read(&self.functions).by_name.values().cloned().collect();
        all.sort_by(|one, other| one.spec.function.cmp(&other.spec.function));
        all
    }

    /// The function that `argo.invoke(name)` means: `name`, `package/name`, `/namespace/…` or `/_/…`.
    pub fn resolve(&self, name: &[u8]) -> Option<Arc<Function>> {
        let name = std::str::from_utf8(name).ok()?;
        let functions = read(&self.functions);
        if let Some(found) = functions.by_address.get(name) {
            return Some(Arc::clone(found));
        }
        let namespace = read(&self.namespace);
        let local = name.strip_prefix("/_/").or_else(|| (!name.starts_with('/')).then_some(name))?;
        functions.by_address.get(&format!("/{namespace}/{local}")).cloned()
    }

    /// A run is over; for whoever answers it.
    pub fn finish(&self, call: &Call, status: crate::status::Status) {
        call.function.count(status);
        call.run.leave(call);
        call.run.close();
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
