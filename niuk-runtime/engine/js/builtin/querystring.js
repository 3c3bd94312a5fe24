(function (module, internal) {
  'use strict';

  const { named } = internal.load('inspect');

  function escape(value) {
    const text = typeof value === 'string' ? value : typeof value === 'object' ? String(value) : `${value}`;
    try {
      return encodeURIComponent(text);
    } catch (error) {
      if (error instanceof URIError) throw named(URIError, 'ERR_INVALID_URI', 'URI malformed');
      throw error;
    }
  }

  function unescapeBuffer(text) {
    const { Buffer } = internal.load('buffer');
    const parts = String(text).split(/(%[0-9a-fA-F]{2})/);
    return Buffer.concat(parts.map((part, i) => (i % 2 === 1 ? Buffer.from([parseInt(part.slice(1), 16)]) : Buffer.from(part))));
  }

  function unescape(text) {
    try {
      return decodeURIComponent(text);
    } catch {
      return unescapeBuffer(text).toString();
    }
  }

  function primitive(value) {
    if (typeof value === 'string') return value;
    if (typeof value === 'number' && Number.isFinite(value)) return `${value}`;
    return typeof value === 'bigint' || typeof value === 'boolean' ? `${value}` : '';
  }

  function stringify(object, separator = '&', equals = '=', options = {}) {
    if (object === null || typeof object !== 'object') return '';
    const encode = (options && options.encodeURIComponent) || querystring.escape;
    const pair = (key, value) => `${encode(key)}${equals || '='}${encode(primitive(value))}`;
    const pairs = Object.keys(object).flatMap((key) => (Array.isArray(object[key]) ? object[key].map((value) => pair(key, value)) : [pair(key, object[key])]));
    return pairs.join(separator || '&');
  }

  function parse(text, separator = '&', equals = '=', options = {}) {
    const result = Object.create(null);
    if (typeof text !== 'string' || text.length === 0) return result;
    const decode = (options && options.decodeURIComponent) || querystring.unescape;
    const most = options && typeof options.maxKeys === 'number' ? options.maxKeys : 1000;
    const pairs = text.split(separator || '&').filter((pair) => pair !== '');
    for (const pair of most > 0 ? pairs.slice(0, most) : pairs) {
      const spaced = pair.replaceAll('+', ' ');
      const at = spaced.indexOf(equals || '=');
      const key = decode(at < 0 ? spaced : spaced.slice(0, at));
      const value = at < 0 ? '' : decode(spaced.slice(at + (equals || '=').length));
      if (!(key in result)) result[key] = value;
      else result[key] = Array.isArray(result[key]) ? [...result[key], value] : [result[key], value];
    }
    return result;
  }

  const querystring = { escape, unescape, unescapeBuffer, stringify, parse, encode: stringify, decode: parse };
  // Node leaves these unescaped, and encodeURIComponent too: they agree.
  module.exports = querystring;
});
