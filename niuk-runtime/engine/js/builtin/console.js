(function (module, internal) {
  'use strict';

  const { host } = internal;
  const { format, inspect } = internal.load('inspect');
  const counts = new Map();
  const timersByLabel = new Map();
  let indentation = '';

  function line(stream, text) {
    const indented = indentation === '' ? text : indentation + text.replaceAll('\n', `\n${indentation}`);
    host.print(stream, `${indented}\n`);
  }

  const writer = (stream) => (...args) => line(stream, format(...args));
  const log = writer(1);
  const error = writer(2);

  function elapsed(label) {
    const nanoseconds = host.nanoseconds() - timersByLabel.get(label);
    return nanoseconds >= 1e9 ? `${(nanoseconds / 1e9).toFixed(3)}s` : `${Number((nanoseconds / 1e6).toFixed(3))}ms`;
  }

  const console = {
    log,
    info: log,
    debug: log,
    error,
    warn: error,
    trace(...args) {
      error(`Trace: ${format(...args)}\n${String(new Error().stack).split('\n').slice(2).join('\n')}`);
    },
    dir: (value, options) => line(1, inspect(value, { customInspect: false, ...options })),
    dirxml: log,
    assert(condition, ...args) {
      if (condition) return;
      if (typeof args[0] === 'string') args[0] = `Assertion failed: ${args[0]}`;
      else args.unshift('Assertion failed');
      error(...args);
    },
    count(label = 'default') {
      counts.set(`${label}`, (counts.get(`${label}`) || 0) + 1);
      log(`${label}: ${counts.get(`${label}`)}`);
    },
    countReset: (label = 'default') => { counts.delete(`${label}`); },
    time: (label = 'default') => { timersByLabel.set(`${label}`, host.nanoseconds()); },
    timeEnd(label = 'default') {
      if (timersByLabel.has(`${label}`)) log(`${label}: ${elapsed(`${label}`)}`);
      timersByLabel.delete(`${label}`);
    },
    timeLog(label = 'default', ...args) {
      if (timersByLabel.has(`${label}`)) log(`${label}: ${elapsed(`${label}`)}`, ...args);
    },
    group(...args) {
      if (args.length > 0) log(...args);
      indentation += '  ';
    },
    groupEnd: () => { indentation = indentation.slice(2); },
    table: (data) => log(data),
  };
  console.groupCollapsed = console.group;
  console.Console = function Console() { return console; };

  module.exports = console;
});
