(function (module, internal) {
  'use strict';

  const { inspect, named, wrongType } = internal.load('inspect');

  function checkListener(listener) {
    if (typeof listener !== 'function') throw wrongType('listener', 'of type function', listener);
  }

  function EventEmitter(options) {
    EventEmitter.init.call(this, options);
  }

  EventEmitter.init = function () {
    if (this._events === undefined || this._events === Object.getPrototypeOf(this)._events) {
      this._events = Object.create(null);
      this._eventsCount = 0;
    }
    this._maxListeners = this._maxListeners || undefined;
  };

  function add(emitter, type, listener, first) {
    checkListener(listener);
    if (emitter._events === undefined) EventEmitter.init.call(emitter);
    if (emitter._events.newListener !== undefined) emitter.emit('newListener', type, listener.listener || listener);
    const list = emitter._events[type];
    if (list === undefined) {
      emitter._events[type] = [listener];
      emitter._eventsCount++;
    } else if (first) {
      emitter._events[type] = [listener, ...list];
    } else {
      emitter._events[type] = [...list, listener];
    }
    return emitter;
  }

  function wrapOnce(emitter, type, listener) {
    checkListener(listener);
    const wrapped = (...args) => {
      emitter.removeListener(type, wrapped);
      return listener.apply(emitter, args);
    };
    wrapped.listener = listener;
    return wrapped;
  }

  function unhandled(args) {
    const [error] = args;
    if (error instanceof Error) throw error;
    const shown = typeof error === 'string' ? `'${error}'` : inspect(error);
    const wrapped = named(Error, 'ERR_UNHANDLED_ERROR', `Unhandled error. (${shown})`);
    wrapped.context = error;
    throw wrapped;
  }

  const listOf = (emitter, type) => (emitter._events && emitter._events[type]) || [];

  const methods = {
    on(type, listener) { return add(this, type, listener, false); },
    prependListener(type, listener) { return add(this, type, listener, true); },
    once(type, listener) { return add(this, type, wrapOnce(this, type, listener), false); },
    prependOnceListener(type, listener) { return add(this, type, wrapOnce(this, type, listener), true); },
    off(type, listener) {
      checkListener(listener);
      const list = listOf(this, type);
      const at = list.findLastIndex((other) => other === listener || other.listener === listener);
      if (at < 0) return this;
      const rest = list.toSpliced(at, 1);
      if (rest.length > 0) {
        this._events[type] = rest;
      } else {
        delete this._events[type];
        this._eventsCount--;
      }
      if (this._events.removeListener !== undefined) this.emit('removeListener', type, listener);
      return this;
    },
    removeAllListeners(type) {
      const types = type === undefined ? Reflect.ownKeys(this._events || {}) : [type];
      for (const each of types) {
        for (const listener of [...listOf(this, each)].reverse()) this.off(each, listener);
      }
      return this;
    },
    emit(type, ...args) {
      const list = listOf(this, type);
      if (type === 'error' && list.length === 0) unhandled(args);
      for (const listener of list) listener.apply(this, args);
      return list.length > 0;
    },
    listeners(type) { return listOf(this, type).map((listener) => listener.listener || listener); },
    rawListeners(type) { return [...listOf(this, type)]; },
    listenerCount(type, listener) {
      return listener === undefined ? listOf(this, type).length : listOf(this, type).filter((other) => other === listener || other.listener === listener).length;
    },
    eventNames() { return this._eventsCount > 0 ? Reflect.ownKeys(this._events) : []; },
    setMaxListeners(count) { this._maxListeners = count; return this; },
    getMaxListeners() { return this._maxListeners === undefined ? EventEmitter.defaultMaxListeners : this._maxListeners; },
  };
  methods.addListener = methods.on;
  methods.removeListener = methods.off;
  for (const [name, value] of Object.entries(methods)) EventEmitter.prototype[name] = value;
  EventEmitter.prototype._events = undefined;
  EventEmitter.prototype._eventsCount = 0;
  EventEmitter.prototype._maxListeners = undefined;

  function once(emitter, type) {
    return new Promise((resolve, reject) => {
      const onError = (error) => {
        emitter.removeListener(type, onEvent);
        reject(error);
      };
      const onEvent = (...args) => {
        emitter.removeListener('error', onError);
        resolve(args);
      };
      emitter.once(type, onEvent);
      if (type !== 'error') emitter.once('error', onError);
    });
  }

  class Event {
    #type;
    #options;
    #prevented = false;
    constructor(type, options = {}) {
      this.#type = `${type}`;
      this.#options = options || {};
      this.timeStamp = internal.process().performance.now();
      this.target = null;
      this.currentTarget = null;
      this.stopped = false;
    }
    get type() { return this.#type; }
    get bubbles() { return Boolean(this.#options.bubbles); }
    get cancelable() { return Boolean(this.#options.cancelable); }
    get defaultPrevented() { return this.#prevented; }
    preventDefault() { if (this.cancelable) this.#prevented = true; }
    stopPropagation() {}
    stopImmediatePropagation() { this.stopped = true; }
  }

  class EventTarget {
    #listeners = new Map();
    addEventListener(type, listener, options = {}) {
      const list = this.#listeners.get(`${type}`) || [];
      if (listener && !list.some((entry) => entry.listener === listener)) list.push({ listener, once: Boolean(options && options.once) });
      this.#listeners.set(`${type}`, list);
    }
    removeEventListener(type, listener) {
      this.#listeners.set(`${type}`, (this.#listeners.get(`${type}`) || []).filter((entry) => entry.listener !== listener));
    }
    dispatchEvent(event) {
      event.target = this;
      event.currentTarget = this;
      for (const { listener, once: single } of [...(this.#listeners.get(event.type) || [])]) {
        if (single) this.removeEventListener(event.type, listener);
        if (typeof listener === 'function') listener.call(this, event);
        else listener.handleEvent(event);
        if (event.stopped) break;
      }
      return !event.defaultPrevented;
    }
  }

  const abortError = () => internal.load('buffer').domError('This operation was aborted', 'AbortError');

  class AbortSignal extends EventTarget {
    aborted = false;
    reason = undefined;
    onabort = null;
    throwIfAborted() { if (this.aborted) throw this.reason; }
    static abort(reason) {
      const controller = new AbortController();
      controller.abort(reason);
      return controller.signal;
    }
    static timeout(milliseconds) {
      const controller = new AbortController();
      setTimeout(() => controller.abort(internal.load('buffer').domError('The operation was aborted due to timeout', 'TimeoutError')), milliseconds);
      return controller.signal;
    }
  }

  class AbortController {
    signal = new AbortSignal();
    abort(reason = abortError()) {
      if (this.signal.aborted) return;
      Object.assign(this.signal, { aborted: true, reason });
      const event = new Event('abort');
      if (typeof this.signal.onabort === 'function') this.signal.onabort(event);
      this.signal.dispatchEvent(event);
    }
  }

  Object.assign(EventEmitter, { EventEmitter, once, defaultMaxListeners: 10, errorMonitor: Symbol('events.errorMonitor'), captureRejectionSymbol: Symbol.for('nodejs.rejection'), Event, EventTarget, AbortController, AbortSignal });
  EventEmitter.listenerCount = (emitter, type) => emitter.listenerCount(type);
  module.exports = EventEmitter;
});
