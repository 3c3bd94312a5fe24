(function (module, internal) {
  'use strict';

  const { host } = internal;
  const started = host.nanoseconds();
  internal.readEnvironment = () => JSON.parse(host.environment());

  function hrtime(since) {
    const now = host.nanoseconds();
    const [seconds, nanos] = [Math.floor(now / 1e9), Math.floor(now % 1e9)];
    if (since === undefined) return [seconds, nanos];
    const difference = seconds * 1e9 + nanos - (since[0] * 1e9 + since[1]);
    return [Math.floor(difference / 1e9), difference % 1e9];
  }
  hrtime.bigint = () => BigInt(host.nanoseconds());

  const stream = (fd) => ({
    fd,
    isTTY: undefined,
    writable: true,
    write(chunk) {
      host.print(fd, typeof chunk === 'string' ? chunk : internal.load('buffer').Buffer.from(chunk).toString());
      return true;
    },
  });

  const events = internal.load('events');
  const process = Object.create(events.prototype);
  Object.assign(process, {
    env: internal.readEnvironment(),
    argv: ['node', '/tmp/action.js'],
    execArgv: [],
    execPath: '/usr/bin/node',
    exitCode: undefined,
    pid: 1,
    ppid: 0,
    platform: 'linux',
    arch: 'x64',
    title: 'node',
    version: 'v20.0.0',
    versions: { node: '20.0.0' },
    release: { name: 'node' },
    stdout: stream(1),
    stderr: stream(2),
    hrtime,
    cwd: () => '/',
    uptime: () => (host.nanoseconds() - started) / 1e9,
    exit: (code = 0) => host.exit(Number(code) || 0),
    nextTick: (callback, ...args) => internal.timers().queueMicrotask(() => callback(...args)),
    emitWarning: (warning) => host.print(2, `(node:1) Warning: ${warning}\n`),
    memoryUsage: () => ({ rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 }),
    umask: () => 0o22,
  });
  events.call(process);
  Object.defineProperty(process, 'performance', {
    value: { now: () => (host.nanoseconds() - started) / 1e6, timeOrigin: Date.now(), mark() {}, measure() {} },
  });
  Object.defineProperty(process, Symbol.toStringTag, { value: 'process', configurable: true });

  module.exports = process;
});
