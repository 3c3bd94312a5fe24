(function (module, internal) {
  'use strict';

  const { Buffer } = internal.load('buffer');
  const { decode } = internal.load('encoding');
  const { named, wrongType } = internal.load('inspect');

  class StringDecoder {
    #rest = Buffer.alloc(0);
    constructor(encoding = 'utf8') {
      if (!Buffer.isEncoding(encoding)) throw named(TypeError, 'ERR_UNKNOWN_ENCODING', `Unknown encoding: ${encoding}`);
      this.encoding = { 'utf-8': 'utf8', binary: 'latin1', ucs2: 'utf16le', 'ucs-2': 'utf16le', 'utf-16le': 'utf16le' }[encoding.toLowerCase()] || encoding.toLowerCase();
    }
    write(chunk) {
      if (typeof chunk === 'string') return chunk;
      if (!ArrayBuffer.isView(chunk)) throw wrongType('buf', 'an instance of Buffer, TypedArray, or DataView', chunk);
      const bytes = Buffer.concat([this.#rest, new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)]);
      const keep = this.#unfinished(bytes);
      this.#rest = bytes.subarray(bytes.length - keep);
      return bytes.subarray(0, bytes.length - keep).toString(this.encoding);
    }
    end(chunk) {
      const text = chunk === undefined ? '' : this.write(chunk);
      const rest = this.#rest;
      this.#rest = Buffer.alloc(0);
      return text + rest.toString(this.encoding);
    }
    #unfinished(bytes) {
      if (this.encoding === 'utf8') return decode(bytes, { stream: true }).unfinished;
      if (this.encoding === 'base64' || this.encoding === 'base64url') return bytes.length % 3;
      if (this.encoding !== 'utf16le') return 0;
      const odd = bytes.length % 2;
      const last = bytes.length >= 2 + odd ? bytes.readUInt16LE(bytes.length - 2 - odd) : 0;
      return last >= 0xd800 && last <= 0xdbff ? 2 + odd : odd;
    }
  }

  module.exports = { StringDecoder };
});
