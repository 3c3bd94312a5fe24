// The parts of `crypto` that need no keys kept and no I/O: hashes, HMAC, random bytes.
(function (module, internal) {
  'use strict';

  const { host } = internal;
  const { Buffer, domError } = internal.load('buffer');
  const { named, wrongType } = internal.load('inspect');
  const HASHES = ['md5', 'sha1', 'sha224', 'sha256', 'sha3-256', 'sha3-512', 'sha384', 'sha512', 'sha512-256'];
  const MOST_RANDOM = 2 ** 31 - 1;
  const TEXT = new Set([undefined, 'utf8', 'utf-8', 'buffer']);
  const WRITTEN = new Set(['hex', 'base64', 'base64url', 'latin1', 'binary']); // digests that the host writes as text

  /** Data as a pair for `host.digest`: text that it encodes as UTF-8 itself, or bytes. */
  const part = (data, encoding) => (typeof data === 'string' && TEXT.has(encoding) ? ['utf8', data] : ['bytes', latin1(data, encoding)]);
  const latin1 = (data, encoding) => {
    if (typeof data === 'string') return Buffer.from(data, encoding === 'buffer' ? 'utf8' : encoding).toString('latin1');
    if (ArrayBuffer.isView(data)) return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('latin1');
    throw wrongType('data', 'of type string or an instance of Buffer, TypedArray, or DataView', data);
  };
  const output = (compute, chunks, encoding) => {
    if (WRITTEN.has(encoding)) return compute(encoding, ...chunks);
    const buffer = Buffer.from(compute('latin1', ...chunks), 'latin1');
    return encoding === undefined || encoding === 'buffer' ? buffer : buffer.toString(encoding);
  };
  const plainName = (algorithm) => String(algorithm).toLowerCase().replace(/^rsa-/, '').replace('sha512/256', 'sha512-256');

  class Digest {
    #chunks = [];
    #finished = false;
    #compute;
    constructor(compute) { this.#compute = compute; }
    update(data, encoding) {
      if (this.#finished) throw named(Error, 'ERR_CRYPTO_HASH_FINALIZED', 'Digest already called');
      this.#chunks.push(...part(data, encoding));
      return this;
    }
    digest(encoding) {
      if (this.#finished) throw named(Error, 'ERR_CRYPTO_HASH_FINALIZED', 'Digest already called');
      this.#finished = true;
      return output(this.#compute, this.#chunks, encoding);
    }
    copy() {
      const copy = new this.constructor(this.#compute);
      copy.#chunks = [...this.#chunks];
      return copy;
    }
  }
  class Hash extends Digest {}
  class Hmac extends Digest {}

  function createHash(algorithm) {
    if (typeof algorithm !== 'string') throw wrongType('algorithm', 'of type string', algorithm);
    const name = plainName(algorithm);
    if (!HASHES.includes(name)) throw named(Error, 'ERR_OSSL_EVP_UNSUPPORTED', 'Digest method not supported');
    return new Hash((encoding, ...chunks) => host.digest(name, encoding, ...chunks));
  }

  function createHmac(algorithm, key) {
    if (typeof algorithm !== 'string') throw wrongType('hmac', 'of type string', algorithm);
    const name = plainName(algorithm);
    if (!HASHES.includes(name)) throw named(Error, 'ERR_CRYPTO_INVALID_DIGEST', `Invalid digest: ${algorithm}`);
    const secret = latin1(key);
    return new Hmac((encoding, ...chunks) => host.hmac(name, secret, encoding, ...chunks));
  }

  function randomBytes(size, callback) {
    if (typeof size !== 'number') throw wrongType('size', 'of type number', size);
    if (!(size >= 0 && size <= MOST_RANDOM)) throw named(RangeError, 'ERR_OUT_OF_RANGE', `The value of "size" is out of range. It must be >= 0 && <= ${MOST_RANDOM}. Received ${size}`);
    const bytes = Buffer.from(host.random(size), 'latin1');
    if (callback === undefined) return bytes;
    internal.timers().setImmediate(callback, null, bytes);
    return undefined;
  }

  function randomInt(...args) {
    const callback = typeof args.at(-1) === 'function' ? args.pop() : undefined;
    const [low, high] = args.length === 1 ? [0, args[0]] : args;
    for (const [name, value] of [['min', low], ['max', high]]) {
      if (!Number.isSafeInteger(value)) throw wrongType(name, 'a safe integer', value);
    }
    if (high <= low) throw named(RangeError, 'ERR_OUT_OF_RANGE', `The value of "max" is out of range. It must be greater than the value of "min" (${low}). Received ${high}`);
    const span = high - low;
    const limit = 2 ** 48 - (2 ** 48 % span);
    let value;
    do value = randomBytes(6).readUIntBE(0, 6);
    while (value >= limit);
    if (callback === undefined) return low + (value % span);
    internal.timers().setImmediate(callback, null, low + (value % span));
    return undefined;
  }

  function randomFillSync(view, offset = 0, size = view.byteLength - offset) {
    new Uint8Array(view.buffer, view.byteOffset + offset, size).set(randomBytes(size));
    return view;
  }

  function randomUUID() {
    const bytes = randomBytes(16);
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }

  function timingSafeEqual(a, b) {
    if (a.byteLength !== b.byteLength) throw named(RangeError, 'ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH', 'Input buffers must have the same byte length');
    const [left, right] = [latin1(a), latin1(b)];
    let difference = 0;
    for (let i = 0; i < left.length; i++) difference |= left.charCodeAt(i) ^ right.charCodeAt(i);
    return difference === 0;
  }

  function getRandomValues(view) {
    if (view.byteLength > 65536) throw domError(`The requested length exceeds 65,536 bytes`, 'QuotaExceededError');
    return randomFillSync(view);
  }

  const webcrypto = { getRandomValues, randomUUID, get subtle() { return missing('crypto.subtle'); } };

  function missing(name) {
    host.unsupported(name, '');
    throw new Error(`${name} is not offered by the JavaScript engine of this sandbox`);
  }

  const crypto = { createHash, createHmac, Hash, Hmac, randomBytes, pseudoRandomBytes: randomBytes, randomInt, randomFillSync, randomUUID, timingSafeEqual, getRandomValues, webcrypto, getHashes: () => [...HASHES], constants: {} };
  const ABSENT = ['createCipheriv', 'createDecipheriv', 'createSign', 'createVerify', 'createECDH', 'createDiffieHellman', 'generateKeyPair', 'generateKeyPairSync', 'generateKey', 'generateKeySync', 'createSecretKey', 'createPublicKey', 'createPrivateKey', 'pbkdf2', 'pbkdf2Sync', 'scrypt', 'scryptSync', 'hkdf', 'hkdfSync', 'sign', 'verify', 'publicEncrypt', 'privateDecrypt', 'X509Certificate'];
  for (const name of ABSENT) crypto[name] = () => missing(`crypto.${name}`);
  Object.defineProperty(crypto, 'subtle', { get: () => missing('crypto.subtle'), configurable: true });

  module.exports = crypto;
});
