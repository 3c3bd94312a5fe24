(function (module, internal) {
  'use strict';

  const ERRORS = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

  function refuse(value) {
    const shown = typeof value === 'symbol' ? String(value) : typeof value === 'function' ? Function.prototype.toString.call(value) : '#<Object>';
    throw internal.load('buffer').domError(`${shown} could not be cloned.`, 'DataCloneError');
  }

  function cloneError(error, seen) {
    const copy = Object.create((ERRORS[error.name] || Error).prototype);
    seen.set(error, copy);
    for (const name of ['stack', 'message', 'cause']) {
      if (Object.hasOwn(error, name)) Object.defineProperty(copy, name, { value: clone(error[name], seen), writable: true, configurable: true });
    }
    return copy;
  }

  function cloneView(view, seen) {
    const buffer = clone(view.buffer, seen);
    const Type = view instanceof DataView ? DataView : globalThis[Object.getPrototypeOf(Uint8Array.prototype).__lookupGetter__(Symbol.toStringTag).call(view)];
    return new Type(buffer, view.byteOffset, view.length === undefined ? view.byteLength : view.length);
  }

  function special(value, seen) {
    if (value instanceof Date) return new Date(value.getTime());
    if (value instanceof RegExp) return new RegExp(value.source, value.flags);
    if (value instanceof ArrayBuffer) return value.slice(0);
    if (ArrayBuffer.isView(value)) return cloneView(value, seen);
    if ([Number, String, Boolean, BigInt].some((Type) => value instanceof Type)) return Object(value.valueOf());
    return undefined;
  }

  function container(value, seen) {
    if (value instanceof Map) {
      const copy = new Map();
      seen.set(value, copy);
      for (const [key, item] of [...value]) copy.set(clone(key, seen), clone(item, seen));
      return copy;
    }
    if (value instanceof Set) {
      const copy = new Set();
      seen.set(value, copy);
      for (const item of [...value]) copy.add(clone(item, seen));
      return copy;
    }
    const copy = Array.isArray(value) ? new Array(value.length) : {};
    seen.set(value, copy);
    for (const key of Object.keys(value)) copy[key] = clone(value[key], seen);
    return copy;
  }

  function clone(value, seen) {
    if (typeof value === 'symbol' || typeof value === 'function') refuse(value);
    if (value === null || typeof value !== 'object') return value;
    if (seen.has(value)) return seen.get(value);
    if (value instanceof WeakMap || value instanceof WeakSet || value instanceof WeakRef || value instanceof Promise) refuse(value);
    if (value instanceof Error) return cloneError(value, seen);
    const copy = special(value, seen);
    if (copy === undefined) return container(value, seen);
    seen.set(value, copy);
    return copy;
  }

  function structuredClone(...args) {
    if (args.length === 0) throw internal.load('inspect').named(TypeError, 'ERR_MISSING_ARGS', 'The "value" argument must be specified');
    return clone(args[0], new Map());
  }

  module.exports = { structuredClone };
});
