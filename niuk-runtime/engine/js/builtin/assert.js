(function (module, internal) {
  'use strict';

  const { inspect, wrongType } = internal.load('inspect');
  const WORDS = {
    deepStrictEqual: 'Expected values to be strictly deep-equal:',
    strictEqual: 'Expected values to be strictly equal:',
    notStrictEqual: 'Expected "actual" to be strictly unequal to:',
    notDeepStrictEqual: 'Expected "actual" not to be strictly deep-equal to:',
    deepEqual: 'Expected values to be loosely deep-equal:',
  };

  class AssertionError extends Error {
    constructor(options) {
      if (options === null || typeof options !== 'object') throw wrongType('options', 'of type object', options);
      const { message, actual, expected, operator } = options;
      super(words(message, actual, expected, operator));
      this.generatedMessage = message === undefined;
      Object.defineProperty(this, 'name', { value: 'AssertionError', enumerable: false, writable: true, configurable: true });
      this.code = 'ERR_ASSERTION';
      Object.assign(this, { actual, expected, operator });
    }
    toString() { return `${this.name} [${this.code}]: ${this.message}`; }
  }

  const shown = (value) => inspect(value, { compact: false, customInspect: false, depth: 1000, maxArrayLength: Infinity, breakLength: Infinity, sorted: true });

  /** The strict comparisons show both sides even below a message of the caller's. */
  function words(message, actual, expected, operator) {
    if (operator === 'strictEqual' || operator === 'deepStrictEqual') return compared(message, actual, expected, operator);
    if (message !== undefined) return String(message);
    const [a, e] = [shown(actual), shown(expected)];
    if (WORDS[operator] === undefined) return `${inspect(actual)} ${operator} ${inspect(expected)}`;
    if (operator.startsWith('not')) return a.includes('\n') ? `${WORDS[operator]}\n\n${a}\n` : `${WORDS[operator]} ${a}`;
    return `${WORDS.deepEqual}\n\n${a}\n\nshould loosely deep-equal\n\n${e}`;
  }

  function compared(message, actual, expected, operator) {
    const [a, e] = [shown(actual), shown(expected)];
    const head = message === undefined ? WORDS[operator] : String(message);
    if (simple(actual) && simple(expected)) return `${head}\n\n${a} !== ${e}\n`;
    if (a === e && operator === 'strictEqual' && message === undefined) return `Values have same structure but are not reference-equal:\n\n${a}\n`;
    return `${head}\n${difference(a, e)}`;
  }

  const simple = (value) => value === null || (typeof value !== 'object' && typeof value !== 'function');

  /** Lines of both, the ones of one side only marked by + and -. */
  function difference(actual, expected) {
    const [a, e] = [actual.split('\n'), expected.split('\n')];
    const lines = ['+ actual - expected', ''];
    for (let i = 0; i < Math.max(a.length, e.length); i++) {
      if (a[i] === e[i]) {
        lines.push(`  ${a[i]}`);
      } else {
        if (a[i] !== undefined) lines.push(`+ ${a[i]}`);
        if (e[i] !== undefined) lines.push(`- ${e[i]}`);
      }
    }
    return lines.join('\n');
  }

  // ---- deep equality

  function same(a, b, strict, seen) {
    if (strict ? Object.is(a, b) : a == b || (a !== a && b !== b)) return true; // eslint-disable-line eqeqeq, no-self-compare -- loose by contract
    if (simple(a) || simple(b) || typeof a === 'function' || typeof b === 'function') return false;
    if (strict && Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
    if (Object.prototype.toString.call(a) !== Object.prototype.toString.call(b) || Array.isArray(a) !== Array.isArray(b)) return false;
    if (seen.get(a) === b) return true;
    seen.set(a, b);
    const equal = sameInside(a, b, strict, seen) && sameKeys(a, b, strict, seen);
    seen.delete(a);
    return equal;
  }

  function sameInside(a, b, strict, seen) {
    if (a instanceof Date) return b instanceof Date && Object.is(a.getTime(), b.getTime());
    if (a instanceof RegExp) return b instanceof RegExp && String(a) === String(b) && a.lastIndex === b.lastIndex;
    if (a instanceof Error) return b instanceof Error && a.message === b.message && a.name === b.name;
    if (a instanceof Map) return b instanceof Map && sameMap(a, b, strict, seen);
    if (a instanceof Set) return b instanceof Set && sameSet(a, b, strict, seen);
    if ([Number, String, Boolean, BigInt, Symbol].some((Type) => a instanceof Type)) return Object.is(a.valueOf(), b.valueOf());
    if (a instanceof ArrayBuffer) return b instanceof ArrayBuffer && same(new Uint8Array(a), new Uint8Array(b), strict, seen);
    return !(Array.isArray(a) || ArrayBuffer.isView(a)) || a.length === b.length;
  }

  function sameSet(a, b, strict, seen) {
    if (a.size !== b.size) return false;
    const left = new Set(b);
    for (const item of a) {
      const match = left.has(item) ? item : [...left].find((other) => (!simple(item) || !strict) && same(item, other, strict, seen));
      if (match === undefined && !left.has(undefined)) return false;
      left.delete(match);
    }
    return left.size === 0;
  }

  function sameMap(a, b, strict, seen) {
    if (a.size !== b.size) return false;
    for (const [key, value] of a) {
      if (b.has(key) ? same(value, b.get(key), strict, seen) : [...b].some(([k, v]) => (!simple(key) || !strict) && same(key, k, strict, seen) && same(value, v, strict, seen))) continue;
      return false;
    }
    return true;
  }

  function keysOf(value, strict) {
    const keys = Object.keys(value);
    return strict ? [...keys, ...Object.getOwnPropertySymbols(value).filter((symbol) => Object.prototype.propertyIsEnumerable.call(value, symbol))] : keys;
  }

  function sameKeys(a, b, strict, seen) {
    const [left, right] = [keysOf(a, strict), keysOf(b, strict)];
    return left.length === right.length && left.every((key) => Object.hasOwn(b, key) && same(a[key], b[key], strict, seen));
  }

  const isDeepStrictEqual = (a, b) => same(a, b, true, new Map());
  const isDeepEqual = (a, b) => same(a, b, false, new Map());

  // ---- assertions

  function fail(actual, expected, message, operator) {
    if (message instanceof Error) throw message;
    throw new AssertionError({ actual, expected, message, operator });
  }

  function ok(...args) {
    const [value, message] = args;
    if (value) return;
    if (message instanceof Error) throw message;
    const words = args.length === 0 ? 'No value argument passed to `assert.ok()`' : message === undefined ? 'The expression evaluated to a falsy value:\n\n  assert(...)\n' : message;
    const error = new AssertionError({ actual: value, expected: true, message: words, operator: '==' });
    error.generatedMessage = message === undefined;
    throw error;
  }

  const assert = (...args) => ok(...args);
  const check = (operator, passes) => (actual, expected, message) => {
    if (!passes(actual, expected)) fail(actual, expected, message, operator);
  };

  function matches(error, expected, message) {
    if (expected === undefined) return;
    if (typeof expected === 'function') {
      if (expected.prototype !== undefined && error instanceof expected) return;
      if (Object.prototype.isPrototypeOf.call(Error, expected)) throw error;
      if (expected.call({}, error) !== true) fail(error, expected, message || `The ${expected.name ? `"${expected.name}" ` : ''}validation function is expected to return "true". Received ${inspect(expected.call({}, error))}`, 'throws');
      return;
    }
    if (expected instanceof RegExp) {
      if (!expected.test(String(error))) fail(error, expected, message || `The input did not match the regular expression ${inspect(expected)}. Input:\n\n${inspect(String(error))}\n`, 'throws');
      return;
    }
    for (const key of [...Object.keys(expected), ...(expected instanceof Error ? ['name', 'message'] : [])]) {
      const fits = typeof error[key] === 'string' && expected[key] instanceof RegExp ? expected[key].test(error[key]) : isDeepStrictEqual(error[key], expected[key]);
      if (!fits) fail(error, expected, message, 'throws');
    }
  }

  function throws(action, expected, message) {
    if (typeof action !== 'function') throw wrongType('fn', 'of type function', action);
    if (typeof expected === 'string') [expected, message] = [undefined, expected];
    let caught;
    try {
      action();
    } catch (error) {
      caught = { error };
    }
    if (caught === undefined) fail(undefined, expected, `Missing expected exception${expected && expected.name ? ` (${expected.name})` : ''}${message ? `: ${message}` : '.'}`, 'throws');
    matches(caught.error, expected, message);
  }

  async function rejects(action, expected, message) {
    let caught;
    try {
      await (typeof action === 'function' ? action() : action);
    } catch (error) {
      caught = { error };
    }
    if (caught === undefined) fail(undefined, expected, `Missing expected rejection${expected && expected.name ? ` (${expected.name})` : ''}${message ? `: ${message}` : '.'}`, 'rejects');
    matches(caught.error, expected, message);
  }

  function doesNotThrow(action, message) {
    try {
      action();
    } catch (error) {
      fail(error, undefined, `Got unwanted exception${typeof message === 'string' ? `: ${message}` : '.'}\nActual message: "${error && error.message}"`, 'doesNotThrow');
    }
  }

  Object.assign(assert, {
    ok, throws, rejects, doesNotThrow, AssertionError,
    equal: check('==', (a, b) => a == b || (a !== a && b !== b)), // eslint-disable-line eqeqeq, no-self-compare -- loose by contract
    notEqual: check('!=', (a, b) => a != b && (a === a || b === b)), // eslint-disable-line eqeqeq, no-self-compare -- loose by contract
    strictEqual: check('strictEqual', Object.is),
    notStrictEqual: check('notStrictEqual', (a, b) => !Object.is(a, b)),
    deepEqual: check('deepEqual', isDeepEqual),
    notDeepEqual: check('notDeepEqual', (a, b) => !isDeepEqual(a, b)),
    deepStrictEqual: check('deepStrictEqual', isDeepStrictEqual),
    notDeepStrictEqual: check('notDeepStrictEqual', (a, b) => !isDeepStrictEqual(a, b)),
    doesNotReject: async (action) => { await (typeof action === 'function' ? action() : action); },
    fail(message = 'Failed') {
      if (message instanceof Error) throw message;
      throw new AssertionError({ message, operator: 'fail' });
    },
    ifError(value) {
      if (value !== null && value !== undefined) throw new AssertionError({ actual: value, expected: null, operator: 'ifError', message: `ifError got unwanted exception: ${value.message === undefined ? inspect(value) : value.message}` });
    },
    match(text, pattern, message) {
      if (typeof text !== 'string' || !pattern.test(text)) fail(text, pattern, message || `The input did not match the regular expression ${inspect(pattern)}. Input:\n\n${inspect(text)}\n`, 'match');
    },
    doesNotMatch(text, pattern, message) {
      if (typeof text === 'string' && pattern.test(text)) fail(text, pattern, message || `The input was expected to not match the regular expression ${inspect(pattern)}. Input:\n\n${inspect(text)}\n`, 'doesNotMatch');
    },
  });
  const strict = (...args) => ok(...args);
  Object.assign(strict, assert, { equal: assert.strictEqual, notEqual: assert.notStrictEqual, deepEqual: assert.deepStrictEqual, notDeepEqual: assert.notDeepStrictEqual });
  strict.strict = strict;
  assert.strict = strict;
  Object.defineProperty(assert, 'isDeepStrictEqual', { value: isDeepStrictEqual });
  module.exports = assert;
});
