//! A function's place in an isolate that it shares with others.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::Function;
use crate::isolate::Isolate;
use crate::sync::lock;

impl Function {
    /// From now on it shares no isolate.
    pub fn stay_alone(&self) {
        self.alone.store(true, Ordering::Relaxed);
    }

    /// Gives up its place in `isolate`, which is free since `at`.
    pub fn move_out(self: &Arc<Self>, isolate: &Isolate, at: Instant) {
        self.stay_alone();
        let steps = {
            let isolates = lock(&self.isolates);
            if isolates.contains_key(&isolate.id) { lock(&self.pool).spent(isolate.id) } else { Vec::new() }
        };
        self.carry_out(steps);
        pass_on(isolate, at);
    }

    /// Whether its next isolate is to be a place in a shared one; true once until that place is given up.
    pub fn takes_place(&self) -> bool {
        !self.alone.load(Ordering::Relaxed) && !self.placed.swap(true, Ordering::Relaxed)
    }

    /// The place that it had, or was about to get, is no more.
    pub fn lose_place(&self) {
        self.placed.store(false, Ordering::Relaxed);
    }

    /// The shared `isolate` is gone.
    pub fn evict(self: &Arc<Self>, isolate: &Isolate) {
        self.lose_place();
        let steps = {
            let mut isolates = lock(&self.isolates);
            if isolates.remove(&isolate.id).is_some() { lock(&self.pool).evicted(isolate.id) } else { Vec::new() }
        };
        self.carry_out(steps);
    }

    /// Who waits has waited long enough for a shared isolate.
    pub fn insist(self: &Arc<Self>) {
        let mut pool = lock(&self.pool);
        let steps = if self.spec.policy.patience_ms > 0 { pool.overdue(true) } else { pool.fill() };
        drop(pool);
        self.carry_out(steps);
    }
}

/// The turn in a shared isolate is over.
pub fn pass_on(isolate: &Isolate, at: Instant) {
    let waiting = isolate.share.as_ref().map(|share| share.pass_on()).unwrap_or_default();
    for function in waiting {
        function.offer(isolate, at);
    }
}
