//! What one isolate's callbacks reach: the output of its invocation, and calls to other functions.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::call::Call;
use crate::clock;
use crate::host::Host;
use crate::invoke;
use crate::lines::{Line, Lines};
use crate::status::{Status, error_body};
use crate::sync::lock;
use crate::sys::isolate::Services;

/// Output kept between invocations: of init, and of threads that outlived their invocation.
const STRAY_LIMIT: usize = 64 * 1024;

/// Callbacks of one isolate.
pub struct IsolateServices {
    host: Arc<Host>,
    current: Mutex<Option<Arc<Call>>>,
    /// Number of the function that what is printed between invocations belongs to.
    owner: AtomicU64,
    stray: Mutex<HashMap<u64, Stray>>,
}

struct Stray {
    lines: Lines,
    finished: Vec<Line>,
}

impl Default for Stray {
    fn default() -> Self {
        Self { lines: Lines::new(STRAY_LIMIT), finished: Vec::new() }
    }
}

impl IsolateServices {
    /// For an isolate without an invocation.
    pub fn new(host: Arc<Host>) -> Arc<Self> {
        Arc::new(Self { host, current: Mutex::default(), owner: AtomicU64::new(0), stray: Mutex::default() })
    }

    /// What is printed from now on is of function `number`, until another one is named.
    pub fn belong_to(&self, number: u64) {
        self.owner.store(number, Ordering::Relaxed);
    }

    /// `call` begins: what was printed meanwhile goes before its own output, as with a container's log.
    pub fn enter(&self, call: &Arc<Call>) {
        let stray = lock(&self.stray).remove(&call.function.number);
        if let Some(mut stray) = stray {
            stray.finished.extend(stray.lines.finish());
            call.send_lines(&stray.finished, call.patience());
        }
        *lock(&self.current) = Some(Arc::clone(call));
    }

    /// The invocation is over.
    pub fn leave(&self) {
        *lock(&self.current) = None;
    }

    fn call(&self, invocation: u64) -> Option<Arc<Call>> {
        lock(&self.current).as_ref().filter(|call| invocation == 0 || call.handle == invocation).map(Arc::clone)
    }
}

impl Services for IsolateServices {
    fn output(&self, invocation: u64, stream: i32, bytes: &[u8]) {
        if let Some(call) = self.call(invocation) {
            call.write(stream, bytes);
            return;
        }
        let mut strays = lock(&self.stray);
        let stray = strays.entry(self.owner.load(Ordering::Relaxed)).or_default();
        let finished = stray.lines.push(stream, clock::unix_ns(), bytes);
        stray.finished.extend(finished);
    }

    fn invoke(&self, invocation: u64, name: &[u8], params: &[u8]) -> (i32, Vec<u8>) {
        match self.call(invocation) {
            Some(caller) => invoke::invoke(&self.host, &caller, name, params),
            None => (Status::CallLimit as i32, error_body("No invocation is running that could call another action.")),
        }
    }
}
