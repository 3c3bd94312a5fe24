//! Time: monotonic for limits, wall clock for what users see.

use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

static START: OnceLock<Instant> = OnceLock::new();

/// When the process began, as far as it knows; the first caller sets it.
pub fn start() -> Instant {
    *START.get_or_init(Instant::now)
}

/// Milliseconds since [`start`].
pub fn now_ms() -> u64 {
    ms_at(Instant::now())
}

/// Milliseconds from [`start`] to `at`.
pub fn ms_at(at: Instant) -> u64 {
    millis(at.saturating_duration_since(start()))
}

/// One reading of both clocks: a call between functions is so short that reading them would be a good part of it.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// For limits.
    pub at: Instant,
    /// For users.
    pub unix_ns: u64,
}

impl Moment {
    /// Now.
    pub fn now() -> Self {
        Self { at: Instant::now(), unix_ns: unix_ns() }
    }
}

/// Wall clock, nanoseconds since 1970.
pub fn unix_ns() -> u64 {
    nanos(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

/// Nanoseconds, capped.
pub fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Milliseconds, capped.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
