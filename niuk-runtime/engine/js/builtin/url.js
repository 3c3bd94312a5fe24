// The module `url`: the standard's classes, and the older parse, format and resolve.
(function (module, internal) {
  'use strict';

  const { URL, URLSearchParams, international } = internal.load('urlclass');
  const querystring = internal.load('querystring');
  const { checkString, named, wrongType } = internal.load('inspect');
  const SLASHED = new Set(['http', 'https', 'ftp', 'gopher', 'file', 'ws', 'wss'].flatMap((name) => [name, `${name}:`]));
  const ESCAPED = /[\t\n\r "'<>\\^`{|}]/g;

  class Url {
    protocol = null;
    slashes = null;
    auth = null;
    host = null;
    port = null;
    hostname = null;
    hash = null;
    search = null;
    query = null;
    pathname = null;
    path = null;
    href = null;
    format() { return format(this); }
    parse(text, parseQuery, slashesDenoteHost) { return Object.assign(this, parse(text, parseQuery, slashesDenoteHost)); }
    resolve(relative) { return resolve(format(this), relative); }
    resolveObject(relative) { return parse(resolve(format(this), relative)); }
  }

  const escaped = (text) => text.replace(ESCAPED, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`);

  function parse(text, parseQuery = false, slashesDenoteHost = false) {
    if (text instanceof Url) return text;
    checkString(text, 'url');
    const url = new Url();
    let rest = text.trim();
    const queryAt = rest.search(/[?#]/);
    rest = (queryAt < 0 ? rest : rest.slice(0, queryAt)).replaceAll('\\', '/') + (queryAt < 0 ? '' : rest.slice(queryAt));
    const scheme = /^([a-z0-9.+-]+:)/i.exec(rest);
    if (scheme !== null) {
      url.protocol = scheme[1].toLowerCase();
      rest = rest.slice(scheme[1].length);
    }
    rest = takeHost(url, rest, slashesDenoteHost || scheme !== null);
    takePath(url, rest, parseQuery);
    url.href = format(url);
    return url;
  }

  function takeHost(url, text, mayHaveHost) {
    const slashes = text.startsWith('//') && mayHaveHost;
    const hostWithoutSlashes = url.protocol !== null && !SLASHED.has(url.protocol);
    if (!(slashes || hostWithoutSlashes) || url.protocol === 'javascript:') return text;
    if (slashes) url.slashes = true;
    const rest = slashes ? text.slice(2) : text;
    const end = rest.search(/[/?#]/);
    let host = end < 0 ? rest : rest.slice(0, end);
    const at = host.lastIndexOf('@');
    if (at >= 0) {
      url.auth = decodeURIComponent(host.slice(0, at));
      host = host.slice(at + 1);
    }
    const stop = host.search(/[\0\t\n\r "<>\\^`{|}%;']/); // eslint-disable-line no-control-regex -- what ends a host
    const left = stop < 0 ? '' : host.slice(stop);
    if (stop >= 0) host = host.slice(0, stop);
    const port = /:(\d*)$/.exec(host);
    if (port !== null) {
      if (port[1] !== '') url.port = port[1];
      host = host.slice(0, -port[0].length);
    }
    const ipv6 = host.startsWith('[') && host.endsWith(']');
    url.hostname = ipv6 ? host.slice(1, -1).toLowerCase() : asciiHost(host.toLowerCase());
    url.host = (ipv6 ? host.toLowerCase() : url.hostname) + (url.port === null ? '' : `:${url.port}`);
    const tail = left + (end < 0 ? '' : rest.slice(end));
    return left !== '' && left[0] !== '/' ? `/${tail}` : tail;
  }

  const asciiHost = (host) => (/[^\0-\x7f]/.test(host) ? international(host) || host : host); // eslint-disable-line no-control-regex -- ASCII

  function takePath(url, text, parseQuery) {
    const [, path, query, hash] = /^([^?#]*)(\?[^#]*)?(#.*)?$/s.exec(url.protocol === 'javascript:' ? text : escaped(text));
    if (hash !== undefined) url.hash = hash;
    if (query !== undefined) {
      url.search = query;
      url.query = parseQuery ? querystring.parse(query.slice(1)) : query.slice(1);
    } else if (parseQuery) {
      url.search = null;
      url.query = Object.create(null);
    }
    if (path !== '') url.pathname = path;
    else if (SLASHED.has(url.protocol) && url.hostname) url.pathname = '/';
    if (url.pathname !== null || url.search !== null) url.path = (url.pathname || '') + (url.search || '');
  }

  function format(given, options) {
    if (typeof given === 'string') return format(parse(given));
    if (given instanceof URL) return formatUrl(given, options || {});
    if (given === null || typeof given !== 'object') throw wrongType('urlObject', 'one of type object or string', given);
    const auth = given.auth ? `${encodeURIComponent(given.auth).replace(/%3A/i, ':')}@` : '';
    let protocol = given.protocol || '';
    if (protocol !== '' && !protocol.endsWith(':')) protocol += ':';
    let host = '';
    if (given.host) host = auth + given.host;
    else if (given.hostname) host = auth + (given.hostname.includes(':') && !given.hostname.startsWith('[') ? `[${given.hostname}]` : given.hostname) + (given.port ? `:${given.port}` : '');
    return protocol + withSlashes(given, protocol, host) + tail(given);
  }

  function withSlashes(given, protocol, host) {
    const slashed = given.slashes || ((!protocol || SLASHED.has(protocol)) && host !== '');
    const needs = slashed || (SLASHED.has(protocol) && given.slashes !== false && host !== '');
    return needs ? `//${host}` : host;
  }

  function tail(given) {
    const query = given.query !== null && typeof given.query === 'object' ? querystring.stringify(given.query) : '';
    let search = given.search || (query && `?${query}`) || '';
    let hash = given.hash || '';
    let pathname = (given.pathname || '').replace(/[?#]/g, encodeURIComponent);
    if (hash !== '' && hash[0] !== '#') hash = `#${hash}`;
    if (search !== '' && search[0] !== '?') search = `?${search}`;
    if (pathname !== '' && pathname[0] !== '/' && (given.host || given.hostname)) pathname = `/${pathname}`;
    return pathname + search.replaceAll('#', '%23') + hash;
  }

  function formatUrl(url, { auth = true, fragment = true, search = true }) {
    const copy = new URL(url.href);
    if (!auth) [copy.username, copy.password] = ['', ''];
    if (!fragment) copy.hash = '';
    if (!search) copy.search = '';
    return copy.href;
  }

  function resolve(from, to) {
    const root = /^[a-z0-9.+-]+:/i.test(from) ? null : new URL(from.replace(/^(?!\/)/, '/'), 'resolve://h');
    if (root === null) return /^[a-z0-9.+-]+:/i.test(to) ? parse(to).href : new URL(to, from).href;
    const absolute = new URL(to, root);
    if (absolute.protocol !== 'resolve:') return absolute.href;
    const text = absolute.href.slice('resolve://h'.length);
    return from.startsWith('/') || to.startsWith('/') ? text : text.slice(1);
  }

  function fileURLToPath(value) {
    const url = typeof value === 'string' ? new URL(value) : value;
    if (url.protocol !== 'file:') throw named(TypeError, 'ERR_INVALID_URL_SCHEME', 'The URL must be of scheme file');
    return decodeURIComponent(url.pathname);
  }

  function pathToFileURL(path) {
    const absolute = internal.load('path').resolve(path) + (path.endsWith('/') && path !== '/' ? '/' : '');
    return new URL(`file://${absolute.replaceAll('%', '%25').replaceAll('\\', '%5C').replaceAll('?', '%3F').replaceAll('#', '%23')}`);
  }

  module.exports = { Url, parse, format, resolve, resolveObject: (from, to) => parse(resolve(from, to)), URL, URLSearchParams, fileURLToPath, pathToFileURL, domainToASCII: (name) => asciiHost(name.toLowerCase()) };
});
