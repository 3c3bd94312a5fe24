(function (module, internal) {
  'use strict';

  const { checkString, named } = internal.load('inspect');
  const cwd = () => '/';

  /** Resolves `.` and `..` in the segments of a path; `..` above a relative start is kept. */
  function collapse(path, absolute) {
    const kept = [];
    for (const segment of path.split('/')) {
      if (segment === '' || segment === '.') continue;
      if (segment !== '..') kept.push(segment);
      else if (kept.length > 0 && kept.at(-1) !== '..') kept.pop();
      else if (!absolute) kept.push('..');
    }
    return kept.join('/');
  }

  function normalize(path) {
    checkString(path, 'path');
    if (path === '') return '.';
    const absolute = path[0] === '/';
    let result = collapse(path, absolute);
    if (result === '') return absolute ? '/' : path.endsWith('/') ? './' : '.';
    if (path.endsWith('/')) result += '/';
    return absolute ? `/${result}` : result;
  }

  function join(...parts) {
    for (const part of parts) checkString(part, 'path');
    const joined = parts.filter((part) => part !== '').join('/');
    return joined === '' ? '.' : normalize(joined);
  }

  function resolve(...parts) {
    let path = '';
    for (let i = parts.length - 1; i >= 0 && path[0] !== '/'; i--) {
      checkString(parts[i], `paths[${i}]`);
      if (parts[i] !== '') path = path === '' ? parts[i] : `${parts[i]}/${path}`;
    }
    if (path[0] !== '/') path = `${cwd()}/${path}`;
    return `/${collapse(path, true)}`;
  }

  /** Without trailing slashes, except for the root. */
  function trimmed(path) {
    let end = path.length;
    while (end > 1 && path[end - 1] === '/') end--;
    return path.slice(0, end);
  }

  function dirname(path) {
    checkString(path, 'path');
    if (path === '') return '.';
    const whole = trimmed(path);
    const slash = whole.lastIndexOf('/');
    if (slash < 0) return '.';
    if (slash === 0) return '/';
    const parent = whole.slice(0, slash);
    return slash === 1 && parent === '/' ? '//' : trimmed(parent);
  }

  function basename(path, suffix) {
    if (suffix !== undefined) checkString(suffix, 'suffix');
    checkString(path, 'path');
    const base = path.replace(/\/+$/, '').split('/').at(-1);
    return suffix !== undefined && base.endsWith(suffix) && base !== suffix ? base.slice(0, base.length - suffix.length) : base;
  }

  function extname(path) {
    checkString(path, 'path');
    const base = basename(path);
    const dot = base.lastIndexOf('.');
    return dot <= 0 || base === '..' ? '' : base.slice(dot);
  }

  function relative(from, to) {
    checkString(from, 'from');
    checkString(to, 'to');
    const [source, target] = [resolve(from), resolve(to)].map((path) => path.split('/').filter((segment) => segment !== ''));
    let same = 0;
    while (same < source.length && same < target.length && source[same] === target[same]) same++;
    return [...source.slice(same).map(() => '..'), ...target.slice(same)].join('/');
  }

  function parse(path) {
    checkString(path, 'path');
    const root = path[0] === '/' ? '/' : '';
    const base = basename(path);
    // Node takes the parent of the root for a name with an extension
    if (root === '/' && base === '..' && trimmed(path) === '/..') return { root, dir: '/', base, ext: '.', name: '.' };
    const ext = extname(base);
    const whole = trimmed(path);
    const slash = whole.lastIndexOf('/');
    const dir = slash > 0 ? whole.slice(0, slash) : root;
    return { root, dir, base, ext, name: ext === '' ? base : base.slice(0, -ext.length) };
  }

  function format(parts) {
    if (parts === null || typeof parts !== 'object') throw named(TypeError, 'ERR_INVALID_ARG_TYPE', `The "pathObject" argument must be of type object. Received ${internal.load('inspect').received(parts)}`);
    const dir = parts.dir || parts.root;
    const ext = parts.ext ? (parts.ext[0] === '.' ? parts.ext : `.${parts.ext}`) : '';
    const base = parts.base || `${parts.name || ''}${ext}`;
    if (!dir) return base;
    return dir === parts.root ? `${dir}${base}` : `${dir}/${base}`;
  }

  function isAbsolute(path) {
    checkString(path, 'path');
    return path[0] === '/';
  }

  const path = { resolve, normalize, isAbsolute, join, relative, toNamespacedPath: (p) => p, dirname, basename, extname, format, parse, sep: '/', delimiter: ':' };
  path.posix = path;
  module.exports = path;
});
