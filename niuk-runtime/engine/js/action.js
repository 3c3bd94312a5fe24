// Finds the handler in an action's code and turns whatever it gives back into one answer; the words are those of runtimes/nodejs.
(function (internal) {
  'use strict';

  const { host } = internal;
  const NAME = /^[\p{ID_Start}$_][\p{ID_Continue}$]*(\.[\p{ID_Start}$_][\p{ID_Continue}$]*)*$/u;
  const NOT_A_DICTIONARY = 'The action did not return a dictionary or array.';
  const MOST_DEPTH = 8;

  function describe(value) {
    try {
      return String(value);
    } catch {
      return 'a value that cannot be shown';
    }
  }

  const withStack = (error) => describe((error && error.stack) || error);
  const lookUp = (exported, name) => name.split('.').reduce((value, key) => (value === undefined || value === null ? undefined : value[key]), exported);

  function fromSource(code, main) {
    if (!NAME.test(main)) return undefined;
    const { Module, compile } = internal.modules();
    const module = new Module('/tmp/action.js');
    const found = Symbol.for('argo.handler');
    // The handler is usually a plain function of the text, not an export: look it up where it is in scope.
    const lookup = `(() => { try { return ${main}; } catch (e) { if (e instanceof ReferenceError) return undefined; throw e; } })()`;
    compile(module, `${code}\n;module[Symbol.for('argo.handler')] = ${lookup};`);
    return module[found] || lookUp(module.exports, main);
  }

  function fromArchive(main) {
    const [, file, name] = /^([\w./-]+)\.([\w$]+)$/.exec(main) || [null, '', main];
    if (!file && host.kind('/package.json') === '' && host.kind('/index.js') === '') {
      throw 'Zipped actions must contain either package.json or index.js at the root.'; // users know this text without a stack
    }
    const exported = internal.modules().fromArchive(file);
    return lookUp(exported, name) || lookUp(exported.default, name);
  }

  function load(source, main, binary) {
    try {
      const handler = binary ? fromArchive(main) : fromSource(source, main);
      if (typeof handler !== 'function') throw `Action entrypoint '${main}' is not a function.`;
      host.settle('{}');
      return handler;
    } catch (error) {
      host.print(2, `Error during initialization: ${withStack(error)}\n`);
      host.fail(`Initialization has failed due to: ${withStack(error)}`);
      return undefined;
    }
  }

  function call(handler, args) {
    let result;
    try {
      result = handler(args);
    } catch (error) {
      thrown(error);
      return;
    }
    if (result !== null && typeof result === 'object' && typeof result.then === 'function') {
      Promise.resolve(result).then(finish, rejected);
    } else {
      finish(result);
    }
  }

  function finish(value) {
    if (value === undefined) {
      host.settle('{}');
      return;
    }
    let text;
    try {
      text = value !== null && typeof value === 'object' ? JSON.stringify(value) : undefined;
    } catch (error) {
      thrown(error);
      return;
    }
    if (text === undefined || (text[0] !== '{' && text[0] !== '[')) {
      host.print(2, `Result must be of type object but has type "${typeof value}": ${describe(value)}\n`);
      host.fail(NOT_A_DICTIONARY);
    } else {
      host.settle(text);
    }
  }

  // A rejected promise is the function's own answer; an exception is a fault of the function.
  function rejected(error) {
    if (!error) {
      host.settle('{"error":{}}');
      return;
    }
    let text;
    try {
      text = JSON.stringify({ error: plain(error, MOST_DEPTH, new Set()) });
    } catch (reason) {
      thrown(reason);
      return;
    }
    host.settle(text);
  }

  function thrown(error) {
    host.print(2, `${withStack(error)}\n`);
    host.fail(`An error has occurred: ${describe(error)}`);
  }

  function atom(value) {
    if (typeof value === 'function') return `[Function: ${value.name || 'anonymous'}]`;
    if (typeof value === 'bigint') return String(value);
    return value;
  }

  /** Errors as plain objects: name, message, stack and what else was set on them; circles are cut. */
  function plain(value, depth, seen) {
    if (value === null || typeof value !== 'object' || typeof value.toJSON === 'function') return atom(value);
    if (ArrayBuffer.isView(value) && Buffer.isBuffer(value)) return '[object Buffer]';
    if (seen.has(value) || depth === 0) return '[Circular]';
    seen.add(value);
    const copy = Array.isArray(value) ? [] : {};
    for (const key of Object.keys(value)) if (typeof value[key] !== 'function') copy[key] = plain(value[key], depth - 1, seen);
    for (const key of ['name', 'message', 'stack', 'code']) if (typeof value[key] === 'string') copy[key] = value[key];
    seen.delete(value);
    return copy;
  }

  return { load, call };
});
