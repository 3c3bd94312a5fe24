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
      const completing = this.#missing();
      const bytes = Buffer.concat([this.#rest, new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength)]);
      const keep = this.#unfinished(bytes, chunk.byteLength - completing);
      this.#rest = bytes.subarray(bytes.length - keep);
      return bytes.subarray(0, bytes.length - keep).toString(this.encoding);
    }
    end(chunk) {
      const text = chunk === undefined ? '' : this.write(chunk);
      const rest = this.#rest;
      this.#rest = Buffer.alloc(0);
      return text + rest.toString(this.encoding);
    }
    /** Bytes that the kept ones of UTF-16 wait for. */
    #missing() {
      return this.encoding === 'utf16le' ? (this.#rest.length === 0 ? 0 : this.#rest.length % 2 === 1 ? 1 : 2) : 0;
    }
    #unfinished(bytes, fresh) {
      if (this.encoding === 'utf8') return decode(bytes, { stream: true }).unfinished;
      if (this.encoding === 'base64' || this.encoding === 'base64url') return bytes.length % 3;
      if (this.encoding !== 'utf16le') return 0;
      const odd = bytes.length % 2;
      if (odd === 1 || fresh < 2) return odd;
      const last = bytes.readUInt16LE(bytes.length - 2);
      return last >= 0xd800 && last <= 0xdbff ? 2 : 0; // a first half that came whole waits for its second
    }
  }

  module.exports = { StringDecoder };
});
