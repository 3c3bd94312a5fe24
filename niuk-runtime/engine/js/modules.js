// CommonJS over the archive in memory.
(function (internal) {
  'use strict';

  const { host } = internal;
  const cache = Object.create(null);
  const packageMains = new Map();
  const EXTENSIONS = ['', '.js', '.json', '.cjs', '.node'];

  const join = (...parts) => internal.load('path').join(...parts);
  const dirname = (file) => internal.load('path').dirname(file);

  function notFound(name, parent) {
    const error = new Error(`Cannot find module '${name}'\nRequire stack:\n- ${parent}`);
    error.code = 'MODULE_NOT_FOUND';
    error.requireStack = [parent];
    return error;
  }

  function asFile(path) {
    return EXTENSIONS.map((extension) => path + extension).find((candidate) => host.kind(candidate) === 'file');
  }

  function readPackage(folder) {
    const file = join(folder, 'package.json');
    if (!packageMains.has(folder)) {
      packageMains.set(folder, host.kind(file) === 'file' ? JSON.parse(host.text(file)) : {});
    }
    return packageMains.get(folder);
  }

  function asFolder(path) {
    if (host.kind(path) !== 'folder') return undefined;
    const { main } = readPackage(path);
    const entry = typeof main === 'string' && main !== '' ? join(path, main) : undefined;
    return (entry && (asFile(entry) || asFile(join(entry, 'index')))) || asFile(join(path, 'index'));
  }

  /** One target of a package's `exports`: a path, or the first condition that fits. */
  function target(value) {
    if (typeof value === 'string') return value;
    if (Array.isArray(value)) return value.map(target).find((found) => found !== undefined);
    if (value === null || typeof value !== 'object') return undefined;
    for (const condition of Object.keys(value)) {
      if (['node', 'require', 'default', 'module-sync'].includes(condition)) {
        const found = target(value[condition]);
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }

  function exported(exports, subpath) {
    const table = typeof exports === 'object' && !Array.isArray(exports) && Object.keys(exports).some((key) => key[0] === '.') ? exports : { '.': exports };
    if (Object.hasOwn(table, subpath)) return target(table[subpath]);
    for (const pattern of Object.keys(table)) {
      const [before, after] = pattern.split('*');
      if (after !== undefined && subpath.startsWith(before) && subpath.endsWith(after)) {
        const star = subpath.slice(before.length, subpath.length - after.length);
        const found = target(table[pattern]);
        return found && found.replaceAll('*', star);
      }
    }
    return undefined;
  }

  function inPackages(name, from) {
    const [, packageName, rest] = /^((?:@[^/]+\/)?[^/]+)(.*)$/.exec(name) || [null, name, ''];
    for (let folder = from; ; folder = dirname(folder)) {
      const root = join(folder, 'node_modules', packageName);
      if (host.kind(root) === 'folder') {
        const { exports } = readPackage(root);
        const path = exports === undefined || exports === null ? undefined : exported(exports, `.${rest}`);
        const candidate = path === undefined ? join(root, rest) : join(root, path);
        return asFile(candidate) || asFolder(candidate);
      }
      if (folder === '/') return asFile(join(from, 'node_modules', name));
    }
  }

  function resolve(name, folder) {
    if (/^(\.{1,2}(\/|$)|\/)/.test(name)) {
      const path = name[0] === '/' ? name : join(folder, name);
      return (name.endsWith('/') ? undefined : asFile(path)) || asFolder(path.replace(/(.)\/$/, '$1'));
    }
    return inPackages(name, folder);
  }

  class Module {
    constructor(id, parent = null) {
      Object.assign(this, { id, path: dirname(id), exports: {}, filename: id, loaded: false, children: [], paths: [], parent });
    }
  }

  function requireFrom(module) {
    const require = (name) => {
      if (typeof name !== 'string') {
        const error = new TypeError(`The "id" argument must be of type string. Received ${name === null ? 'null' : typeof name}`);
        error.code = 'ERR_INVALID_ARG_TYPE';
        throw error;
      }
      return load(name, module);
    };
    require.resolve = (name) => {
      if (internal.builtIn(name) !== undefined) return name;
      const file = resolve(name, module.path);
      if (file === undefined) throw notFound(name, module.filename);
      return file;
    };
    require.cache = cache;
    require.main = undefined;
    return require;
  }

  function load(name, parent) {
    const builtIn = internal.builtIn(name);
    if (builtIn !== undefined) return builtIn;
    const file = name.startsWith('node:') ? undefined : resolve(name, parent.path);
    if (file === undefined) {
      // The ordinary runtime may well have it: this is not the function's fault.
      if (!/^[./]/.test(name)) host.unsupported(name, parent.filename);
      throw notFound(name, parent.filename);
    }
    return loadFile(file, parent);
  }

  function loadFile(file, parent) {
    if (file in cache) return cache[file].exports;
    const module = new Module(file, parent);
    cache[file] = module;
    try {
      evaluate(module, file);
    } catch (error) {
      delete cache[file];
      throw error;
    }
    module.loaded = true;
    return module.exports;
  }

  function evaluate(module, file) {
    if (file.endsWith('.node')) {
      host.unsupported(file, file);
      throw new Error(`A native add-on cannot be loaded: ${file}`);
    }
    const text = host.text(file).replace(/^\uFEFF/, '');
    if (file.endsWith('.json')) {
      module.exports = JSON.parse(text);
    } else {
      compile(module, text);
    }
  }

  function compile(module, text) {
    const body = text.replace(/^#!.*/, '');
    const wrapper = host.compile(module.filename, `(function (exports, require, module, __filename, __dirname) { ${body}\n})`);
    wrapper.call(module.exports, module.exports, requireFrom(module), module, module.filename, module.path);
  }

  /** What an archive's root exports, or one file in it. */
  function fromArchive(file) {
    const root = new Module('/');
    const found = file === '' ? asFolder('/') : asFile(`/${file}`) || asFolder(`/${file}`);
    if (found === undefined) throw notFound(file === '' ? '/' : `/${file}`, '/');
    return loadFile(found, root);
  }

  return { Module, compile, fromArchive };
});
