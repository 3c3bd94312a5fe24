//! Frames on their way to one controller: whoever has something to say writes it, unless another thread is writing.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{IoSlice, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::sync::{lock, wait, wait_until};
use crate::sys::socket;

/// Bytes that may wait for a controller that does not read.
const MOST_QUEUED: usize = 32 * 1024 * 1024;
/// How long output and records wait for company before they are written.
const LINGER: Duration = Duration::from_millis(2);
/// A controller that does not read for this long is gone.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The writing side of a connection.
pub struct Outbox {
    stream: File,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Vec<u8>>,
    bytes: usize,
    writing: bool,
    closed: bool,
}

impl Outbox {
    /// An outbox over `stream`, with the thread that writes what nobody waits for.
    pub fn open(stream: File) -> std::io::Result<Arc<Self>> {
        let outbox = Arc::new(Self { stream, state: Mutex::default(), changed: Condvar::new() });
        let flusher = Arc::clone(&outbox);
        std::thread::Builder::new()
            .name("outbox".into())
            .stack_size(128 * 1024)
            .spawn(move || flusher.flush_lazily())?;
        Ok(outbox)
    }

    /// Writes `frame` now, after what was queued before it. Waits while too much is queued.
    pub fn send(&self, frame: Vec<u8>) {
        let deadline = Instant::now() + PATIENCE;
        if !self.enqueue(frame, deadline) {
            self.close();
        }
        let state = lock(&self.state);
        if !state.writing {
            drop(self.write_queued(state));
        }
    }

    /// Queues `frame` for the flusher; false if there is no room until `deadline`, or the connection has ended.
    pub fn post(&self, frame: Vec<u8>, deadline: Instant) -> bool {
        self.enqueue(frame, deadline)
    }

    /// Queues `frame` whatever is queued already: for the few threads that must never wait.
    pub fn post_always(&self, frame: Vec<u8>) {
        let mut state = lock(&self.state);
        if !state.closed {
            state.bytes += frame.len();
            state.queue.push_back(frame);
            self.changed.notify_all();
        }
    }

    /// Ends the connection; what is queued is lost.
    pub fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        state.queue.clear();
        state.bytes = 0;
        self.changed.notify_all();
        socket::shut(&self.stream);
    }

    /// Waits until all is written, at most until `deadline`.
    pub fn drain(&self, deadline: Instant) {
        let mut state = lock(&self.state);
        while !state.closed && (state.writing || !state.queue.is_empty()) && Instant::now() < deadline {
            if state.writing {
                state = wait_until(&self.changed, state, deadline);
            } else {
                state = self.write_queued(state);
            }
        }
    }

    fn enqueue(&self, frame: Vec<u8>, deadline: Instant) -> bool {
        let mut state = lock(&self.state);
        while !state.closed && state.bytes > 0 && state.bytes + frame.len() > MOST_QUEUED {
            if Instant::now() >= deadline {
                return false;
            }
            state = wait_until(&self.changed, state, deadline);
        }
        if state.closed {
            return false;
        }
        let first = state.queue.is_empty();
        state.bytes += frame.len();
        state.queue.push_back(frame);
        if first && !state.writing {
            self.changed.notify_all();
        }
        true
    }

    /// Writes what is queued at this moment; what comes meanwhile is the flusher's.
    fn write_queued<'a>(&'a self, mut state: std::sync::MutexGuard<'a, State>) -> std::sync::MutexGuard<'a, State> {
        let frames = std::mem::take(&mut state.queue);
        let bytes = std::mem::take(&mut state.bytes);
        if frames.is_empty() {
            return state;
        }
        state.writing = true;
        drop(state);
        let written = write_all(&self.stream, &frames);
        state = lock(&self.state);
        state.writing = false;
        if written.is_err() {
            state.closed = true;
            state.queue.clear();
            state.bytes = 0;
            socket::shut(&self.stream);
        }
        if bytes > MOST_QUEUED / 2 || !state.queue.is_empty() || state.closed {
            self.changed.notify_all();
        }
        state
    }

    fn flush_lazily(&self) {
        let mut state = lock(&self.state);
        while !state.closed {
            if state.queue.is_empty() || state.writing {
                state = wait(&self.changed, state);
                continue;
            }
            drop(state);
            std::thread::sleep(LINGER);
            state = lock(&self.state);
            if !state.writing {
                state = self.write_queued(state);
            }
        }
    }
}

/// Most slices of one vectored write.
const SLICES: usize = 64;

fn write_all(mut stream: &File, frames: &VecDeque<Vec<u8>>) -> std::io::Result<()> {
    let all: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
    for group in all.chunks(SLICES) {
        let mut slices: Vec<IoSlice<'_>> = group.iter().map(|frame| IoSlice::new(frame)).collect();
        let mut rest = slices.as_mut_slice();
        while !rest.is_empty() {
            match stream.write_vectored(rest) {
                Ok(0) => return Err(std::io::ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut rest, written),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}
