'use strict';
// Where the C library keeps the value of an environment variable. Node.js reaches that memory through /proc/self/mem only; in exchange nothing
// stands between a function and its environment, as a Proxy would, and threads, native modules and processes see what the function sees.

const { openSync, readFileSync, readSync, writeSync } = require('node:fs');

const PLACE_BYTES = 128;
const PART_BYTES = 256 * 1024;
const MOST_SEARCHED_BYTES = 64 * 1024 * 1024;
const GNU_C_LIBRARY = /\/libc(\.so\.6|-2\.\d+\.so)$/m; // it never frees a value; others do when it is set anew, and keep none
const MAPPING = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)$/gm;
const MOST_GUARD_BYTES = 64 * 1024;
const CHUNK_ALIGNMENT = 16; // of glibc's malloc, whose chunks begin with their size

/** The memory of one variable's value: PLACE_BYTES and the zero that ends them. */
class Place {
  constructor(memory, name, address) {
    this.memory = memory;
    this.name = name;
    this.address = address;
    this.content = Buffer.allocUnsafeSlow(PLACE_BYTES + 1);
  }

  /** @returns {boolean} false where the variable does not show the value then: it must be set plainly, and this place is lost. */
  write(value) {
    if (value.length > PLACE_BYTES) return false;
    const length = this.content.utf8Write(value, 0, PLACE_BYTES);
    this.content[length] = 0;
    try {
      writeSync(this.memory, this.content, 0, length + 1, this.address);
    } catch {
      return false; // the function closed what it had not opened
    }
    return process.env[this.name] === value;
  }
}

let ownMemory; // a descriptor

/** @returns {Place | null} null where the C library is another one, or cannot be looked into. The variable has lost its value. */
function findPlace(name) {
  try {
    if (!GNU_C_LIBRARY.test(readFileSync('/proc/self/maps', 'latin1'))) return null;
    if (ownMemory === undefined) ownMemory = openSync('/proc/self/mem', 'r+');
    const filler = randomText(PLACE_BYTES);
    process.env[name] = filler;
    const entry = Buffer.from(`${name}=${filler}`, 'latin1');
    for (const start of occurrences(entry)) {
      if (!isWholeChunk(start, entry.length + 1)) continue; // another copy
      const place = new Place(ownMemory, name, start + name.length + 1);
      if (place.write('')) return place;
      writeSync(ownMemory, filler[0], place.address, 'latin1');
    }
  } catch {
    // No /proc, or one that is closed to the function's user: values are kept, then.
  }
  return null;
}

function randomText(length) {
  let text = '';
  while (text.length < length) text += Math.random().toString(36).slice(2);
  return text.slice(0, length);
}

/** Whether what malloc gave for `size` bytes begins here: so nobody else's memory is ever written to. */
function isWholeChunk(start, size) {
  const head = Buffer.alloc(8);
  readSync(ownMemory, head, 0, head.length, start - head.length);
  const spare = Number(head.readBigUInt64LE() & ~7n) - head.length - size; // the lowest bits are flags
  return spare >= 0 && spare < 2 * CHUNK_ALIGNMENT;
}

/** The address ranges that malloc may have taken: the heap, and what it maps where that cannot grow. Not the stacks of threads. */
function allocatedRanges() {
  const ranges = [];
  let guarded = NaN;
  for (const [, from, to, rights, path] of readFileSync('/proc/self/maps', 'latin1').matchAll(MAPPING)) {
    const [start, end] = [parseInt(from, 16), parseInt(to, 16)];
    if (rights === '---p') guarded = end - start <= MOST_GUARD_BYTES ? end : NaN;
    else if (rights !== 'rw-p' || start === guarded) continue;
    else if (path === '[heap]') ranges.unshift([start, end]);
    else if (path === '') ranges.push([start, end]);
  }
  return ranges;
}

/** Addresses at which `entry` stands. Read in parts: the heap as a whole might not fit the sandbox twice. */
function* occurrences(entry) {
  const part = Buffer.allocUnsafeSlow(PART_BYTES);
  let left = MOST_SEARCHED_BYTES;
  for (const [from, to] of allocatedRanges()) {
    for (let start = from; start < to && left > 0; start += PART_BYTES - entry.length) {
      const read = part.subarray(0, readSync(ownMemory, part, 0, Math.min(PART_BYTES, to - start), start));
      left -= read.length;
      for (let at = read.indexOf(entry); at >= 0; at = read.indexOf(entry, at + 1)) yield start + at;
    }
  }
}

module.exports = { findPlace };
