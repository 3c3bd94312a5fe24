//! Isolates that an engine keeps several functions in, each in a place of its own: rare functions of one namespace cost
//! little so. One invocation at a time an isolate: this is whose turn it is, who lives there, and who waits.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::birth::Birth;
use crate::function::Function;
use crate::isolate::{Birthtime, Isolate, Job};
use crate::sync::lock;
use crate::wire::Hash;

/// Most functions in one isolate: what one of them can take down with it.
const MOST: usize = 64;
/// A turn that takes longer lets nobody wait to move in.
pub const LONG_TURN: Duration = Duration::from_millis(200);

/// What functions must have in common to share an isolate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind {
    library: Hash,
    heap_limit: u64,
}

/// One isolate with places.
pub struct Share {
    kind: Kind,
    state: Mutex<State>,
}

struct State {
    isolate: Option<Arc<Isolate>>,
    turn: Turn,
    lodgers: Vec<Lodger>,
    moving_in: VecDeque<Arc<Birth>>,
    /// Numbers of functions whose places are to be cleared.
    moved_out: Vec<u64>,
    waiting: Vec<Arc<Function>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Turn {
    FreeSince(Instant),
    TakenSince(Instant),
    Over,
}

struct Lodger {
    function: Arc<Function>,
    birth: Option<(Birthtime, Instant)>,
}

/// How it went to ask for a turn.
pub enum Claim {
    /// It is the caller's until passed on.
    Yours,
    /// The caller is told when it is free.
    Taken,
    /// The isolate goes away.
    Over,
}

/// Where a function that is to be born gets its place.
pub enum Boarding {
    /// In this one, when its turn comes.
    Soon(Arc<Share>),
    /// In this new one, whose isolate the caller makes.
    New(Arc<Share>),
}

/// All of a host.
#[derive(Default)]
pub struct Shares(Mutex<Vec<Arc<Share>>>);

impl Shares {
    /// A place for `birth`.
    pub fn board(&self, birth: &Arc<Birth>) -> Boarding {
        let spec = &birth.function.spec;
        let kind = Kind { library: spec.library, heap_limit: spec.heap_limit };
        let mut all = lock(&self.0);
        all.retain(|share| !share.is_over());
        if let Some(share) = all.iter().find(|share| share.kind == kind && share.board(birth)) {
            return Boarding::Soon(Arc::clone(share));
        }
        let share = Arc::new(Share { kind, state: Mutex::new(State::new()) });
        all.push(Arc::clone(&share));
        Boarding::New(share)
    }
}

impl State {
    /// Its first turn is that of whoever makes the isolate.
    fn new() -> Self {
        Self {
            isolate: None,
            turn: Turn::TakenSince(Instant::now()),
            lodgers: Vec::new(),
            moving_in: VecDeque::new(),
            moved_out: Vec::new(),
            waiting: Vec::new(),
        }
    }

    fn is_long(&self) -> bool {
        matches!(self.turn, Turn::TakenSince(since) if since.elapsed() > LONG_TURN)
    }

    fn take_turn(&mut self, job: Job) {
        self.turn = Turn::TakenSince(Instant::now());
        if let Some(isolate) = &self.isolate {
            isolate.put(job);
        }
    }
}

impl Share {
    fn is_over(&self) -> bool {
        lock(&self.state).turn == Turn::Over
    }

    /// Takes `birth` in, now or after the present turn; false where there is no room, or the turn takes long.
    fn board(&self, birth: &Arc<Birth>) -> bool {
        let mut state = lock(&self.state);
        if state.turn == Turn::Over || state.is_long() || state.lodgers.len() + state.moving_in.len() >= MOST {
            return false;
        }
        match state.turn {
            Turn::FreeSince(_) => state.take_turn(Job::Lodge(Arc::clone(birth))),
            _ => state.moving_in.push_back(Arc::clone(birth)),
        }
        true
    }

    /// Those who would wait too long to move in, and whether others still wait.
    pub fn give_up_waiting(&self) -> (Vec<Arc<Birth>>, bool) {
        let mut state = lock(&self.state);
        if state.is_long() {
            return (state.moving_in.drain(..).collect(), false);
        }
        (Vec::new(), !state.moving_in.is_empty())
    }

    /// The isolate exists.
    pub fn open(&self, isolate: &Arc<Isolate>) {
        lock(&self.state).isolate = Some(Arc::clone(isolate));
    }

    /// `function` has its place.
    pub fn move_in(&self, function: &Arc<Function>, birth: Birthtime) {
        let lodger = Lodger { function: Arc::clone(function), birth: Some((birth, Instant::now())) };
        lock(&self.state).lodgers.push(lodger);
    }

    /// Clears the place of function `number`.
    pub fn move_out(&self, number: u64) {
        let mut state = lock(&self.state);
        state.lodgers.retain(|lodger| lodger.function.number != number);
        state.moved_out.push(number);
        if let Turn::FreeSince(_) = state.turn {
            state.take_turn(Job::Sweep);
        }
    }

    /// Functions that moved out and whose places are there still.
    pub fn take_moved_out(&self) -> Vec<u64> {
        std::mem::take(&mut lock(&self.state).moved_out)
    }

    /// How and when the place of function `number` was made, if nobody has asked yet.
    pub fn first_use(&self, number: u64) -> Option<(Birthtime, Instant)> {
        let mut state = lock(&self.state);
        state.lodgers.iter_mut().find(|lodger| lodger.function.number == number)?.birth.take()
    }

    /// How many functions have it in common.
    pub fn functions(&self) -> usize {
        lock(&self.state).lodgers.len()
    }

    /// Asks for the turn.
    pub fn claim(&self, function: &Arc<Function>) -> Claim {
        let mut state = lock(&self.state);
        match state.turn {
            Turn::FreeSince(_) => {
                state.turn = Turn::TakenSince(Instant::now());
                Claim::Yours
            }
            Turn::TakenSince(_) => {
                if !state.waiting.iter().any(|known| Arc::ptr_eq(known, function)) {
                    state.waiting.push(Arc::clone(function));
                }
                Claim::Taken
            }
            Turn::Over => Claim::Over,
        }
    }

    /// The turn is over: the next one begins, or those who waited are to be told that it is free.
    pub fn pass_on(&self) -> Vec<Arc<Function>> {
        let mut state = lock(&self.state);
        if state.turn == Turn::Over {
            return Vec::new();
        }
        if state.lodgers.is_empty() && state.moving_in.is_empty() {
            state.take_turn(Job::Retire);
            state.turn = Turn::Over;
            state.isolate = None;
        } else if !state.moved_out.is_empty() {
            state.take_turn(Job::Sweep); // first: one who moves in may have moved out
        } else if let Some(birth) = state.moving_in.pop_front() {
            state.take_turn(Job::Lodge(birth));
        } else {
            state.turn = Turn::FreeSince(Instant::now());
            return std::mem::take(&mut state.waiting);
        }
        Vec::new()
    }

    /// Nobody has had a turn for so long.
    pub fn rests(&self, rest: Duration) -> bool {
        matches!(lock(&self.state).turn, Turn::FreeSince(since) if since.elapsed() >= rest)
    }

    /// The isolate is not to be used again: who lived in it, and who was about to.
    pub fn end(&self) -> (Vec<Arc<Function>>, Vec<Arc<Birth>>) {
        let mut state = lock(&self.state);
        state.turn = Turn::Over;
        state.isolate = None;
        state.waiting.clear();
        let lodgers = std::mem::take(&mut state.lodgers);
        (lodgers.into_iter().map(|lodger| lodger.function).collect(), state.moving_in.drain(..).collect())
    }
}
