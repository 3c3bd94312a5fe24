// util.inspect and util.format, and the words of Node's argument errors.
(function (module) {
  'use strict';

  const GROUP_FROM = 6;
  const COMPACT = 3;
  const MOST_TEXT = 10000;
  const custom = Symbol.for('nodejs.util.inspect.custom');
  const DEFAULTS = { depth: 2, maxArrayLength: 100, maxStringLength: MOST_TEXT, breakLength: 128, compact: COMPACT, showHidden: false, sorted: false, getters: false, customInspect: true, colors: false, numericSeparator: false };
  const IDENTIFIER = /^[a-zA-Z_][a-zA-Z_0-9]*$/;
  const ESCAPES = { '\b': '\\b', '\t': '\\t', '\n': '\\n', '\f': '\\f', '\r': '\\r', '\\': '\\\\', "'": "\\'" };

  function quote(text) {
    const mark = !text.includes("'") ? "'" : !text.includes('"') ? '"' : !text.includes('`') && !text.includes('${') ? '`' : "'";
    // eslint-disable-next-line no-control-regex
    const escaped = text.replace(/[\x00-\x1f\x27\x5c\x7f-\x9f]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g, (c) => {
      if (c === "'" && mark !== "'") return c;
      const code = c.charCodeAt(0);
      return ESCAPES[c] || (code > 0xff ? `\\u${code.toString(16).toUpperCase()}` : `\\x${code.toString(16).toUpperCase().padStart(2, '0')}`);
    });
    return `${mark}${escaped}${mark}`;
  }

  const number = (value) => (Object.is(value, -0) ? '-0' : `${value}`);

  function primitive(state, value) {
    if (typeof value === 'string') return text(state, value);
    if (typeof value === 'number') return number(value);
    if (typeof value === 'bigint') return `${value}n`;
    if (typeof value === 'symbol') return Symbol.prototype.toString.call(value);
    return `${value}`;
  }

  function text(state, value) {
    let rest = '';
    let shown = value;
    if (value.length > state.maxStringLength) {
      const left = value.length - state.maxStringLength;
      shown = value.slice(0, state.maxStringLength);
      rest = `... ${left} more character${left > 1 ? 's' : ''}`;
    }
    const breakable = state.compact !== true && shown.length > 16 && shown.length > state.breakLength - state.indentation - 4;
    if (!breakable) return quote(shown) + rest;
    return shown.split(/(?<=\n)/).map(quote).join(` +\n${' '.repeat(state.indentation + 2)}`) + rest;
  }

  function constructorName(value) {
    for (let object = value, depth = 0; object !== null && object !== undefined; object = Object.getPrototypeOf(object), depth++) {
      const descriptor = Object.getOwnPropertyDescriptor(object, 'constructor');
      if (descriptor !== undefined && typeof descriptor.value === 'function' && descriptor.value.name !== '') {
        if (depth === 0 || value instanceof descriptor.value) return descriptor.value.name;
      }
    }
    return null;
  }

  function prefix(name, tag, fallback, size = '') {
    const label = name === null ? (tag !== '' && fallback !== tag ? `[${fallback}${size}: null prototype] [${tag}] ` : `[${fallback}${size}: null prototype] `) : undefined;
    if (label !== undefined) return label;
    return tag !== '' && name !== tag ? `${name}${size} [${tag}] ` : `${name}${size} `;
  }

  function tagOf(value, name) {
    if (Object.prototype.propertyIsEnumerable.call(value, Symbol.toStringTag)) return '';
    const tag = value[Symbol.toStringTag];
    return typeof tag !== 'string' || tag === '' || tag === name ? '' : tag;
  }

  function keysOf(value, state) {
    const keys = state.showHidden ? Object.getOwnPropertyNames(value) : Object.keys(value);
    const symbols = Object.getOwnPropertySymbols(value).filter((symbol) => state.showHidden || Object.prototype.propertyIsEnumerable.call(value, symbol));
    return [...keys, ...symbols];
  }

  function key(name, descriptor, isSymbolic) {
    if (isSymbolic) return `[${Symbol.prototype.toString.call(name)}]`;
    if (name === '__proto__') return "['__proto__']";
    if (!descriptor.enumerable) return `[${name}]`;
    return IDENTIFIER.test(name) ? name : quote(name);
  }

  function property(state, value, name, depth, inArray) {
    const descriptor = Object.getOwnPropertyDescriptor(value, name) || { value: value[name], enumerable: true };
    let shown;
    if ('value' in descriptor) {
      const wider = state.compact !== true || inArray ? 2 : 3;
      state.indentation += wider;
      shown = format(state, descriptor.value, depth);
      state.indentation -= wider;
    } else if (descriptor.get !== undefined) {
      shown = descriptor.set !== undefined ? '[Getter/Setter]' : '[Getter]';
    } else {
      shown = descriptor.set !== undefined ? '[Setter]' : 'undefined';
    }
    return inArray ? shown : `${key(name, descriptor, typeof name === 'symbol')}: ${shown}`;
  }

  function more(count) {
    return `... ${count} more item${count > 1 ? 's' : ''}`;
  }

  function arrayItems(state, value, depth) {
    const output = [];
    const most = Math.min(state.maxArrayLength, value.length);
    let index = 0;
    for (; index < value.length && output.length < most; index++) {
      if (Object.hasOwn(value, index)) {
        output.push(property(state, value, String(index), depth, true));
      } else {
        const start = index;
        while (index + 1 < value.length && !Object.hasOwn(value, index + 1)) index++;
        output.push(`<${index - start + 1} empty item${index > start ? 's' : ''}>`);
      }
    }
    if (index < value.length) output.push(more(value.length - index));
    return output;
  }

  function typedItems(state, value) {
    const most = Math.min(state.maxArrayLength, value.length);
    const output = Array.from(value.subarray ? value.subarray(0, most) : value.slice(0, most), (item) => (typeof item === 'bigint' ? `${item}n` : number(item)));
    if (most < value.length) output.push(more(value.length - most));
    return output;
  }

  function setItems(state, values, depth) {
    state.indentation += 2;
    const output = Array.from(values, (value) => format(state, value, depth));
    state.indentation -= 2;
    return output;
  }

  function mapItems(state, map, depth) {
    state.indentation += 2;
    const output = Array.from(map, ([k, v]) => `${format(state, k, depth)} => ${format(state, v, depth)}`);
    state.indentation -= 2;
    return output;
  }

  function functionBase(value, name, tag) {
    const source = Function.prototype.toString.call(value);
    if (/^class[\s{]/.test(source)) return classBase(value, name);
    const kind = name && name !== 'Function' ? name : 'Function';
    const type = { GeneratorFunction: 'GeneratorFunction', AsyncFunction: 'AsyncFunction', AsyncGeneratorFunction: 'AsyncGeneratorFunction' }[kind] || 'Function';
    let base = value.name === '' ? `[${type} (anonymous)]` : `[${type}: ${value.name}]`;
    if (name === null) base += ' [null prototype]';
    if (tag !== '' && tag !== kind) base += ` [${tag}]`;
    return base;
  }

  function classBase(value, name) {
    const own = Object.hasOwn(value, 'name') && value.name;
    const parent = Object.getPrototypeOf(value);
    let base = `[class ${own || '(anonymous)'}`;
    if (name !== 'Function' && name !== null) base += ` [${name}]`;
    if (typeof parent === 'function' && parent.name) base += ` extends ${parent.name}`;
    else if (parent === null) base += ' extends null';
    return `${base}]`;
  }

  function errorBase(error, keys, state) {
    let stack = error.stack ? String(error.stack) : Error.prototype.toString.call(error);
    for (const name of ['name', 'message', 'stack']) {
      const at = keys.indexOf(name);
      if (at >= 0 && (typeof error[name] !== 'string' || stack.includes(error[name]))) keys.splice(at, 1);
    }
    if ('cause' in error && !keys.includes('cause')) keys.push('cause');
    if (Array.isArray(error.errors) && !keys.includes('errors')) keys.push('errors');
    const at = stack.indexOf('\n    at');
    if (at === -1) stack = `[${stack}]`;
    if (state.indentation > 0) stack = stack.replaceAll('\n', `\n${' '.repeat(state.indentation)}`);
    return stack;
  }

  const isError = (value) => value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
  const boxed = [Number, String, Boolean, BigInt, Symbol];

  function boxedBase(value, type, name) {
    const inner = type.prototype.valueOf.call(value);
    const kind = type.name;
    let base = `[${kind}`;
    if (kind !== name) base += name === null ? ' (null prototype)' : ` (${name})`;
    return `${base}: ${primitive({ ...DEFAULTS, indentation: 0, breakLength: Infinity }, inner)}]`;
  }

  /** What kind of thing it is: braces, the items it holds, or a base that stands for itself. */
  function shape(state, value, keys) {
    const name = constructorName(value);
    const tag = tagOf(value, name);
    if (Array.isArray(value)) {
      const start = name !== 'Array' || tag !== '' ? prefix(name, tag, 'Array', `(${value.length})`) : '';
      return { braces: [`${start}[`, ']'], items: arrayItems, list: true };
    }
    if (ArrayBuffer.isView(value) && !(value instanceof DataView)) {
      return { braces: [`${prefix(name, tag === name ? '' : typedTag(value, name, tag), Object.getPrototypeOf(value.constructor || {}).name, `(${value.length})`)}[`, ']'], items: typedItems, list: true, indexed: true };
    }
    if (value instanceof Set) return { braces: [`${prefix(name, tag, 'Set', `(${value.size})`)}{`, '}'], items: setItems };
    if (value instanceof Map) return { braces: [`${prefix(name, tag, 'Map', `(${value.size})`)}{`, '}'], items: mapItems };
    return objectShape(state, value, keys, name, tag);
  }

  const typedTag = (value, name, tag) => (tag === Object.getPrototypeOf(Uint8Array.prototype)[Symbol.toStringTag] ? '' : name === 'Buffer' ? '' : tag);

  function objectShape(state, value, keys, name, tag) {
    if (tag === 'Map Iterator' || tag === 'Set Iterator') return { braces: [`[${tag}] {`, '}'], items: setItems };
    if (Object.prototype.toString.call(value) === '[object Arguments]' && name === 'Object') return { braces: ['[Arguments] {', '}'] };
    if (typeof value === 'function') return { base: functionBase(value, name, tag) };
    if (value instanceof RegExp) return { base: RegExp.prototype.toString.call(value) };
    if (value instanceof Date) return { base: Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString() };
    if (isError(value)) return { base: errorBase(value, keys, state) };
    const box = boxed.find((type) => value instanceof type);
    if (box !== undefined) {
      if (box === String) keys.splice(0, value.length);
      return { base: boxedBase(value, box, name) };
    }
    return plainShape(state, value, name, tag);
  }

  function plainShape(state, value, name, tag) {
    if (value instanceof WeakSet || value instanceof WeakMap || value instanceof WeakRef) return { braces: [`${prefix(name, tag, 'Weak')}{`, '}'], items: () => ['<items unknown>'] };
    if (value instanceof Promise) return { braces: [`${prefix(name, tag, 'Promise')}{`, '}'], items: () => ['<pending>'] };
    if (value instanceof ArrayBuffer) return { braces: [`${prefix(name, tag, 'ArrayBuffer')}{`, '}'], items: bufferItems };
    if (name === 'Object' && tag === '') return { braces: ['{', '}'], plain: true };
    return { braces: [`${prefix(name, tag, 'Object')}{`, '}'] };
  }

  function bufferItems(state, value) {
    const bytes = Array.from(new Uint8Array(value, 0, Math.min(50, value.byteLength)), (byte) => byte.toString(16).padStart(2, '0'));
    const left = value.byteLength - bytes.length;
    return [`[Uint8Contents]: <${bytes.join(' ')}${left > 0 ? ` ... ${left} more byte${left > 1 ? 's' : ''}` : ''}>`, `byteLength: ${value.byteLength}`];
  }

  function customized(state, value, depth) {
    const inspector = value[custom];
    if (!state.customInspect || typeof inspector !== 'function' || inspector === inspect) return undefined;
    const left = state.depth === null ? null : state.depth - depth;
    const result = inspector.call(value, left, { ...state, depth: left, stylize: (shown) => String(shown) }, inspect);
    if (typeof result === 'object' && result !== value) return format(state, result, depth);
    return typeof result === 'string' ? result.replaceAll('\n', `\n${' '.repeat(state.indentation)}`) : result === value ? undefined : primitive(state, result);
  }

  function format(state, value, depth) {
    if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return primitive(state, value);
    const own = customized(state, value, depth);
    if (own !== undefined) return own;
    if (state.seen.includes(value)) {
      if (!state.circular.has(value)) state.circular.set(value, state.circular.size + 1);
      return `[Circular *${state.circular.get(value)}]`;
    }
    return formatObject(state, value, depth);
  }

  function formatObject(state, value, depth) {
    let keys = keysOf(value, state);
    const form = shape(state, value, keys);
    if (form.list) keys = keys.filter((name) => typeof name === 'symbol' || !/^(0|[1-9]\d*)$/.test(name));
    if (form.base !== undefined && keys.length === 0) return form.base;
    if (form.plain && keys.length === 0) return '{}';
    if (form.braces !== undefined && keys.length === 0 && emptyList(value, form)) return `${form.braces[0]}${form.braces[1]}`;
    if (state.depth !== null && depth > state.depth) return tooDeep(value, form);
    return whole(state, value, depth, form, keys);
  }

  const emptyList = (value, form) => (form.list && value.length === 0) || ((value instanceof Map || value instanceof Set) && value.size === 0) || (form.items === undefined && !form.list);

  function tooDeep(value, form) {
    const name = constructorName(value);
    if (Array.isArray(value)) return '[Array]';
    return `[${prefix(name, tagOf(value, name), 'Object').slice(0, -1)}]`;
  }

  function whole(state, value, depth, form, keys) {
    state.seen.push(value);
    state.currentDepth = depth;
    const braces = form.braces || ['{', '}'];
    const items = form.items === undefined ? [] : form.items(state, value, depth + 1);
    const output = items.concat(keys.map((name) => property(state, value, name, depth + 1, false)));
    state.seen.pop();
    let { base } = form;
    let open = braces[0];
    if (state.circular.has(value)) {
      const mark = `<ref *${state.circular.get(value)}>`;
      if (base === undefined) open = `${mark} ${open}`;
      else base = `${mark} ${base}`;
    }
    if (state.sorted && !form.list) output.sort(state.sorted === true ? undefined : state.sorted);
    return single(state, output, base, [open, braces[1]], depth, form.list ? value : undefined);
  }

  /** One line where it fits and is shallow, else one entry a line; long lists in columns. */
  function single(state, entries, base, braces, depth, list) {
    let output = entries;
    if (state.compact !== true) {
      if (list !== undefined && output.length > GROUP_FROM) output = columns(state, output, list);
      const shallow = state.currentDepth - depth < state.compact && output.length === entries.length;
      const start = output.length + state.indentation + braces[0].length + (base === undefined ? 0 : base.length) + 10;
      if (shallow && fits(state, output, start, base)) {
        const joined = output.join(', ');
        if (!joined.includes('\n')) return `${base === undefined ? '' : `${base} `}${braces[0]} ${joined} ${braces[1]}`;
      }
    }
    const indent = `\n${' '.repeat(state.indentation)}`;
    return `${base === undefined ? '' : `${base} `}${braces[0]}${indent}  ${output.join(`,${indent}  `)}${indent}${braces[1]}`;
  }

  function fits(state, output, start, base) {
    let total = output.length + start;
    if (total + output.length > state.breakLength) return false;
    for (const entry of output) {
      total += entry.length;
      if (total > state.breakLength) return false;
    }
    return base === undefined || !base.includes('\n');
  }

  function columns(state, output, list) {
    const hasMore = state.maxArrayLength < list.length ? 1 : 0;
    const count = output.length - hasMore;
    const lengths = output.slice(0, count).map((entry) => entry.length + 2);
    const total = lengths.reduce((sum, length) => sum + length, 0);
    const longest = Math.max(...lengths);
    if (!(longest * 3 + state.indentation < state.breakLength && (total / longest > 5 || longest - 2 <= 6))) return output;
    const usual = Math.max(longest - 3 - Math.sqrt(longest - total / output.length), 1);
    const perRow = Math.min(
      Math.round(Math.sqrt(2.5 * usual * count) / usual),
      Math.floor((state.breakLength - state.indentation) / longest),
      state.compact * 4,
      15,
    );
    return perRow <= 1 ? output : rows(output, lengths, count, perRow, list);
  }

  function rows(output, lengths, count, perRow, list) {
    const widths = [];
    for (let column = 0; column < perRow; column++) {
      let widest = 0;
      for (let at = column; at < count; at += perRow) widest = Math.max(widest, lengths[at]);
      widths.push(widest);
    }
    const alignRight = Array.from(list).every((item) => typeof item === 'number' || typeof item === 'bigint');
    const grouped = [];
    for (let at = 0; at < count; at += perRow) {
      const end = Math.min(at + perRow, count);
      let row = '';
      for (let i = at; i < end - 1; i++) row += alignRight ? `${output[i]}, `.padStart(widths[i - at]) : `${output[i]}, `.padEnd(widths[i - at]);
      row += alignRight ? output[end - 1].padStart(widths[end - 1 - at] - 2) : output[end - 1];
      grouped.push(row);
    }
    return grouped.concat(output.slice(count));
  }

  function inspect(value, options, legacyDepth) {
    const given = typeof options === 'object' && options !== null ? options : options === undefined ? {} : { showHidden: options, depth: legacyDepth };
    const state = { ...DEFAULTS, breakLength: 80, ...Object.fromEntries(Object.entries(given).filter(([, v]) => v !== undefined)), seen: [], circular: new Map(), indentation: 0, currentDepth: 0 };
    if (state.depth === Infinity) state.depth = null;
    if (state.maxArrayLength === null) state.maxArrayLength = Infinity;
    if (state.maxStringLength === null) state.maxStringLength = Infinity;
    return format(state, value, 0);
  }
  inspect.custom = custom;
  inspect.defaultOptions = { ...DEFAULTS, breakLength: 80 };

  function placeholder(kind, value) {
    switch (kind) {
      case 's':
        if (typeof value === 'bigint') return `${value}n`;
        if (typeof value === 'number') return number(value);
        if (typeof value === 'object' && value !== null) return ownText(value) ? String(value) : inspect(value, { depth: 0, colors: false, compact: 3 });
        return String(value);
      case 'd': return typeof value === 'bigint' ? `${value}n` : typeof value === 'symbol' ? 'NaN' : typeof value === 'object' ? number(Number(value)) : number(Number(value));
      case 'i': return typeof value === 'bigint' ? `${value}n` : typeof value === 'symbol' ? 'NaN' : number(parseInt(value, 10));
      case 'f': return typeof value === 'symbol' ? 'NaN' : number(parseFloat(value));
      case 'j': return jsonOf(value);
      case 'o': return inspect(value, { showHidden: true, depth: 4 });
      case 'O': return inspect(value);
      default: return '';
    }
  }

  /** Has the value a `toString` that a user wrote? Then that is how it is shown. */
  function ownText(value) {
    if (isError(value) || value instanceof Date) return true;
    for (let object = value; object !== null; object = Object.getPrototypeOf(object)) {
      if (Object.hasOwn(object, 'toString')) return ![Object.prototype, Array.prototype].includes(object) && typeof value.toString === 'function' && !/\[native code\]/.test(Function.prototype.toString.call(value.toString));
    }
    return false;
  }

  function jsonOf(value) {
    try {
      return JSON.stringify(value);
    } catch (error) {
      if (error instanceof TypeError) return '[Circular]';
      throw error;
    }
  }

  function formatWith(options, args) {
    let used = 0;
    let result = '';
    if (typeof args[0] === 'string') {
      used = 1;
      result = args.length === 1 ? args[0] : args[0].replace(/%([sdifjoOc%])/g, (whole_, kind) => {
        if (kind === '%') return '%';
        if (used >= args.length) return whole_;
        return placeholder(kind, args[used++]);
      });
      if (used < args.length) result += ' ';
    }
    return result + args.slice(used).map((value) => (typeof value === 'string' ? value : inspect(value, options))).join(' ');
  }

  // ---- the words of Node's argument errors

  function named(Type, code, message) {
    const error = new Type(message);
    error.code = code;
    Object.defineProperty(error, 'stack', { value: String(error.stack).replace(/^(\w+)/, `$1 [${code}]`), writable: true, configurable: true });
    return error;
  }

  function received(value) {
    if (value === null || value === undefined) return `${value}`;
    if (typeof value === 'function') return `function ${value.name}`;
    if (typeof value === 'object') return value.constructor && value.constructor.name ? `an instance of ${value.constructor.name}` : inspect(value, { depth: -1 });
    let shown = inspect(value, { colors: false });
    if (shown.length > 28) shown = `${shown.slice(0, 25)}...`;
    return `type ${typeof value} (${shown})`;
  }

  const wrongType = (name, types, value) => named(TypeError, 'ERR_INVALID_ARG_TYPE', `The "${name}" argument must be ${types}. Received ${received(value)}`);

  function checkString(value, name) {
    if (typeof value !== 'string') throw wrongType(name, 'of type string', value);
  }

  module.exports = { inspect, format: (...args) => formatWith({}, args), formatWithOptions: (options, ...args) => formatWith(options, args), named, received, wrongType, checkString, isError };
});
