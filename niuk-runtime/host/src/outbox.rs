//! Frames on their way to one controller: whoever has something to say writes it, unless another thread is writing.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{IoSlice, Write};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::sync::{lock, wait, wait_until};
use crate::sys::socket;

/// Short frames that come one after the other share a piece of memory of this size, which is used again: allocating here
/// and freeing on the writer's thread cost more than the copy.
const SHARED: usize = 16 * 1024;
/// Bytes that may wait for a controller that does not read.
const MOST_QUEUED: usize = 32 * 1024 * 1024;
/// How long output and records wait at most for company, most often that of their run's result.
const LINGER: Duration = Duration::from_millis(5);
/// Rounds without anything to write after which the flusher sleeps until it is woken. While it goes round, a run that
/// prints costs no wake-up; where there is a run ten times a second, each round is one.
const IDLE_ROUNDS: u32 = 4;
/// How often a thread that has its own frame out goes on writing those that came meanwhile.
const MOST_ROUNDS: usize = 8;
/// How often one who waits for another thread's write looks whether it is over.
const GLANCE: Duration = Duration::from_millis(1);
/// A controller that does not read for this long is gone.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The writing side of a connection.
pub struct Outbox {
    stream: File,
    state: Mutex<State>,
    changed: Condvar,
}

/// Frames in their order, several in one piece.
#[derive(Default)]
struct Queue {
    pieces: VecDeque<Vec<u8>>,
    /// Empty, for the next short frames.
    spare: Option<Vec<u8>>,
}

impl Queue {
    fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    fn push(&mut self, frame: Vec<u8>) {
        match self.pieces.back_mut() {
            Some(last) if last.capacity() - last.len() >= frame.len() => last.extend_from_slice(&frame),
            _ if frame.len() > SHARED / 4 => self.pieces.push_back(frame),
            _ => {
                let mut piece = self.spare.take().unwrap_or_else(|| Vec::with_capacity(SHARED));
                piece.extend_from_slice(&frame);
                self.pieces.push_back(piece);
            }
        }
    }

    fn take(&mut self) -> VecDeque<Vec<u8>> {
        std::mem::take(&mut self.pieces)
    }

    /// One of the pieces that were written, emptied; the others are freed.
    fn reusable(written: VecDeque<Vec<u8>>) -> Option<Vec<u8>> {
        let mut piece = written.into_iter().find(|piece| piece.capacity() == SHARED)?;
        piece.clear();
        Some(piece)
    }

    fn clear(&mut self) {
        self.pieces.clear();
    }
}

#[derive(Default)]
struct State {
    queue: Queue,
    bytes: usize,
    writing: bool,
    closed: bool,
    /// Frames that were queued, and those of them that were written.
    queued: u64,
    written: u64,
    /// Threads that wait for the end of another one's write.
    waiting: usize,
    /// The flusher must be woken.
    parked: bool,
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
        let mut state = lock(&self.state);
        for _ in 0..MOST_ROUNDS {
            if state.writing || state.queue.is_empty() {
                return;
            }
            state = self.write_queued(state);
        }
        if !state.queue.is_empty() {
            self.changed.notify_all();
        }
    }

    /// As [`Outbox::send`], and waits until all that was queued before now is with the kernel, at most until `deadline`;
    /// whether it is.
    pub fn hand_over(&self, frame: Vec<u8>, deadline: Instant) -> bool {
        self.send(frame);
        let mut state = lock(&self.state);
        let mine = state.queued;
        while !state.closed && state.written < mine && Instant::now() < deadline {
            if state.writing {
                state.waiting += 1;
                state = wait_until(&self.changed, state, deadline);
                state.waiting -= 1;
            } else {
                state = self.write_queued(state);
            }
        }
        !state.closed && state.written >= mine
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
            state.queued += 1;
            state.queue.push(frame);
            self.wake_flusher(&state);
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
                state = wait_until(&self.changed, state, deadline.min(Instant::now() + GLANCE));
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
        state.bytes += frame.len();
        state.queued += 1;
        state.queue.push(frame);
        self.wake_flusher(&state);
        true
    }

    fn wake_flusher(&self, state: &State) {
        if state.parked && !state.writing {
            self.changed.notify_all();
        }
    }

    /// Writes what is queued at this moment. What others send meanwhile they leave to the caller, who goes on writing or
    /// wakes the flusher.
    fn write_queued<'a>(&'a self, mut state: std::sync::MutexGuard<'a, State>) -> std::sync::MutexGuard<'a, State> {
        let frames = state.queue.take();
        let bytes = std::mem::take(&mut state.bytes);
        if frames.is_empty() {
            return state;
        }
        state.writing = true;
        let reached = state.queued;
        drop(state);
        let written = write_all(&self.stream, &frames);
        let reusable = Queue::reusable(frames);
        state = lock(&self.state);
        state.writing = false;
        state.written = reached;
        state.queue.spare = state.queue.spare.take().or(reusable);
        if written.is_err() {
            state.closed = true;
            state.queue.clear();
            state.bytes = 0;
            socket::shut(&self.stream);
        }
        if bytes > MOST_QUEUED / 2 || state.closed || state.waiting > 0 {
            self.changed.notify_all();
        }
        state
    }

    fn flush_lazily(&self) {
        let mut idle = 0;
        let mut state = lock(&self.state);
        while !state.closed {
            if idle > IDLE_ROUNDS && state.queue.is_empty() {
                idle = 0;
                state.parked = true;
                state = wait(&self.changed, state);
                state.parked = false;
            }
            state = wait_until(&self.changed, state, Instant::now() + LINGER);
            idle = if state.queue.is_empty() { idle + 1 } else { 0 };
            // What is sent while this thread writes is left to it: a result must not wait for the next round.
            while !state.writing && !state.queue.is_empty() {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_frames_share_a_piece_and_all_keep_their_order() {
        let mut queue = Queue::default();
        let frames = [vec![1; 10], vec![2; 20], vec![3; SHARED], vec![4; 30], vec![5; SHARED / 8]];
        frames.iter().cloned().for_each(|frame| queue.push(frame));
        let written = queue.take();
        assert_eq!(written.iter().map(Vec::len).collect::<Vec<_>>(), [30, SHARED, 30 + SHARED / 8]);
        assert_eq!(Vec::from(written).concat(), frames.concat());
        assert!(queue.is_empty());
    }

    #[test]
    fn a_piece_that_was_written_is_used_again() {
        let mut queue = Queue::default();
        queue.push(vec![1; 10]);
        let written = queue.take();
        let place = written.front().map(|piece| piece.as_ptr());
        queue.spare = Queue::reusable(written);
        queue.push(vec![2; 20]);
        assert_eq!(queue.pieces.front().map(|piece| piece.as_ptr()), place);
        assert_eq!(queue.pieces.front().map(Vec::len), Some(20));
    }
}
