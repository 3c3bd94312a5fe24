//! Which isolate of a function serves which invocation: a state machine without threads or clocks. Pure.
//!
//! An isolate is starting → idle ⇄ busy → gone. Events come in, [`Step`]s go out; whoever feeds events carries the steps
//! out, outside of the lock that guards the pool.

use std::collections::VecDeque;

/// Number of an isolate, unique in the process.
pub type IsolateId = u64;

/// How many isolates there may be. The wire form of it is [`crate::request::Policy`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Ready isolates kept ahead of demand.
    pub spares: usize,
    /// Most isolates at once, starting ones included.
    pub most: usize,
    /// Most that start at once.
    pub starting: usize,
    /// Invocations that may wait.
    pub queue: usize,
    /// Milliseconds after which an idle isolate beyond the spares goes.
    pub idle_ms: u64,
    /// Who waits is given time before isolates are added for them: see [`Pool::overdue`].
    pub patient: bool,
}

/// What is to be done; `T` is a waiting invocation.
#[derive(Debug, PartialEq, Eq)]
pub enum Step<T> {
    /// Make an isolate; it reports back with `started` or `not_started`.
    Start,
    /// Give the invocation this isolate.
    Assign(T, IsolateId),
    /// Tear this isolate down.
    Retire(IsolateId),
    /// Answer: too many wait already.
    Overloaded(T),
    /// Answer: the function is going away.
    Closed(T),
    /// Answer: no isolate could be made.
    NotStarted(T),
}

/// How many isolates are in which state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Being made.
    pub starting: usize,
    /// Ready.
    pub idle: usize,
    /// Serving.
    pub busy: usize,
    /// Invocations that wait.
    pub queued: usize,
}

/// The isolates of one function and those who wait for one.
pub struct Pool<T> {
    sizes: Sizes,
    starting: usize,
    /// Least recently used first; the number is when it became idle, milliseconds.
    idle: VecDeque<(IsolateId, u64)>,
    busy: usize,
    queue: VecDeque<T>,
    closed: bool,
    /// The last start failed: no spares until one succeeds.
    failing: bool,
    /// Isolates that are still to be reached, those that serve included; 0: none.
    target: usize,
    /// So many stay, however long they are idle.
    floor: usize,
    /// The one that is shared with other functions: used where no other is idle, and kept longest.
    shared: Option<IsolateId>,
    /// Something was served since somebody looked whether anybody waits too long.
    moved: bool,
    /// Of those who wait, so many calls from running functions, which go first.
    urgent: usize,
}

impl<T: PartialEq> Pool<T> {
    /// An empty pool; [`Pool::fill`] starts its first isolates.
    pub fn new(sizes: Sizes) -> Self {
        let sizes = Sizes { most: sizes.most.max(1), starting: sizes.starting.max(1), ..sizes };
        Self {
            sizes,
            starting: 0,
            idle: VecDeque::new(),
            busy: 0,
            queue: VecDeque::new(),
            closed: false,
            failing: false,
            target: 0,
            floor: 0,
            shared: None,
            moved: false,
            urgent: 0,
        }
    }

    /// States and their numbers.
    pub fn counts(&self) -> Counts {
        Counts { starting: self.starting, idle: self.idle.len(), busy: self.busy, queued: self.queue.len() }
    }

    /// Starts what is missing: spares, and an isolate for each that waits and is not asked for patience.
    pub fn fill(&mut self) -> Vec<Step<T>> {
        let mut steps = Vec::new();
        self.top_up(&mut steps);
        steps
    }

    /// Starts the first isolate, whatever the number of spares.
    pub fn open(&mut self) -> Vec<Step<T>> {
        let mut steps = Vec::new();
        if self.idle.is_empty() && self.starting + self.busy == 0 && !self.closed {
            self.starting += 1;
            steps.push(Step::Start);
        }
        self.top_up(&mut steps);
        steps
    }

    /// Starts what is missing to `isolates` in all, those that serve included, and keeps so many from now on. What
    /// serves and who waits do not notice.
    pub fn grow(&mut self, isolates: usize) -> Vec<Step<T>> {
        let wanted = isolates.min(self.sizes.most);
        self.floor = wanted;
        let mut steps = Vec::new();
        if wanted > self.idle.len() + self.busy && !self.closed {
            self.target = self.target.max(wanted);
            self.top_up(&mut steps);
        }
        steps
    }

    /// Whether nothing is left of what `grow` was asked for.
    pub fn is_grown(&self) -> bool {
        self.target == 0
    }

    /// An invocation wants an isolate. `urgent`: it is a call from a running function, which holds an isolate while it
    /// waits, so it goes first.
    pub fn request(&mut self, ticket: T, urgent: bool) -> Vec<Step<T>> {
        let mut steps = Vec::with_capacity(2);
        if self.closed {
            steps.push(Step::Closed(ticket));
            return steps;
        }
        if let Some((isolate, _)) = self.idle.pop_back() {
            self.busy += 1;
            steps.push(Step::Assign(ticket, isolate));
        } else if urgent {
            self.queue.push_front(ticket);
            self.urgent += 1;
        } else if self.queue.len() < self.sizes.queue {
            self.queue.push_back(ticket);
        } else {
            steps.push(Step::Overloaded(ticket));
        }
        self.top_up(&mut steps);
        steps
    }

    /// An invocation that was given an isolate could not have it: it gets one that became idle meanwhile, or waits.
    pub fn requeue(&mut self, ticket: T, urgent: bool) -> Vec<Step<T>> {
        if self.closed {
            return vec![Step::Closed(ticket)];
        }
        if let Some((isolate, _)) = self.idle.pop_back() {
            self.busy += 1;
            return vec![Step::Assign(ticket, isolate)];
        }
        self.queue.insert(if urgent { 0 } else { self.urgent }, ticket);
        self.urgent += usize::from(urgent);
        Vec::new()
    }

    /// From here on `isolate` is one that other functions use as well.
    pub fn share(&mut self, isolate: IsolateId) {
        self.shared = Some(isolate);
    }

    /// The shared isolate is gone, whether it was idle or busy, here or with another function.
    pub fn evicted(&mut self, isolate: IsolateId) -> Vec<Step<T>> {
        let before = self.idle.len();
        self.idle.retain(|(idle, _)| *idle != isolate);
        if self.idle.len() == before {
            self.busy = self.busy.saturating_sub(1);
        }
        self.fill()
    }

    /// An isolate was made and initialised.
    pub fn started(&mut self, isolate: IsolateId, now_ms: u64) -> Vec<Step<T>> {
        self.starting = self.starting.saturating_sub(1);
        self.failing = false;
        let mut steps = Vec::with_capacity(2);
        self.offer(isolate, now_ms, &mut steps);
        if self.idle.len() + self.busy >= self.target {
            self.target = 0;
        }
        self.top_up(&mut steps);
        steps
    }

    /// An isolate could not be made: one that waits is told, the others get another attempt. `grow` ends with that.
    pub fn not_started(&mut self) -> Vec<Step<T>> {
        self.starting = self.starting.saturating_sub(1);
        self.failing = true;
        self.target = 0;
        let mut steps: Vec<_> = self.next_waiting().map(Step::NotStarted).into_iter().collect();
        self.top_up(&mut steps);
        steps
    }

    /// A busy isolate is free again.
    pub fn released(&mut self, isolate: IsolateId, now_ms: u64) -> Vec<Step<T>> {
        self.busy = self.busy.saturating_sub(1);
        self.moved = true;
        let mut steps = Vec::new();
        self.offer(isolate, now_ms, &mut steps);
        steps
    }

    /// A busy isolate has served its time.
    pub fn spent(&mut self, isolate: IsolateId) -> Vec<Step<T>> {
        self.busy = self.busy.saturating_sub(1);
        let mut steps = vec![Step::Retire(isolate)];
        self.top_up(&mut steps);
        steps
    }

    /// A busy isolate does not come back, and nobody can tear it down.
    pub fn lost(&mut self) -> Vec<Step<T>> {
        self.busy = self.busy.saturating_sub(1);
        self.fill()
    }

    /// An invocation gives up waiting; false if it was not waiting any more.
    pub fn abandon(&mut self, ticket: &T) -> bool {
        let found = self.queue.iter().position(|waiting| waiting == ticket);
        if let Some(at) = found {
            self.queue.remove(at);
            self.urgent -= usize::from(at < self.urgent);
        }
        found.is_some()
    }

    /// Retires idle isolates beyond the spares, and beyond what is to be kept, that nobody wanted for long.
    pub fn expire(&mut self, now_ms: u64) -> Vec<Step<T>> {
        let mut steps = Vec::new();
        while self.idle.len() > self.sizes.spares && self.idle.len() + self.busy > self.floor {
            let own = usize::from(self.idle.len() > 1 && self.idle.front().is_some_and(|(id, _)| self.is_shared(*id)));
            match self.idle.get(own) {
                Some((_, since)) if now_ms.saturating_sub(*since) >= self.sizes.idle_ms => {
                    steps.extend(self.idle.remove(own).map(|(isolate, _)| Step::Retire(isolate)));
                }
                _ => break,
            }
        }
        steps
    }

    /// Isolates that have been idle for `rest_ms`.
    pub fn resting(&self, now_ms: u64, rest_ms: u64) -> Vec<IsolateId> {
        let rested = |(_, since): &&(IsolateId, u64)| now_ms.saturating_sub(*since) >= rest_ms;
        self.idle.iter().filter(rested).map(|(isolate, _)| *isolate).collect()
    }

    /// No more invocations: idle isolates go, those who wait are told, busy ones go when released.
    pub fn close(&mut self) -> Vec<Step<T>> {
        self.closed = true;
        self.target = 0;
        let mut steps: Vec<_> = self.idle.drain(..).map(|(isolate, _)| Step::Retire(isolate)).collect();
        steps.extend(self.queue.drain(..).map(Step::Closed));
        self.urgent = 0;
        steps
    }

    /// The oldest who waits has waited too long: one more isolate, unless one is on its way already, or those who wait
    /// move on and it is not `late` yet. What is quick is served sooner by isolates that are warm than by new ones.
    pub fn overdue(&mut self, late: bool) -> Vec<Step<T>> {
        let mut steps = Vec::new();
        if std::mem::take(&mut self.moved) && !late {
            return steps;
        }
        let total = self.idle.len() + self.busy + self.starting;
        if !self.closed && !self.queue.is_empty() && self.starting == 0 && total < self.sizes.most {
            self.starting += 1;
            steps.push(Step::Start);
        }
        steps
    }

    /// Who waits longest; calls from running functions go before it.
    pub fn oldest(&self) -> Option<&T> {
        self.queue.get(self.urgent).or_else(|| self.queue.front())
    }

    fn next_waiting(&mut self) -> Option<T> {
        self.urgent = self.urgent.saturating_sub(1);
        self.queue.pop_front()
    }

    /// Those who wait and get an isolate at once: calls from running functions, whose callers hold one meanwhile, and the
    /// first of all where there is none.
    fn pressing(&self) -> usize {
        let none = self.idle.len() + self.busy == 0;
        self.urgent.max(usize::from(none && !self.queue.is_empty()))
    }

    fn offer(&mut self, isolate: IsolateId, now_ms: u64, steps: &mut Vec<Step<T>>) {
        if self.closed {
            steps.push(Step::Retire(isolate));
        } else if let Some(ticket) = self.next_waiting() {
            self.busy += 1;
            steps.push(Step::Assign(ticket, isolate));
        } else if self.is_shared(isolate) {
            self.idle.push_front((isolate, now_ms));
        } else {
            self.idle.push_back((isolate, now_ms));
        }
    }

    fn is_shared(&self, isolate: IsolateId) -> bool {
        self.shared == Some(isolate)
    }

    fn top_up(&mut self, steps: &mut Vec<Step<T>>) {
        if self.closed {
            return;
        }
        let spares = if self.failing { 0 } else { self.sizes.spares };
        // Where those who wait are asked for patience, the floor alone says how many there are to be.
        let least = if self.sizes.patient && !self.failing { self.floor } else { 0 };
        let lacking = self.target.max(least).saturating_sub(self.idle.len() + self.busy + self.starting);
        let pressing = if self.sizes.patient { self.pressing() } else { self.queue.len() };
        let wanted = (pressing + spares).saturating_sub(self.idle.len() + self.starting).max(lacking);
        let room = self.sizes.most.saturating_sub(self.idle.len() + self.busy + self.starting);
        let at_once = self.sizes.starting.saturating_sub(self.starting);
        for _ in 0..wanted.min(room).min(at_once) {
            self.starting += 1;
            steps.push(Step::Start);
        }
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
