//! Whether somebody waits for an isolate of a function for too long.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Function;
use crate::host::Limit;
use crate::sync::lock;

/// Who has waited for so many times the patience gets another isolate though those that there are go on serving.
const LATE: u32 = 10;

impl Function {
    /// Adds an isolate where somebody has waited for longer than the patience, and looks again while anybody waits.
    pub fn look_at_waits(self: &Arc<Self>) {
        self.watched.store(false, Ordering::SeqCst);
        let now = Instant::now();
        let oldest = lock(&self.pool).oldest().map(|call| call.asked);
        let Some(asked) = oldest else { return };
        let (waited, patience) = (now.saturating_duration_since(asked), self.patience());
        let overdue = waited >= patience;
        if overdue {
            let steps = lock(&self.pool).overdue(waited >= patience * LATE);
            self.carry_out(steps);
        }
        if !self.watched.swap(true, Ordering::SeqCst) {
            self.watch_from(if overdue { now } else { asked });
        }
    }

    pub(super) fn watch_from(self: &Arc<Self>, since: Instant) {
        self.host.watchdog.arm(since + self.patience(), Limit::Patience(Arc::clone(self)));
    }

    fn patience(&self) -> Duration {
        Duration::from_millis(self.spec.policy.patience_ms.into())
    }
}
