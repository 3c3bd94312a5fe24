(function (module, internal) {
  'use strict';

  const { inspect, format, formatWithOptions, named, wrongType, isError } = internal.load('inspect');
  const promisified = Symbol.for('nodejs.util.promisify.custom');
  const tag = (value) => Object.prototype.toString.call(value).slice(8, -1);
  const isTagged = (name) => (value) => value !== null && typeof value === 'object' && tag(value) === name;
  const viewTag = (value) => (ArrayBuffer.isView(value) && !(value instanceof DataView) ? Object.getPrototypeOf(Uint8Array.prototype).__lookupGetter__(Symbol.toStringTag).call(value) : undefined);

  const types = {
    isAnyArrayBuffer: (value) => value instanceof ArrayBuffer || value instanceof SharedArrayBuffer,
    isArrayBuffer: (value) => value instanceof ArrayBuffer,
    isArrayBufferView: (value) => ArrayBuffer.isView(value),
    isArgumentsObject: isTagged('Arguments'),
    isAsyncFunction: (value) => typeof value === 'function' && /^Async/.test(tag(value)),
    isBooleanObject: (value) => value instanceof Boolean,
    isBoxedPrimitive: (value) => [Number, String, Boolean, BigInt, Symbol].some((Type) => value instanceof Type),
    isDataView: (value) => value instanceof DataView,
    isDate: (value) => value instanceof Date,
    isGeneratorFunction: (value) => typeof value === 'function' && /GeneratorFunction$/.test(tag(value)),
    isGeneratorObject: isTagged('Generator'),
    isMap: (value) => value instanceof Map,
    isMapIterator: isTagged('Map Iterator'),
    isNativeError: isError,
    isNumberObject: (value) => value instanceof Number,
    isPromise: (value) => value instanceof Promise,
    isRegExp: (value) => value instanceof RegExp,
    isSet: (value) => value instanceof Set,
    isSetIterator: isTagged('Set Iterator'),
    isStringObject: (value) => value instanceof String,
    isSymbolObject: (value) => value instanceof Symbol,
    isTypedArray: (value) => viewTag(value) !== undefined,
    isWeakMap: (value) => value instanceof WeakMap,
    isWeakSet: (value) => value instanceof WeakSet,
    isProxy: () => false,
    isExternal: () => false,
    isModuleNamespaceObject: isTagged('Module'),
  };
  for (const name of ['Uint8Array', 'Uint8ClampedArray', 'Uint16Array', 'Uint32Array', 'Int8Array', 'Int16Array', 'Int32Array', 'Float32Array', 'Float64Array', 'BigInt64Array', 'BigUint64Array']) types[`is${name}`] = (value) => viewTag(value) === name;

  function promisify(original) {
    if (typeof original !== 'function') throw wrongType('original', 'of type function', original);
    if (typeof original[promisified] === 'function') return original[promisified];
    function wrapped(...args) {
      return new Promise((resolve, reject) => {
        original.call(this, ...args, (error, value) => (error ? reject(error) : resolve(value)));
      });
    }
    Object.setPrototypeOf(wrapped, Object.getPrototypeOf(original));
    return Object.defineProperties(wrapped, Object.getOwnPropertyDescriptors(original));
  }
  promisify.custom = promisified;

  function callbackify(original) {
    if (typeof original !== 'function') throw wrongType('original', 'of type function', original);
    return function (...args) {
      const callback = args.pop();
      if (typeof callback !== 'function') throw wrongType('last argument', 'of type function', callback);
      original.apply(this, args).then((value) => queueMicrotask(() => callback(null, value)), (error) => queueMicrotask(() => callback(falsy(error))));
    };
  }

  function falsy(error) {
    if (error) return error;
    const wrapped = named(Error, 'ERR_FALSY_VALUE_REJECTION', 'Promise was rejected with falsy value');
    wrapped.reason = error;
    return wrapped;
  }

  function inherits(constructor, parent) {
    if (typeof constructor !== 'function') throw wrongType('ctor', 'of type function', constructor);
    if (typeof parent !== 'function') throw wrongType('superCtor', 'of type function', parent);
    Object.defineProperty(constructor, 'super_', { value: parent, writable: true, configurable: true });
    Object.setPrototypeOf(constructor.prototype, parent.prototype);
  }

  function deprecate(original, message, code) {
    let told = false;
    return function (...args) {
      if (!told) internal.host.print(2, `(node:1) ${code ? `[${code}] ` : ''}DeprecationWarning: ${message}\n`);
      told = true;
      return new.target ? Reflect.construct(original, args, new.target) : Reflect.apply(original, this, args);
    };
  }

  const util = {
    inspect, format, formatWithOptions, types, promisify, callbackify, inherits, deprecate,
    debuglog: () => Object.assign(() => {}, { enabled: false }),
    isDeepStrictEqual: (a, b) => internal.load('assert').isDeepStrictEqual(a, b),
    stripVTControlCharacters: (text) => text.replace(/\u001b\[[0-9;]*[A-Za-z]/g, ''),
    toUSVString: (text) => `${text}`.replace(/[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, '\ufffd'),
    get TextEncoder() { return internal.load('encoding').TextEncoder; },
    get TextDecoder() { return internal.load('encoding').TextDecoder; },
    isArray: Array.isArray,
    isBoolean: (value) => typeof value === 'boolean',
    isNull: (value) => value === null,
    isNullOrUndefined: (value) => value === null || value === undefined,
    isNumber: (value) => typeof value === 'number',
    isString: (value) => typeof value === 'string',
    isSymbol: (value) => typeof value === 'symbol',
    isUndefined: (value) => value === undefined,
    isRegExp: types.isRegExp,
    isObject: (value) => value !== null && typeof value === 'object',
    isDate: types.isDate,
    isError,
    isFunction: (value) => typeof value === 'function',
    isPrimitive: (value) => value === null || (typeof value !== 'object' && typeof value !== 'function'),
    isBuffer: (value) => internal.load('buffer').Buffer.isBuffer(value),
    _extend: (target, source) => Object.assign(target, source),
  };
  util.debug = util.debuglog;
  module.exports = util;
});
