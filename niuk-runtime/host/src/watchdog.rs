//! One thread that watches all time limits.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Instant;

use crate::sync::{lock, wait, wait_until};

/// Names one armed limit.
pub type Armed = (Instant, u64);

/// Limits in order of their time; `T` says what to do.
pub struct Watchdog<T> {
    state: Mutex<State<T>>,
    earlier: Condvar,
    sequence: AtomicU64,
}

struct State<T> {
    limits: BTreeMap<Armed, T>,
    /// When the thread wakes by itself. Disarming leaves it, so that a stream of short runs wakes nobody.
    wakes: Option<Instant>,
}

impl<T> Default for Watchdog<T> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State { limits: BTreeMap::new(), wakes: None }),
            earlier: Condvar::new(),
            sequence: AtomicU64::new(0),
        }
    }
}

impl<T> Watchdog<T> {
    /// At `when`, `what` is due.
    pub fn arm(&self, when: Instant, what: T) -> Armed {
        let armed = (when, self.sequence.fetch_add(1, Ordering::Relaxed));
        let mut state = lock(&self.state);
        state.limits.insert(armed, what);
        if state.wakes.is_none_or(|wakes| when < wakes) {
            self.earlier.notify_one();
        }
        armed
    }

    /// Not due any more. Harmless if it was.
    pub fn disarm(&self, armed: Armed) {
        lock(&self.state).limits.remove(&armed);
    }

    /// Waits for the next limit that passes. Never returns `None` early: with nothing armed it waits.
    pub fn next(&self) -> T {
        let mut state = lock(&self.state);
        loop {
            state.wakes = state.limits.first_key_value().map(|((when, _), _)| *when);
            match state.wakes {
                None => state = wait(&self.earlier, state),
                Some(when) if when > Instant::now() => state = wait_until(&self.earlier, state, when),
                Some(_) => {
                    if let Some((_, what)) = state.limits.pop_first() {
                        return what;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn gives_limits_in_order_and_forgets_disarmed_ones() {
        let watchdog = Watchdog::default();
        let now = Instant::now();
        watchdog.arm(now + Duration::from_millis(20), "later");
        let never = watchdog.arm(now + Duration::from_millis(1), "never");
        watchdog.arm(now, "first");
        watchdog.disarm(never);
        assert_eq!(watchdog.next(), "first");
        assert_eq!(watchdog.next(), "later");
        assert!(Instant::now() >= now + Duration::from_millis(20));
    }

    #[test]
    fn an_earlier_limit_wakes_it() {
        let watchdog = Watchdog::default();
        watchdog.arm(Instant::now() + Duration::from_secs(600), "late");
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| watchdog.next());
            watchdog.arm(Instant::now(), "soon");
            assert_eq!(waiting.join().unwrap(), "soon");
        });
    }
}
