// URL and URLSearchParams after the WHATWG standard: special schemes, hosts (names in ASCII, IPv4, IPv6), dot segments, percent-encoding sets.
(function (module, internal) {
  'use strict';

  const { named, inspect } = internal.load('inspect');
  const { encode } = internal.load('encoding');
  const PORTS = { 'http:': '80', 'https:': '443', 'ws:': '80', 'wss:': '443', 'ftp:': '21', 'file:': '' };
  const isSpecial = (protocol) => Object.hasOwn(PORTS, protocol);
  // Characters to encode besides controls and what is beyond ASCII.
  const FRAGMENT = ' "<>`';
  const QUERY = ' "#<>';
  const PATH = `${QUERY}?\`{}`;
  const USERINFO = `${PATH}/:;=@[\\]^|`;
  const FORBIDDEN_HOST = /[\0\t\n\r #/:<>?@[\\\]^|%\x00-\x1f\x7f]/; // eslint-disable-line no-control-regex -- the standard's own list
  const FORBIDDEN_OPAQUE = /[\0\t\n\r #/:<>?@[\\\]^|]/; // eslint-disable-line no-control-regex -- the standard's own list

  function percent(text, set) {
    let result = '';
    for (const character of text) {
      const code = character.codePointAt(0);
      if (code > 0x1f && code < 0x7f && !set.includes(character)) result += character;
      else for (const byte of encode(character)) result += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    }
    return result;
  }

  const unpercent = (text) => internal.load('querystring').unescapeBuffer(text).toString();

  function invalid(input, base) {
    const error = named(TypeError, 'ERR_INVALID_URL', 'Invalid URL');
    error.input = input;
    if (base !== undefined) error.base = base;
    return error;
  }

  function ipv4Part(part) {
    if (part === '') return NaN;
    if (/^0[xX][0-9a-fA-F]*$/.test(part)) return part.length === 2 ? 0 : parseInt(part.slice(2), 16);
    if (/^0[0-7]+$/.test(part)) return parseInt(part, 8);
    return /^\d+$/.test(part) && !/^0\d/.test(part) ? Number(part) : NaN;
  }

  /** The dotted form, undefined when it is not an address, null when it is a broken one. */
  function ipv4(host) {
    const parts = host.split('.');
    if (parts.at(-1) === '' && parts.length > 1) parts.pop();
    const last = parts.at(-1);
    if (!/^\d+$/.test(last) && Number.isNaN(ipv4Part(last))) return undefined;
    const numbers = parts.map(ipv4Part);
    if (parts.length > 4 || numbers.some(Number.isNaN) || numbers.slice(0, -1).some((n) => n > 255) || numbers.at(-1) >= 256 ** (5 - numbers.length)) return null;
    let address = numbers.at(-1);
    numbers.slice(0, -1).forEach((n, i) => { address += n * 256 ** (3 - i); });
    return [3, 2, 1, 0].map((i) => Math.floor(address / 256 ** i) % 256).join('.');
  }

  function ipv6Pieces(text) {
    const embedded = /^(.*:)(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
    if (embedded !== null) {
      const [, head, ...bytes] = embedded;
      if (bytes.some((byte) => Number(byte) > 255 || /^0\d/.test(byte))) return null;
      const [a, b, c, d] = bytes.map(Number);
      return ipv6Pieces(`${head}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`);
    }
    const halves = text.split('::');
    if (halves.length > 2) return null;
    const lists = halves.map((half) => (half === '' ? [] : half.split(':')));
    if (lists.flat().some((piece) => !/^[0-9a-fA-F]{1,4}$/.test(piece))) return null;
    const missing = 8 - lists.flat().length;
    if (halves.length === 1 ? missing !== 0 : missing < 1) return null;
    const pieces = halves.length === 1 ? lists[0] : [...lists[0], ...Array(missing).fill('0'), ...lists[1]];
    return pieces.map((piece) => parseInt(piece, 16));
  }

  function ipv6(text) {
    const pieces = ipv6Pieces(text);
    if (pieces === null) return null;
    let best = { start: -1, length: 1 };
    for (let i = 0; i < 8; i++) {
      let length = 0;
      while (i + length < 8 && pieces[i + length] === 0) length++;
      if (length > best.length) best = { start: i, length };
    }
    const hex = pieces.map((piece) => piece.toString(16));
    if (best.start < 0) return `[${hex.join(':')}]`;
    return `[${hex.slice(0, best.start).join(':')}::${hex.slice(best.start + best.length).join(':')}]`;
  }

  function hostOf(text, special) {
    if (text.startsWith('[')) return text.endsWith(']') ? ipv6(text.slice(1, -1)) : null;
    if (!special) return FORBIDDEN_OPAQUE.test(text) ? null : percent(text, '');
    const name = unpercent(text).normalize('NFKC').toLowerCase();
    if (/[^\0-\x7f]/.test(name)) return international(name); // eslint-disable-line no-control-regex -- ASCII
    if (name === '' || FORBIDDEN_HOST.test(name)) return null;
    const address = ipv4(name);
    return address === undefined ? name : address;
  }

  const international = (name) => {
    const labels = name.replace(/[\u3002\uff0e\uff61]/g, '.').split('.');
    const ascii = labels.map((label) => (/[^\0-\x7f]/.test(label) ? `xn--${punycode(label)}` : label)).join('.'); // eslint-disable-line no-control-regex -- ASCII
    return FORBIDDEN_HOST.test(ascii) ? null : ascii;
  };

  /** RFC 3492. */
  function punycode(label) {
    const points = Array.from(label, (character) => character.codePointAt(0));
    let output = points.filter((point) => point < 128).map((point) => String.fromCharCode(point)).join('');
    const basic = output.length;
    let [handled, n, delta, bias] = [basic, 128, 0, 72];
    if (basic > 0) output += '-';
    while (handled < points.length) {
      const next = Math.min(...points.filter((point) => point >= n));
      delta += (next - n) * (handled + 1);
      n = next;
      for (const point of points) {
        if (point < n) delta++;
        if (point !== n) continue;
        output += variable(delta, bias);
        bias = adapt(delta, handled + 1, handled === basic);
        delta = 0;
        handled++;
      }
      delta++;
      n++;
    }
    return output;
  }

  const digit = (d) => String.fromCharCode(d < 26 ? d + 97 : d + 22);

  function variable(delta, bias) {
    let text = '';
    let q = delta;
    for (let k = 36; ; k += 36) {
      const t = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
      if (q < t) return text + digit(q);
      text += digit(t + ((q - t) % (36 - t)));
      q = Math.floor((q - t) / (36 - t));
    }
  }

  function adapt(delta, count, first) {
    let d = first ? Math.floor(delta / 700) : Math.floor(delta / 2);
    d += Math.floor(d / count);
    let k = 0;
    for (; d > 455; k += 36) d = Math.floor(d / 35);
    return k + Math.floor((36 * d) / (d + 38));
  }

  /** Resolves dot segments of a path that is a list; Windows drive letters of file URLs stay. */
  function pathOf(segments, protocol, start = []) {
    const kept = [...start];
    segments.forEach((segment, i) => {
      const isLast = i === segments.length - 1;
      const plain = segment.replace(/%2e/gi, '.');
      if (plain === '..') {
        if (!(protocol === 'file:' && kept.length === 1 && /^[a-zA-Z]:$/.test(kept[0]))) kept.pop();
        if (isLast) kept.push('');
      } else if (plain === '.') {
        if (isLast) kept.push('');
      } else {
        kept.push(protocol === 'file:' && kept.length === 0 && /^[a-zA-Z]\|$/.test(segment) ? `${segment[0]}:` : percent(segment, PATH));
      }
    });
    return kept;
  }

  const split = (text, mark) => {
    const at = text.indexOf(mark);
    return at < 0 ? [text, null] : [text.slice(0, at), text.slice(at + 1)];
  };

  function authority(record, text) {
    const at = text.lastIndexOf('@');
    if (at >= 0) {
      const [user, password] = split(text.slice(0, at), ':');
      record.username = percent(user, USERINFO);
      record.password = percent(password || '', USERINFO);
    }
    const hostAndPort = text.slice(at + 1);
    const [, host, port] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(hostAndPort) || [null, null, null];
    if (host === null || (host === '' && (isSpecial(record.protocol) || at >= 0 || port !== undefined))) return false;
    record.host = host === '' ? '' : hostOf(host, isSpecial(record.protocol));
    return record.host !== null && setPort(record, port || '');
  }

  function setPort(record, text) {
    if (!/^\d*$/.test(text) || Number(text) > 65535) return false;
    record.port = text === '' || String(Number(text)) === PORTS[record.protocol] ? '' : String(Number(text));
    return true;
  }

  function parse(text, base) {
    // eslint-disable-next-line no-control-regex -- the standard strips them
    const trimmed = text.replace(/^[\0-\x20]+|[\0-\x20]+$/g, '').replace(/[\t\n\r]/g, '');
    const [beforeHash, hash] = split(trimmed, '#');
    const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):(.*)$/s.exec(beforeHash);
    const record = { protocol: '', username: '', password: '', host: null, port: '', path: [], opaque: null, query: null, fragment: hash === null ? null : percent(hash, FRAGMENT) };
    if (scheme !== null) {
      record.protocol = `${scheme[1].toLowerCase()}:`;
      const relative = isSpecial(record.protocol) && base !== null && base.protocol === record.protocol && !/^[/\\]/.test(scheme[2]) && record.protocol !== 'file:';
      if (!relative) return absolute(record, scheme[2], base);
      return against(record, scheme[2], base);
    }
    if (base === null || (base.opaque !== null && beforeHash !== '')) return null;
    record.protocol = base.protocol;
    return against(record, beforeHash, base);
  }

  function absolute(record, rest, base) {
    const special = isSpecial(record.protocol);
    const [beforeQuery, query] = split(rest, '?');
    setQuery(record, query);
    const path = special ? beforeQuery.replaceAll('\\', '/') : beforeQuery;
    if (record.protocol === 'file:') return fileUrl(record, path, base);
    if (special) return withAuthority(record, path.replace(/^\/*/, ''));
    if (path.startsWith('//')) return withAuthority(record, path.slice(2));
    if (path.startsWith('/')) record.path = pathOf(path.slice(1).split('/'), record.protocol);
    else record.opaque = percent(path, '');
    return record;
  }

  function withAuthority(record, text) {
    const slash = text.indexOf('/');
    if (!authority(record, slash < 0 ? text : text.slice(0, slash))) return null;
    if (slash >= 0) record.path = pathOf(text.slice(slash + 1).split('/'), record.protocol);
    else if (isSpecial(record.protocol)) record.path = [''];
    return record;
  }

  function fileUrl(record, path, base) {
    record.host = '';
    if (path.startsWith('//')) {
      const slash = path.indexOf('/', 2);
      const host = slash < 0 ? path.slice(2) : path.slice(2, slash);
      if (host !== '' && !/^[a-zA-Z][:|]$/.test(host)) {
        record.host = hostOf(host, true);
        if (record.host === null) return null;
        if (record.host === 'localhost') record.host = '';
        record.path = pathOf((slash < 0 ? '' : path.slice(slash + 1)).split('/'), 'file:');
      } else {
        record.path = pathOf((host === '' ? path.slice(3) : path.slice(2)).split('/'), 'file:');
      }
      return record;
    }
    if (path.startsWith('/') || base === null || base.protocol !== 'file:') record.path = pathOf(path.replace(/^\//, '').split('/'), 'file:');
    else Object.assign(record, { host: base.host, path: path === '' ? base.path : pathOf(path.split('/'), 'file:', base.path.slice(0, -1)) });
    return record;
  }

  function against(record, rest, base) {
    const [beforeQuery, query] = split(rest, '?');
    const path = isSpecial(record.protocol) ? beforeQuery.replaceAll('\\', '/') : beforeQuery;
    setQuery(record, query);
    if (record.protocol === 'file:') {
      const whole = fileUrl(record, path, base);
      if (path === '' && query === null && whole !== null) whole.query = base.query;
      return whole;
    }
    if (path.startsWith('//')) return withAuthority(record, isSpecial(record.protocol) ? path.replace(/^\/+/, '') : path.slice(2));
    for (const key of ['username', 'password', 'host', 'port', 'opaque']) record[key] = base[key];
    if (path.startsWith('/')) record.path = pathOf(path.slice(1).split('/'), record.protocol);
    else if (path === '') Object.assign(record, { path: [...base.path], query: query === null ? base.query : record.query });
    else record.path = pathOf(path.split('/'), record.protocol, base.path.slice(0, -1));
    return record;
  }

  function setQuery(record, query) {
    record.query = query === null ? null : percent(query, isSpecial(record.protocol) ? `${QUERY}'` : QUERY);
  }

  const pathText = (record) => (record.opaque !== null ? record.opaque : record.path.map((segment) => `/${segment}`).join(''));

  function serialize(record, withFragment = true) {
    let text = record.protocol;
    if (record.host !== null) {
      text += '//';
      if (record.username !== '' || record.password !== '') text += `${record.username}${record.password === '' ? '' : `:${record.password}`}@`;
      text += record.host + (record.port === '' ? '' : `:${record.port}`);
    } else if (record.opaque === null && record.path.length > 1 && record.path[0] === '') {
      text += '/.';
    }
    text += pathText(record) + (record.query === null ? '' : `?${record.query}`);
    return withFragment && record.fragment !== null ? `${text}#${record.fragment}` : text;
  }

  // ---- application/x-www-form-urlencoded

  function formEncode(text) {
    let result = '';
    for (const character of text) {
      if (/[A-Za-z0-9*\-._]/.test(character)) result += character;
      else if (character === ' ') result += '+';
      else for (const byte of encode(character)) result += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    }
    return result;
  }

  const formDecode = (text) => unpercent(text.replaceAll('+', ' '));

  function formParse(text) {
    return text.split('&').filter((pair) => pair !== '').map((pair) => {
      const [name, value] = split(pair, '=');
      return [formDecode(name), formDecode(value || '')];
    });
  }

  class URLSearchParams {
    #list = [];
    #changed = () => {};
    constructor(init = '') {
      if (init !== null && (typeof init === 'object' || typeof init === 'function')) this.#list = fromObject(init);
      else this.#list = formParse(String(init).replace(/^\?/, ''));
    }
    static attached(list, changed) {
      const params = new URLSearchParams();
      params.#list = list;
      params.#changed = changed;
      return params;
    }
    static replace(params, list) { params.#list = list; }
    get size() { return this.#list.length; }
    append(name, value) { this.#list.push([`${name}`, `${value}`]); this.#changed(); }
    delete(name, value) {
      this.#list = this.#list.filter(([key, item]) => key !== `${name}` || (value !== undefined && item !== `${value}`));
      this.#changed();
    }
    get(name) { const found = this.#list.find(([key]) => key === `${name}`); return found === undefined ? null : found[1]; }
    getAll(name) { return this.#list.filter(([key]) => key === `${name}`).map(([, value]) => value); }
    has(name, value) { return this.#list.some(([key, item]) => key === `${name}` && (value === undefined || item === `${value}`)); }
    set(name, value) {
      const at = this.#list.findIndex(([key]) => key === `${name}`);
      if (at < 0) {
        this.#list.push([`${name}`, `${value}`]);
      } else {
        this.#list[at] = [`${name}`, `${value}`];
        this.#list = this.#list.filter(([key], i) => i <= at || key !== `${name}`);
      }
      this.#changed();
    }
    sort() { this.#list.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)); this.#changed(); }
    forEach(callback, thisArg) { for (const [name, value] of this.#list) callback.call(thisArg, value, name, this); }
    *entries() { for (const [name, value] of this.#list) yield [name, value]; }
    *keys() { for (const [name] of this.#list) yield name; }
    *values() { for (const [, value] of this.#list) yield value; }
    [Symbol.iterator]() { return this.entries(); }
    toString() { return this.#list.map(([name, value]) => `${formEncode(name)}=${formEncode(value)}`).join('&'); }
    get [Symbol.toStringTag]() { return 'URLSearchParams'; }
    [inspect.custom](_depth, options) {
      const shown = this.#list.map(([name, value]) => `${inspect(name, options)} => ${inspect(value, options)}`);
      return shown.length === 0 ? 'URLSearchParams {}' : `URLSearchParams { ${shown.join(', ')} }`;
    }
  }

  function fromObject(init) {
    if (typeof init[Symbol.iterator] !== 'function') return Reflect.ownKeys(init).filter((key) => typeof key === 'string' && Object.prototype.propertyIsEnumerable.call(init, key)).map((key) => [key, `${init[key]}`]);
    return Array.from(init, (pair) => {
      if (pair === null || typeof pair !== 'object' || typeof pair[Symbol.iterator] !== 'function' || [...pair].length !== 2) throw named(TypeError, 'ERR_INVALID_TUPLE', 'Each query pair must be an iterable [name, value] tuple');
      return Array.from(pair, (part) => `${part}`);
    });
  }

  class URL {
    #record;
    #params;
    constructor(...args) {
      if (args.length === 0) throw named(TypeError, 'ERR_MISSING_ARGS', 'The "url" argument must be specified');
      const [url, base] = args.map((part) => (part === undefined ? undefined : `${part}`));
      const baseRecord = base === undefined ? null : parse(base, null);
      this.#record = base !== undefined && baseRecord === null ? null : parse(url, baseRecord);
      if (this.#record === null) throw invalid(url, base);
    }
    static canParse(...args) {
      try {
        return Boolean(new URL(...args));
      } catch {
        return false;
      }
    }
    get href() { return serialize(this.#record); }
    set href(value) {
      const record = parse(`${value}`, null);
      if (record === null) throw invalid(`${value}`);
      this.#record = record;
      this.#refresh();
    }
    get origin() { return isSpecial(this.protocol) && this.protocol !== 'file:' ? `${this.protocol}//${this.host}` : this.protocol === 'blob:' && URL.canParse(this.pathname) ? new URL(this.pathname).origin : 'null'; }
    get protocol() { return this.#record.protocol; }
    set protocol(value) {
      const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*)(:|$)/.exec(`${value}`);
      if (scheme === null) return;
      const protocol = `${scheme[1].toLowerCase()}:`;
      if (isSpecial(protocol) !== isSpecial(this.protocol) || (protocol === 'file:' && (this.username !== '' || this.port !== ''))) return;
      this.#record.protocol = protocol;
      if (this.#record.port === PORTS[protocol]) this.#record.port = '';
    }
    get username() { return this.#record.username; }
    set username(value) { if (this.#record.host && this.protocol !== 'file:') this.#record.username = percent(`${value}`, USERINFO); }
    get password() { return this.#record.password; }
    set password(value) { if (this.#record.host && this.protocol !== 'file:') this.#record.password = percent(`${value}`, USERINFO); }
    get host() { return this.#record.host === null ? '' : this.#record.host + (this.#record.port === '' ? '' : `:${this.#record.port}`); }
    set host(value) {
      const copy = { ...this.#record };
      const text = `${value}`.split(/[/?#]/)[0];
      if (this.#record.opaque === null && authority(copy, text)) Object.assign(this.#record, { host: copy.host, port: /:\d+$/.test(text) ? copy.port : this.#record.port });
    }
    get hostname() { return this.#record.host === null ? '' : this.#record.host; }
    set hostname(value) {
      const host = this.#record.opaque === null ? hostOf(`${value}`.split(/[/?#:]/)[0] || `${value}`, isSpecial(this.protocol)) : null;
      if (host !== null && host !== '') this.#record.host = host;
    }
    get port() { return this.#record.port; }
    set port(value) {
      const digits = /^\d*/.exec(`${value}`)[0];
      if (this.#record.host && this.protocol !== 'file:' && (digits !== '' || `${value}` === '')) setPort(this.#record, digits);
    }
    get pathname() { return pathText(this.#record); }
    set pathname(value) {
      if (this.#record.opaque !== null) return;
      const text = isSpecial(this.protocol) ? `${value}`.replaceAll('\\', '/') : `${value}`;
      this.#record.path = pathOf(text.replace(/^\//, '').replaceAll('?', '%3F').replaceAll('#', '%23').split('/'), this.protocol);
    }
    get search() { return this.#record.query ? `?${this.#record.query}` : ''; }
    set search(value) {
      setQuery(this.#record, `${value}` === '' ? null : `${value}`.replace(/^\?/, ''));
      this.#refresh();
    }
    get searchParams() {
      if (this.#params === undefined) {
        this.#params = URLSearchParams.attached(formParse(this.#record.query || ''), () => {
          const text = this.#params.toString();
          this.#record.query = text === '' ? null : text;
        });
      }
      return this.#params;
    }
    get hash() { return this.#record.fragment ? `#${this.#record.fragment}` : ''; }
    set hash(value) { this.#record.fragment = `${value}` === '' ? null : percent(`${value}`.replace(/^#/, ''), FRAGMENT); }
    toString() { return this.href; }
    toJSON() { return this.href; }
    get [Symbol.toStringTag]() { return 'URL'; }
    #refresh() { if (this.#params !== undefined) URLSearchParams.replace(this.#params, formParse(this.#record.query || '')); }
    [inspect.custom](depth, options) {
      if (typeof depth === 'number' && depth < 0) return this;
      const shown = {};
      for (const name of ['href', 'origin', 'protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'search', 'searchParams', 'hash']) shown[name] = this[name];
      return `URL ${inspect(shown, { ...options, depth: options.depth })}`;
    }
  }
  for (const name of ['href', 'origin', 'protocol', 'username', 'password', 'host', 'hostname', 'port', 'pathname', 'search', 'searchParams', 'hash', 'toString', 'toJSON']) {
    Object.defineProperty(URL.prototype, name, { enumerable: true });
  }

  module.exports = { URL, URLSearchParams, unpercent, international };
});
