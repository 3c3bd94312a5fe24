// Makes this context look like Node's to a function. `host` is Services.java; what is returned is what JavaScriptFunction.java calls.
// Every part is loaded on first use: a context that needs little starts fast.
(function (host) {
  'use strict';

  const internal = { host };

  function lazy(load) {
    let value;
    let loaded = false;
    const get = () => {
      if (!loaded) {
        value = load();
        loaded = true;
      }
      return value;
    };
    get.used = () => loaded;
    return get;
  }

  const part = (name) => lazy(() => host.builtIn(name)(internal));
  internal.timers = part('timers');
  internal.modules = part('modules');
  internal.action = part('action');

  internal.conformance = part('conformance');

  const builtIns = new Map();
  const shared = (file) => {
    if (!builtIns.has(file)) {
      const module = { exports: {} };
      builtIns.set(file, module);
      host.builtIn(`builtin/${file}`)(module, internal);
    }
    return builtIns.get(file).exports;
  };
  internal.load = shared;

  const PUBLIC = {
    assert: () => shared('assert'),
    'assert/strict': () => shared('assert').strict,
    buffer: () => shared('buffer'),
    console: () => globalThis.console,
    crypto: () => shared('crypto'),
    events: () => shared('events'),
    path: () => shared('path'),
    'path/posix': () => shared('path'),
    process: () => internal.process(),
    querystring: () => shared('querystring'),
    string_decoder: () => shared('string_decoder'),
    timers: () => shared('timers'),
    'timers/promises': () => shared('timers').promises,
    url: () => shared('url'),
    util: () => shared('util'),
    'util/types': () => shared('util').types,
  };

  /** The module behind a name, with or without `node:`; undefined where the engine has none. */
  internal.builtIn = (name) => {
    const plain = name.startsWith('node:') ? name.slice(5) : name;
    return Object.hasOwn(PUBLIC, plain) ? PUBLIC[plain]() : undefined;
  };
  internal.process = lazy(() => shared('process'));

  const GLOBALS = {
    console: () => shared('console'),
    process: internal.process,
    Buffer: () => shared('buffer').Buffer,
    atob: () => shared('buffer').atob,
    btoa: () => shared('buffer').btoa,
    TextEncoder: () => shared('encoding').TextEncoder,
    TextDecoder: () => shared('encoding').TextDecoder,
    URL: () => shared('urlclass').URL,
    URLSearchParams: () => shared('urlclass').URLSearchParams,
    structuredClone: () => shared('clone').structuredClone,
    Event: () => shared('events').Event,
    EventTarget: () => shared('events').EventTarget,
    AbortController: () => shared('events').AbortController,
    AbortSignal: () => shared('events').AbortSignal,
    setTimeout: () => internal.timers().setTimeout,
    clearTimeout: () => internal.timers().clearTimeout,
    setInterval: () => internal.timers().setInterval,
    clearInterval: () => internal.timers().clearTimeout,
    setImmediate: () => internal.timers().setImmediate,
    clearImmediate: () => internal.timers().clearTimeout,
    queueMicrotask: () => internal.timers().queueMicrotask,
    performance: () => shared('process').performance,
    crypto: () => shared('crypto').webcrypto,
    argo: () => ({ invoke: internal.invoke }),
  };

  /** Replaces methods whose results differ from V8's; what replaces them is loaded when one is first called. */
  function installConformance() {
    const replace = (prototype, names) => names.forEach((name) => {
      const original = prototype[name];
      const { [name]: method } = {
        [name](...args) { return internal.conformance()(original, name, this, args); },
      };
      Object.defineProperty(prototype, name, { value: method, writable: true, configurable: true, enumerable: false });
    });
    replace(Date.prototype, ['toString', 'toTimeString', 'toISOString', 'toLocaleString', 'toLocaleTimeString']);
    const { toString } = Number.prototype;
    const { toString: text } = {
      toString(radix) { return radix === undefined || radix === 10 ? toString.call(this) : internal.conformance()(toString, 'radix', this, [radix]); },
    };
    Object.defineProperty(Number.prototype, 'toString', { value: text, writable: true, configurable: true, enumerable: false });
  }

  function define(name, load) {
    Object.defineProperty(globalThis, name, {
      configurable: true,
      enumerable: !/^[A-Z]/.test(name),
      get() {
        const value = load();
        Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: true });
        return value;
      },
      set(value) {
        Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: true });
      },
    });
  }

  /** Parameters as an object give an object; as a string they are JSON, passed on and given back unparsed. */
  internal.invoke = (name, params = {}) => {
    const raw = typeof params === 'string';
    const answer = host.invoke(String(name), raw ? params : JSON.stringify(params));
    const text = answer.slice(1);
    if (raw && answer[0] === '+') return Promise.resolve(text);
    const body = JSON.parse(text);
    if (answer[0] === '+') return Promise.resolve(body);
    const error = new Error(typeof body.error === 'string' ? body.error : `The action ${name} failed.`);
    error.result = body;
    return Promise.reject(error);
  };

  Object.defineProperty(globalThis, 'global', { value: globalThis, writable: true, configurable: true, enumerable: false });
  for (const [name, load] of Object.entries(GLOBALS)) define(name, load);

  installConformance();

  let handler;

  return {
    load(source, main, binary) {
      handler = internal.action().load(source, main, binary);
    },
    run(json) {
      if (internal.timers.used()) internal.timers().turn();
      if (builtIns.has('process')) Object.assign(internal.process().env, internal.readEnvironment());
      internal.action().call(handler, JSON.parse(json));
    },
    nextDelay: () => internal.timers().nextDelay(),
    fire: () => internal.timers().fire(),
  };
});
