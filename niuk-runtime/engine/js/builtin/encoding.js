(function (module, internal) {
  'use strict';

  const { named, wrongType } = internal.load('inspect');

  /** UTF-8 bytes of a string of ASCII, most of what there is; undefined for any other. */
  function encodeAscii(text) {
    const bytes = new Uint8Array(text.length);
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code >= 0x80) return undefined;
      bytes[i] = code;
    }
    return bytes;
  }

  function isAscii(bytes) {
    for (let i = 0; i < bytes.length; i++) if (bytes[i] >= 0x80) return false;
    return true;
  }

  /** The string of these bytes, each a code unit. */
  function unitsOf(bytes) {
    let text = '';
    for (let i = 0; i < bytes.length; i += 4096) text += String.fromCharCode.apply(null, bytes.slice(i, i + 4096));
    return text;
  }

  /** UTF-8 bytes of a string, as an array of numbers; lone surrogates become U+FFFD. */
  function encode(text) {
    const bytes = [];
    for (let i = 0; i < text.length; i++) {
      let code = text.charCodeAt(i);
      if (code < 0x80) {
        bytes.push(code);
        continue;
      }
      if (code >= 0xd800 && code <= 0xdfff) {
        const next = code < 0xdc00 && i + 1 < text.length ? text.charCodeAt(i + 1) : 0;
        if (next >= 0xdc00 && next <= 0xdfff) {
          code = 0x10000 + ((code - 0xd800) << 10) + (next - 0xdc00);
          i++;
        } else {
          code = 0xfffd;
        }
      }
      if (code < 0x800) bytes.push(0xc0 | (code >> 6));
      else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63));
      else bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63), 0x80 | ((code >> 6) & 63));
      bytes.push(0x80 | (code & 63));
    }
    return bytes;
  }

  /** How many bytes follow a lead byte, and the range its first follower must be in (WHATWG's table). */
  function expectation(lead) {
    if (lead >= 0xc2 && lead <= 0xdf) return [1, 0x80, 0xbf];
    if (lead >= 0xe0 && lead <= 0xef) return [2, lead === 0xe0 ? 0xa0 : 0x80, lead === 0xed ? 0x9f : 0xbf];
    if (lead >= 0xf0 && lead <= 0xf4) return [3, lead === 0xf0 ? 0x90 : 0x80, lead === 0xf4 ? 0x8f : 0xbf];
    return [0, 0, 0];
  }

  /** Decodes UTF-8; what is malformed becomes U+FFFD, or throws where `fatal`. Returns the text and how many bytes at the end are an unfinished character. */
  function decode(bytes, { fatal = false, stream = false } = {}) {
    if (isAscii(bytes)) return { text: unitsOf(bytes), unfinished: 0 };
    const pieces = [];
    let units = [];
    let at = 0;
    let unfinished = 0;
    const malformed = () => {
      if (fatal) throw named(TypeError, 'ERR_ENCODING_INVALID_ENCODED_DATA', 'The encoded data was not valid for encoding utf-8');
      units.push(0xfffd);
    };
    while (at < bytes.length) {
      const lead = bytes[at++];
      if (lead < 0x80) {
        units.push(lead);
      } else {
        let [needed, low, high] = expectation(lead);
        if (needed === 0) {
          malformed();
          continue;
        }
        const start = at - 1;
        let code = lead & (0x3f >> needed);
        while (needed > 0 && at < bytes.length && bytes[at] >= low && bytes[at] <= high) {
          code = (code << 6) | (bytes[at++] & 63);
          [low, high] = [0x80, 0xbf];
          needed--;
        }
        if (needed === 0) {
          if (code > 0xffff) units.push(0xd800 + ((code - 0x10000) >> 10), 0xdc00 + ((code - 0x10000) & 0x3ff));
          else units.push(code);
        } else if (stream && at === bytes.length) {
          unfinished = at - start;
        } else {
          malformed();
        }
      }
      if (units.length > 4096) {
        pieces.push(String.fromCharCode.apply(null, units));
        units = [];
      }
    }
    pieces.push(String.fromCharCode.apply(null, units));
    return { text: pieces.join(''), unfinished };
  }

  class TextEncoder {
    get encoding() { return 'utf-8'; }
    encode(text = '') { return encodeAscii(String(text)) || Uint8Array.from(encode(String(text))); }
    encodeInto(text, target) {
      let read = 0;
      let written = 0;
      for (const character of String(text)) {
        const bytes = encode(character);
        if (written + bytes.length > target.length) break;
        target.set(bytes, written);
        written += bytes.length;
        read += character.length;
      }
      return { read, written };
    }
  }

  const LABELS = { 'utf-8': 'utf-8', utf8: 'utf-8', 'unicode-1-1-utf-8': 'utf-8', 'utf-16le': 'utf-16le', 'utf-16': 'utf-16le', latin1: 'windows-1252', ascii: 'windows-1252', 'iso-8859-1': 'windows-1252', 'windows-1252': 'windows-1252' };

  function view(input) {
    if (input === undefined) return new Uint8Array(0);
    if (ArrayBuffer.isView(input)) return new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
    if (input instanceof ArrayBuffer) return new Uint8Array(input);
    throw wrongType('list', 'an instance of SharedArrayBuffer, ArrayBuffer or ArrayBufferView', input);
  }

  class TextDecoder {
    #encoding;
    #options;
    #rest = [];
    #started = false;
    constructor(label = 'utf-8', options = {}) {
      this.#encoding = LABELS[String(label).trim().toLowerCase()];
      if (this.#encoding === undefined) throw named(RangeError, 'ERR_ENCODING_NOT_SUPPORTED', `The "${label}" encoding is not supported`);
      this.#options = { fatal: Boolean(options.fatal), ignoreBOM: Boolean(options.ignoreBOM) };
    }
    get encoding() { return this.#encoding; }
    get fatal() { return this.#options.fatal; }
    get ignoreBOM() { return this.#options.ignoreBOM; }
    decode(input, { stream = false } = {}) {
      let bytes = view(input);
      if (this.#encoding === 'windows-1252') return internal.load('buffer').Buffer.from(bytes).toString('latin1');
      if (this.#encoding === 'utf-16le') return internal.load('buffer').Buffer.from(bytes).toString('utf16le').replace(/^\ufeff/, '');
      if (this.#rest.length > 0) bytes = [...this.#rest, ...bytes];
      const { text, unfinished } = decode(bytes, { fatal: this.fatal, stream });
      this.#rest = unfinished > 0 ? Array.from(bytes.slice(bytes.length - unfinished)) : [];
      const first = !this.#started;
      this.#started = stream && (this.#started || text !== '');
      return first && !this.ignoreBOM && text[0] === '\ufeff' ? text.slice(1) : text;
    }
  }

  module.exports = { encode, encodeAscii, unitsOf, decode, TextEncoder, TextDecoder };
});
