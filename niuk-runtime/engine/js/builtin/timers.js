(function (module, internal) {
  'use strict';

  const { setTimeout, setInterval, setImmediate, clearTimeout } = internal.timers();
  const promises = {
    setTimeout: (delay, value) => new Promise((resolve) => { setTimeout(resolve, delay, value); }),
    setImmediate: (value) => new Promise((resolve) => { setImmediate(resolve, value); }),
    async *setInterval(delay, value) {
      for (;;) yield await promises.setTimeout(delay, value);
    },
    scheduler: { wait: (delay) => promises.setTimeout(delay), yield: () => promises.setImmediate() },
  };
  const promisified = Symbol.for('nodejs.util.promisify.custom');
  setTimeout[promisified] = promises.setTimeout;
  setImmediate[promisified] = promises.setImmediate;

  module.exports = { setTimeout, setInterval, setImmediate, clearTimeout, clearInterval: clearTimeout, clearImmediate: clearTimeout, promises };
});
