// Timers as a list in order of due time; the Java side sleeps until the first is due and fires one at a time,
// so that promise jobs run in between, as in Node.
(function (internal) {
  'use strict';

  const { host } = internal;
  const MOST_DELAY = 2 ** 31 - 1;
  const pending = [];
  let lastId = 0;

  // As in Node, the clock stands still within a turn: two timers set in one turn fire in the order of their delays.
  let clock = host.nanoseconds() / 1e6;
  const now = () => clock;
  const turn = () => { clock = host.nanoseconds() / 1e6; };

  class Timeout {
    constructor(callback, delay, repeat, args) {
      Object.assign(this, { callback, delay, repeat, args, id: ++lastId, due: now() + delay, order: lastId });
    }
    ref() { return this; }
    unref() { return this; }
    hasRef() { return true; }
    refresh() {
      if (remove(this)) insert(Object.assign(this, { due: now() + this.delay, order: ++lastId }));
      return this;
    }
    close() { clearTimeout(this); return this; }
    [Symbol.toPrimitive]() { return this.id; }
  }

  function insert(timer) {
    let at = pending.length;
    while (at > 0 && (pending[at - 1].due > timer.due || (pending[at - 1].due === timer.due && pending[at - 1].order > timer.order))) at--;
    pending.splice(at, 0, timer);
    return timer;
  }

  function remove(timer) {
    const at = pending.findIndex((other) => other === timer || other.id === Number(timer));
    if (at >= 0) pending.splice(at, 1);
    return at >= 0;
  }

  function checked(callback) {
    if (typeof callback === 'function') return callback;
    const error = new TypeError(`The "callback" argument must be of type function. Received ${callback === null ? 'null' : typeof callback}`);
    error.code = 'ERR_INVALID_ARG_TYPE';
    throw error;
  }

  const wanted = (delay) => (Number(delay) >= 1 && Number(delay) <= MOST_DELAY ? Math.trunc(Number(delay)) : 1);

  function setTimeout(callback, delay, ...args) {
    return insert(new Timeout(checked(callback), wanted(delay), false, args));
  }

  function setInterval(callback, delay, ...args) {
    return insert(new Timeout(checked(callback), wanted(delay), true, args));
  }

  function setImmediate(callback, ...args) {
    return insert(new Timeout(checked(callback), 0, false, args));
  }

  function clearTimeout(timer) {
    if (timer !== undefined && timer !== null) remove(timer);
  }

  function queueMicrotask(callback) {
    checked(callback);
    Promise.resolve().then(() => { callback(); });
  }

  /** Whole milliseconds until something is due, 0 for now, -1 for never. */
  function nextDelay() {
    turn();
    return pending.length === 0 ? -1 : Math.max(0, Math.ceil(pending[0].due - now()));
  }

  function fire() {
    turn();
    const timer = pending[0];
    if (timer === undefined || timer.due > now()) return;
    pending.shift();
    if (timer.repeat) insert(Object.assign(timer, { due: now() + timer.delay, order: ++lastId }));
    timer.callback.apply(timer, timer.args);
  }

  return { setTimeout, setInterval, setImmediate, clearTimeout, queueMicrotask, nextDelay, fire, turn };
});
