'use strict';
// Writes the line that ends an activation's logs on both streams, after all that the function printed before.

const fs = require('node:fs');

const SENTINEL = 'XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n';

// A function may close or replace its streams: a descriptor of our own outlives that.
// Only for a pipe: a second descriptor of a file would have its own position.
function ownDescriptor(fd) {
  try {
    if (!fs.fstatSync(fd).isFIFO()) return fd;
    return fs.openSync(`/proc/self/fd/${fd}`, fs.constants.O_WRONLY);
  } catch {
    return fd;
  }
}

// A connection that got the number of a closed stream would receive what the function prints.
function reopenWhenClosed(streams) {
  const reopen = (fd) => {
    const stream = streams.find((one) => one.number === fd && one.fd !== fd);
    if (stream) fs.openSync(`/proc/self/fd/${stream.fd}`, fs.constants.O_WRONLY); // takes the lowest free number
  };
  const { close, closeSync } = fs;
  fs.closeSync = (fd) => {
    closeSync(fd);
    reopen(fd);
  };
  fs.close = (fd, callback = () => {}) => {
    if (fd !== 1 && fd !== 2) return close(fd, callback);
    fs.closeSync(fd);
    return process.nextTick(callback, null);
  };
}

class OutputStream {
  constructor(name, fd) {
    this.number = fd;
    this.fd = ownDescriptor(fd);
    this.stream = null;
    this.watch(name);
  }

  // process.stdout is made when first used; until then there can be nothing waiting in it.
  watch(name) {
    const { get } = Object.getOwnPropertyDescriptor(process, name);
    const remember = () => {
      if (this.stream === null) {
        this.stream = get.call(process);
        this.stream.on('error', () => {});
      }
      return this.stream;
    };
    Object.defineProperty(process, name, { configurable: true, enumerable: true, get: remember });
  }

  /** @returns {Promise|undefined} a promise only when output is still waiting to be written. */
  mark() {
    if (this.stream !== null && this.stream.writableLength > 0 && !this.stream.destroyed) return this.markAfterDrain();
    this.write();
    return undefined;
  }

  markAfterDrain() {
    return new Promise((resolve) => {
      const poll = () => {
        if (this.stream.writableLength > 0 && !this.stream.destroyed) setTimeout(poll, 1);
        else resolve(this.write());
      };
      poll();
    });
  }

  write() {
    try {
      fs.writeSync(this.fd, SENTINEL);
    } catch {
      // A stream that nobody reads any more needs no mark.
    }
  }
}

class LogMarker {
  constructor() {
    this.streams = [new OutputStream('stdout', 1), new OutputStream('stderr', 2)];
    reopenWhenClosed(this.streams);
  }

  /** @returns {Promise|undefined} */
  mark() {
    const [out, err] = [this.streams[0].mark(), this.streams[1].mark()];
    return out || err ? Promise.all([out, err]) : undefined;
  }
}

module.exports = { LogMarker };
