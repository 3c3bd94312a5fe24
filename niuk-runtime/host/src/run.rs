//! What the controller asked for. The calls that functions make to each other inside of it are calls of that run.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use crate::call::Call;
use crate::json;
use crate::outbox::Outbox;
use crate::status::Status;
use crate::sync::lock;

/// Members of a run's environment that the calls inside of it inherit.
pub const INHERITED: [&[u8]; 3] = [b"__OW_API_HOST", b"__OW_API_KEY", b"__OW_TRANSACTION_ID"];

/// One RUN of a controller.
pub struct Run {
    /// The RUN's frame id.
    pub id: u64,
    /// Where its frames go.
    pub outbox: Arc<Outbox>,
    /// JSON object of strings, or empty.
    pub environment: Vec<u8>,
    /// The controller answers CALL frames.
    pub serves_calls: bool,
    inherited: OnceLock<Vec<u8>>,
    calls: AtomicU32,
    state: Mutex<RunState>,
    siblings: Weak<Runs>,
}

/// Runs of one connection that are not answered, by frame id.
pub type Runs = Mutex<HashMap<u64, Arc<Run>>>;

#[derive(Default)]
struct RunState {
    active: Vec<Arc<Call>>,
    cancelled: Option<Status>,
}

impl Run {
    /// A run that has not begun, counted among `siblings`; `None` if one of that id is there.
    pub fn new(
        id: u64,
        outbox: Arc<Outbox>,
        environment: Vec<u8>,
        serves_calls: bool,
        siblings: &Arc<Runs>,
    ) -> Option<Arc<Self>> {
        let run = Arc::new(Self {
            id,
            outbox,
            environment,
            serves_calls,
            inherited: OnceLock::new(),
            calls: AtomicU32::new(0),
            state: Mutex::default(),
            siblings: Arc::downgrade(siblings),
        });
        match lock(siblings).entry(id) {
            Entry::Occupied(_) => None,
            Entry::Vacant(place) => Some(Arc::clone(place.insert(run))),
        }
    }

    /// No longer among its siblings: its id may be used again.
    pub fn close(&self) {
        if let Some(siblings) = self.siblings.upgrade() {
            lock(&siblings).remove(&self.id);
        }
    }

    /// The number of the next call inside of this run, from 1.
    pub fn next_number(&self) -> u32 {
        self.calls.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Members that inner calls inherit, as text without braces.
    pub fn inherited(&self) -> &[u8] {
        self.inherited.get_or_init(|| {
            let members = json::members(&self.environment).unwrap_or_default();
            let mut out = Vec::new();
            for member in members.iter().filter(|member| INHERITED.contains(&member.key)) {
                out.push(b'"');
                out.extend_from_slice(member.key);
                out.extend_from_slice(b"\":");
                out.extend_from_slice(member.value);
                out.push(b',');
            }
            out
        })
    }

    /// Counts `call` as active; false when the run was cancelled already.
    pub fn enter(&self, call: &Arc<Call>) -> bool {
        let mut state = lock(&self.state);
        if state.cancelled.is_some() {
            return false;
        }
        state.active.push(Arc::clone(call));
        true
    }

    /// `call` is over.
    pub fn leave(&self, call: &Call) {
        lock(&self.state).active.retain(|active| active.handle != call.handle);
    }

    /// Why the run was cancelled, if it was.
    pub fn cancelled(&self) -> Option<Status> {
        lock(&self.state).cancelled
    }

    /// Lets the run not begin, unless it has begun.
    pub fn hold(&self) {
        let mut state = lock(&self.state);
        if state.active.is_empty() {
            state.cancelled.get_or_insert(Status::Cancelled);
        }
    }

    /// Ends the run: no more calls, and those that are active, innermost first.
    pub fn cancel(&self, why: Status) -> Vec<Arc<Call>> {
        let mut state = lock(&self.state);
        state.cancelled.get_or_insert(why);
        state.active.iter().rev().cloned().collect()
    }
}
