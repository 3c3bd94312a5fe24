(function (module, internal) {
  'use strict';

  const { inspect, named, wrongType, received } = internal.load('inspect');
  const utf8 = internal.load('encoding');
  const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const MOST_INSPECTED = 50;
  const kMaxLength = 2 ** 32;
  const ENCODINGS = { utf8: 'utf8', 'utf-8': 'utf8', hex: 'hex', base64: 'base64', base64url: 'base64url', latin1: 'latin1', binary: 'latin1', ascii: 'ascii', ucs2: 'utf16le', 'ucs-2': 'utf16le', utf16le: 'utf16le', 'utf-16le': 'utf16le' };

  function encodingOf(name) {
    if (name === undefined || name === null || name === '') return 'utf8';
    const encoding = ENCODINGS[`${name}`.toLowerCase()];
    if (encoding === undefined) throw named(TypeError, 'ERR_UNKNOWN_ENCODING', `Unknown encoding: ${name}`);
    return encoding;
  }

  function fromBase64(text) {
    const bytes = [];
    let bits = 0;
    let have = 0;
    for (let i = 0; i < text.length; i++) {
      const character = String.fromCharCode(text.charCodeAt(i) & 0xff); // Node looks at the low byte only
      if (character === '=') break;
      const value = BASE64.indexOf(character === '-' ? '+' : character === '_' ? '/' : character);
      if (value < 0) continue;
      bits = ((bits << 6) | value) & 0xffffff;
      have += 6;
      if (have >= 8) {
        have -= 8;
        bytes.push((bits >> have) & 0xff);
      }
    }
    return bytes;
  }

  function toBase64(bytes, url) {
    let text = '';
    for (let i = 0; i < bytes.length; i += 3) {
      const group = (bytes[i] << 16) | ((bytes[i + 1] || 0) << 8) | (bytes[i + 2] || 0);
      text += BASE64[group >> 18] + BASE64[(group >> 12) & 63];
      text += i + 1 < bytes.length ? BASE64[(group >> 6) & 63] : '=';
      text += i + 2 < bytes.length ? BASE64[group & 63] : '=';
    }
    return url ? text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '') : text;
  }

  function fromHex(text) {
    const bytes = [];
    for (let i = 0; i + 1 < text.length; i += 2) {
      const pair = text.slice(i, i + 2);
      if (!/^[0-9a-fA-F]{2}$/.test(pair)) break;
      bytes.push(parseInt(pair, 16));
    }
    return bytes;
  }

  const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

  function toHex(bytes) {
    let text = '';
    for (let i = 0; i < bytes.length; i++) text += HEX[bytes[i]];
    return text;
  }

  function latin1(text) {
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
    return bytes;
  }

  const units = (text, each) => Array.from({ length: text.length }, (_, i) => each(text.charCodeAt(i)));

  function bytesOf(text, encoding) {
    switch (encoding) {
      case 'utf8': return utf8.encodeAscii(text) || utf8.encode(text);
      case 'hex': return fromHex(text);
      case 'base64':
      case 'base64url': return fromBase64(text);
      case 'utf16le': return units(text, (unit) => [unit & 0xff, unit >> 8]).flat();
      default: return latin1(text);
    }
  }

  function characters(bytes, map) {
    let text = '';
    for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode.apply(null, Array.from(bytes.subarray(i, i + 4096), map));
    return text;
  }

  function textOf(bytes, encoding) {
    switch (encoding) {
      case 'utf8': return utf8.decode(bytes).text;
      case 'hex': return toHex(bytes);
      case 'base64': return toBase64(bytes, false);
      case 'base64url': return toBase64(bytes, true);
      case 'utf16le': return utf8.unitsOf(new Uint16Array(new Uint8Array(bytes.subarray(0, bytes.length & ~1)).buffer));
      case 'ascii': return characters(bytes, (byte) => byte & 0x7f);
      default: return utf8.unitsOf(bytes);
    }
  }

  function outOfRange(name, range, value) {
    return named(RangeError, 'ERR_OUT_OF_RANGE', `The value of "${name}" is out of range. It must be ${range}. Received ${typeof value === 'bigint' ? `${grouped(value)}n` : grouped(value)}`);
  }

  function grouped(value) {
    if (typeof value !== 'bigint' && (!Number.isInteger(value) || Math.abs(value) <= 2 ** 32)) return inspect(value);
    return String(value).replace(/\B(?=(\d{3})+$)/g, '_');
  }

  function checkSize(size) {
    if (typeof size !== 'number') throw wrongType('size', 'of type number', size);
    if (!(size >= 0 && size <= kMaxLength)) throw outOfRange('size', `>= 0 && <= ${kMaxLength}`, size);
  }

  function checkOffset(value, offset, width) {
    if (typeof offset !== 'number') throw wrongType('offset', 'of type number', offset);
    if (!Number.isInteger(offset)) throw outOfRange('offset', 'an integer', offset);
    if (value.length < width) throw named(RangeError, 'ERR_BUFFER_OUT_OF_BOUNDS', 'Attempt to access memory outside buffer bounds');
    if (offset < 0 || offset + width > value.length) throw outOfRange('offset', `>= 0 and <= ${value.length - width}`, offset);
  }

  class Buffer extends Uint8Array {
    static from(value, encodingOrOffset, length) {
      if (typeof value === 'string') return fill(bytesOf(value, encodingOf(encodingOrOffset)));
      if (value instanceof ArrayBuffer || (typeof SharedArrayBuffer !== 'undefined' && value instanceof SharedArrayBuffer)) return new Buffer(value, encodingOrOffset, length);
      if (value !== null && typeof value === 'object') return fromObject(value, encodingOrOffset, length);
      throw named(TypeError, 'ERR_INVALID_ARG_TYPE', `The first argument must be of type string or an instance of Buffer, ArrayBuffer, or Array or an Array-like Object. Received ${received(value)}`);
    }
    static alloc(size, value, encoding) {
      checkSize(size);
      const buffer = new Buffer(size);
      return value === undefined || size === 0 ? buffer : buffer.fill(value, encoding);
    }
    static allocUnsafe(size) { checkSize(size); return new Buffer(size); }
    static allocUnsafeSlow(size) { checkSize(size); return new Buffer(size); }
    static isBuffer(value) { return value instanceof Buffer; }
    static isEncoding(name) { return typeof name === 'string' && name.length > 0 && ENCODINGS[name.toLowerCase()] !== undefined; }
    static byteLength(value, encoding) {
      if (typeof value === 'string') return bytesOf(value, encodingOf(ENCODINGS[`${encoding}`.toLowerCase()] || 'utf8')).length;
      if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return value.byteLength;
      throw wrongType('string', 'of type string or an instance of Buffer or ArrayBuffer', value);
    }
    static compare(a, b) { return Buffer.prototype.compare.call(a, b); }
    static concat(list, length) {
      if (!Array.isArray(list)) throw wrongType('list', 'an instance of Array', list);
      const total = length === undefined ? list.reduce((sum, part) => sum + part.length, 0) : length;
      const whole = Buffer.alloc(total);
      let at = 0;
      for (const part of list) {
        if (at >= total) break;
        whole.set(part.subarray(0, total - at), at);
        at += part.length;
      }
      return whole;
    }
    get parent() { return this.buffer; }
    get offset() { return this.byteOffset; }
    toString(encoding, start = 0, end = this.length) {
      const from = Math.max(0, Math.trunc(start) || 0);
      const to = Math.min(this.length, end === undefined ? this.length : Math.trunc(end) || 0);
      return from >= to ? '' : textOf(this.subarray(from, to), encodingOf(encoding));
    }
    toLocaleString(...args) { return this.toString(...args); }
    toJSON() { return { type: 'Buffer', data: Array.from(this) }; }
    equals(other) {
      if (!(other instanceof Uint8Array)) throw wrongType('otherBuffer', 'an instance of Buffer or Uint8Array', other);
      return this.length === other.length && this.every((byte, i) => byte === other[i]);
    }
    compare(other, start = 0, end = other.length, from = 0, to = this.length) {
      if (!(other instanceof Uint8Array)) throw wrongType('target', 'an instance of Buffer or Uint8Array', other);
      const [a, b] = [this.subarray(from, to), other.subarray(start, end)];
      for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return a[i] < b[i] ? -1 : 1;
      return Math.sign(a.length - b.length);
    }
    slice(start, end) { return this.subarray(start, end); }
    write(text, ...rest) {
      if (typeof text !== 'string') throw wrongType('argument', 'of type string', text);
      const numbers = rest.filter((value) => typeof value === 'number');
      const encoding = encodingOf(rest.find((value) => typeof value === 'string'));
      const [offset = 0, length = this.length - offset] = numbers;
      if (offset > this.length) throw outOfRange('offset', `>= 0 && <= ${this.length}`, offset);
      return place(this, text, encoding, offset, Math.min(length, this.length - offset));
    }
    copy(target, targetStart = 0, start = 0, end = this.length) {
      const part = this.subarray(start, Math.min(end, start + Math.max(0, target.length - targetStart)));
      target.set(part, targetStart);
      return part.length;
    }
    fill(value, start, end, encoding) {
      if (typeof start === 'string') [start, encoding] = [undefined, start];
      if (typeof end === 'string') [end, encoding] = [undefined, end];
      if (typeof value !== 'string' && !ArrayBuffer.isView(value)) return super.fill(Number(value) & 255, start, end);
      const pattern = typeof value === 'string' ? bytesOf(value, encodingOf(encoding)) : value;
      const [from, to] = [start || 0, end === undefined ? this.length : end];
      if (pattern.length === 0) {
        if (typeof value === 'string' && value !== '') throw named(TypeError, 'ERR_INVALID_ARG_VALUE', `The argument 'value' is invalid. Received ${inspect(value)}`);
        return super.fill(0, from, to);
      }
      for (let i = from; i < to; i++) this[i] = pattern[(i - from) % pattern.length];
      return this;
    }
    indexOf(value, offset, encoding) { return find(this, value, offset, encoding, 1); }
    lastIndexOf(value, offset, encoding) { return find(this, value, offset, encoding, -1); }
    includes(value, offset, encoding) { return this.indexOf(value, offset, encoding) >= 0; }
    swap16() { return swap(this, 2); }
    swap32() { return swap(this, 4); }
    swap64() { return swap(this, 8); }
    readUIntBE(offset, width) { return Number(integer(this, offset, width, false)); }
    readUIntLE(offset, width) { return Number(integer(this, offset, width, true)); }
    readIntBE(offset, width) { return Number(BigInt.asIntN(width * 8, integer(this, offset, width, false))); }
    readIntLE(offset, width) { return Number(BigInt.asIntN(width * 8, integer(this, offset, width, true))); }
    writeUIntBE(value, offset, width) { return putInteger(this, value, offset, width, false, false); }
    writeUIntLE(value, offset, width) { return putInteger(this, value, offset, width, true, false); }
    writeIntBE(value, offset, width) { return putInteger(this, value, offset, width, false, true); }
    writeIntLE(value, offset, width) { return putInteger(this, value, offset, width, true, true); }
    [inspect.custom](_depth, context) {
      const shown = Array.from(this.subarray(0, MOST_INSPECTED), (byte) => byte.toString(16).padStart(2, '0')).join(' ');
      const left = this.length - MOST_INSPECTED;
      const rest = left > 0 ? ` ... ${left} more byte${left > 1 ? 's' : ''}` : '';
      void context;
      return `<Buffer ${shown}${rest}>`;
    }
  }

  function fill(bytes) {
    const buffer = new Buffer(bytes.length);
    buffer.set(bytes);
    return buffer;
  }

  function fromObject(value, encoding, length) {
    if (ArrayBuffer.isView(value) || Array.isArray(value)) return fill(Array.from(value, (item) => Number(item) & 255));
    const primitive = value.valueOf && value.valueOf();
    if (primitive !== undefined && primitive !== null && primitive !== value) return Buffer.from(primitive, encoding, length);
    if (value.type === 'Buffer' && Array.isArray(value.data)) return fill(value.data.map((item) => item & 255));
    if (typeof value.length === 'number') return fill(Array.from(value, (item) => Number(item) & 255));
    const text = typeof value[Symbol.toPrimitive] === 'function' ? value[Symbol.toPrimitive]('string') : undefined;
    if (typeof text === 'string') return Buffer.from(text, encoding);
    throw named(TypeError, 'ERR_INVALID_ARG_TYPE', `The first argument must be of type string or an instance of Buffer, ArrayBuffer, or Array or an Array-like Object. Received ${received(value)}`);
  }

  /** Writes whole characters only, as many as fit. */
  function place(buffer, text, encoding, offset, length) {
    if (encoding !== 'utf8') {
      const bytes = bytesOf(text, encoding);
      const most = encoding === 'utf16le' ? length & ~1 : length;
      const part = bytes.slice(0, most);
      buffer.set(part, offset);
      return part.length;
    }
    let written = 0;
    for (const character of text) {
      const bytes = utf8.encode(character);
      if (written + bytes.length > length) break;
      buffer.set(bytes, offset + written);
      written += bytes.length;
    }
    return written;
  }

  function find(buffer, value, offset, encoding, direction) {
    if (typeof offset === 'string') [offset, encoding] = [undefined, offset];
    const wanted = typeof value === 'number' ? [value & 255] : typeof value === 'string' ? bytesOf(value, encodingOf(encoding)) : value;
    if (!ArrayBuffer.isView(wanted) && !Array.isArray(wanted)) throw wrongType('value', 'one of type number or string or an instance of Buffer or Uint8Array', value);
    const most = buffer.length - wanted.length;
    let at = offset === undefined || Number.isNaN(+offset) ? (direction > 0 ? 0 : most) : Math.trunc(+offset);
    if (at < 0) at += buffer.length;
    if (direction > 0) at = Math.max(0, at);
    else at = Math.min(at, most);
    if (wanted.length === 0) return Math.min(Math.max(at, 0), buffer.length);
    for (; at >= 0 && at <= most; at += direction) {
      let same = 0;
      while (same < wanted.length && buffer[at + same] === wanted[same]) same++;
      if (same === wanted.length) return at;
    }
    return -1;
  }

  function swap(buffer, width) {
    if (buffer.length % width !== 0) throw named(RangeError, 'ERR_INVALID_BUFFER_SIZE', `Buffer size must be a multiple of ${width * 8}-bits`);
    for (let i = 0; i < buffer.length; i += width) buffer.subarray(i, i + width).reverse();
    return buffer;
  }

  function integer(buffer, offset, width, little) {
    if (offset === undefined) throw wrongType('offset', 'of type number', offset);
    checkOffset(buffer, offset, width);
    let value = 0n;
    for (let i = 0; i < width; i++) value = (value << 8n) | BigInt(buffer[offset + (little ? width - 1 - i : i)]);
    return value;
  }

  function range(width, signed) {
    if (width <= 4 && !signed) return [0, 2 ** (8 * width) - 1, `>= 0 and <= ${2 ** (8 * width) - 1}`];
    if (width <= 4) return [-(2 ** (8 * width - 1)), 2 ** (8 * width - 1) - 1, `>= ${-(2 ** (8 * width - 1))} and <= ${2 ** (8 * width - 1) - 1}`];
    const bits = 8 * width;
    return signed ? [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, `>= -(2 ** ${bits - 1}) and < 2 ** ${bits - 1}`] : [0, 2 ** bits - 1, `>= 0 and < 2 ** ${bits}`];
  }

  function putInteger(buffer, value, offset, width, little, signed) {
    const number_ = +value;
    const [low, high, words] = range(width, signed);
    if (number_ > high || number_ < low) throw outOfRange('value', words, value);
    checkOffset(buffer, offset, width);
    let rest = BigInt.asUintN(width * 8, BigInt(Math.trunc(number_) || 0));
    for (let i = 0; i < width; i++) {
      buffer[offset + (little ? i : width - 1 - i)] = Number(rest & 255n);
      rest >>= 8n;
    }
    return offset + width;
  }

  function accessors(name, width, get, set, check) {
    const view = (buffer) => new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    for (const [suffix, little] of width === 1 ? [['', true]] : [['LE', true], ['BE', false]]) {
      const read = function (offset = 0) {
        checkOffset(this, offset, width);
        return view(this)[get](offset, little);
      };
      const write = function (value, offset = 0) {
        if (check !== undefined) check(value);
        checkOffset(this, offset, width);
        view(this)[set](offset, value, little);
        return offset + width;
      };
      for (const label of [name, name.replace('UInt', 'Uint')]) {
        Object.defineProperty(Buffer.prototype, `read${label}${suffix}`, { value: read, writable: true, configurable: true });
        Object.defineProperty(Buffer.prototype, `write${label}${suffix}`, { value: write, writable: true, configurable: true });
      }
    }
  }

  const ranged = (width, signed) => (value) => {
    const [low, high, words] = range(width, signed);
    if (+value > high || +value < low) throw outOfRange('value', words, value);
  };
  const bigRanged = (signed) => (value) => {
    const [low, high] = signed ? [-(2n ** 63n), 2n ** 63n] : [0n, 2n ** 64n];
    if (value < low || value >= high) throw outOfRange('value', signed ? '>= -(2n ** 63n) and < 2n ** 63n' : '>= 0n and < 2n ** 64n', value);
  };
  for (const width of [1, 2, 4]) {
    accessors(`UInt${width * 8}`, width, `getUint${width * 8}`, `setUint${width * 8}`, ranged(width, false));
    accessors(`Int${width * 8}`, width, `getInt${width * 8}`, `setInt${width * 8}`, ranged(width, true));
  }
  accessors('Float', 4, 'getFloat32', 'setFloat32');
  accessors('Double', 8, 'getFloat64', 'setFloat64');
  accessors('BigUInt64', 8, 'getBigUint64', 'setBigUint64', bigRanged(false));
  accessors('BigInt64', 8, 'getBigInt64', 'setBigInt64', bigRanged(true));
  for (const name of ['UIntBE', 'UIntLE']) {
    for (const verb of ['read', 'write']) Buffer.prototype[`${verb}${name.replace('UInt', 'Uint')}`] = Buffer.prototype[`${verb}${name}`];
  }
  Buffer.poolSize = 8192;
  Buffer.prototype.inspect = Buffer.prototype[inspect.custom];

  function btoa(input) {
    const text = `${input}`;
    if (/[^\0-\xff]/.test(text)) throw domError('Invalid character', 'InvalidCharacterError');
    return toBase64(units(text, (unit) => unit), false);
  }

  function atob(input) {
    const text = `${input}`.replace(/[\t\n\f\r ]/g, '');
    const bare = text.length % 4 === 0 ? text.replace(/={1,2}$/, '') : text;
    if (bare.length % 4 === 1 || /[^A-Za-z0-9+/]/.test(bare)) throw domError('The string to be decoded is not correctly encoded.', 'InvalidCharacterError');
    return utf8.unitsOf(Uint8Array.from(fromBase64(bare)));
  }

  function domError(message, name) {
    const error = new Error(message);
    Object.defineProperty(error, 'name', { value: name, configurable: true });
    error.code = name === 'InvalidCharacterError' ? 5 : 25;
    return error;
  }

  /** Callable without `new`, as old code does. */
  const callable = new Proxy(Buffer, {
    apply: (_target, _this, [value, encoding, length]) => (typeof value === 'number' ? Buffer.alloc(value) : Buffer.from(value, encoding, length)),
    construct(target, args, newTarget) {
      if (newTarget === callable && typeof args[0] === 'string') return Buffer.from(args[0], args[1]);
      if (newTarget === callable && Array.isArray(args[0])) return Buffer.from(args[0]);
      return Reflect.construct(target, args, newTarget === callable ? target : newTarget);
    },
  });
  Buffer.prototype.constructor = callable;

  module.exports = { Buffer: callable, SlowBuffer: callable, kMaxLength, constants: { MAX_LENGTH: kMaxLength, MAX_STRING_LENGTH: 2 ** 29 - 24 }, INSPECT_MAX_BYTES: MOST_INSPECTED, atob, btoa, isUtf8, isAscii, domError };

  function isUtf8(bytes) {
    try {
      utf8.decode(bytes, { fatal: true });
      return true;
    } catch {
      return false;
    }
  }

  function isAscii(bytes) {
    return bytes.every((byte) => byte < 128);
  }
});
