'use strict';
// Unpacks a zip into an empty folder: bounded in entries and bytes, and never outside that folder.

const fs = require('node:fs');
const path = require('node:path');
const zlib = require('node:zlib');

const MAX_BYTES = Number(process.env.ARGO_MAX_UNPACKED_BYTES) || 512 * 1024 * 1024;
const MAX_ENTRIES = Number(process.env.ARGO_MAX_UNPACKED_ENTRIES) || 100000;
const END_RECORD = 0x06054b50;
const CENTRAL_ENTRY = 0x02014b50;
const LOCAL_ENTRY = 0x04034b50;
const STORED = 0;
const DEFLATED = 8;
const SYMLINK = 0o120000;
const FILE_TYPE = 0o170000;

class ArchiveError extends Error {
  constructor(message) {
    super(`There was an error uncompressing the action archive: ${message}.`);
    this.name = 'ArchiveError';
    this.stack = this.message; // the launcher's own stack would tell a user nothing
  }
}

function findEnd(data) {
  const lowest = Math.max(0, data.length - 22 - 65535);
  for (let at = data.length - 22; at >= lowest; at--) if (data.readUInt32LE(at) === END_RECORD) return at;
  throw new ArchiveError('it is not a zip file');
}

function readEntry(data, at) {
  if (at + 46 > data.length || data.readUInt32LE(at) !== CENTRAL_ENTRY) throw new ArchiveError('its directory is damaged');
  const [nameLength, extraLength, commentLength] = [data.readUInt16LE(at + 28), data.readUInt16LE(at + 30), data.readUInt16LE(at + 32)];
  return {
    name: data.toString('utf8', at + 46, at + 46 + nameLength),
    encrypted: (data.readUInt16LE(at + 8) & 1) === 1,
    method: data.readUInt16LE(at + 10),
    packed: data.readUInt32LE(at + 20),
    size: data.readUInt32LE(at + 24),
    mode: data[at + 5] === 3 ? data.readUInt32LE(at + 38) >>> 16 : 0, // 3: made on Unix
    local: data.readUInt32LE(at + 42),
    next: at + 46 + nameLength + extraLength + commentLength,
  };
}

function readEntries(data) {
  const end = findEnd(data);
  const count = data.readUInt16LE(end + 10);
  if (count > MAX_ENTRIES) throw new ArchiveError(`it has ${count} entries, more than the ${MAX_ENTRIES} allowed`);
  const entries = [];
  let at = data.readUInt32LE(end + 16);
  let total = 0;
  for (let i = 0; i < count; i++) {
    const entry = readEntry(data, at);
    total += entry.size;
    if (total > MAX_BYTES) throw new ArchiveError(`it unpacks to more than the ${MAX_BYTES} bytes allowed`);
    entries.push(entry);
    at = entry.next;
  }
  return entries;
}

function targetOf(entry, folder) {
  const parts = entry.name.split('/');
  if (entry.name.startsWith('/') || parts.includes('..') || /[\\\0]/.test(entry.name)) {
    throw new ArchiveError(`the entry '${entry.name}' leads outside of it`);
  }
  return path.join(folder, entry.name);
}

function contentOf(data, entry) {
  if (entry.encrypted) throw new ArchiveError(`the entry '${entry.name}' is encrypted`);
  if (entry.local + 30 > data.length || data.readUInt32LE(entry.local) !== LOCAL_ENTRY) throw new ArchiveError('an entry is damaged');
  const start = entry.local + 30 + data.readUInt16LE(entry.local + 26) + data.readUInt16LE(entry.local + 28);
  const packed = data.subarray(start, start + entry.packed);
  if (entry.method === STORED && packed.length === entry.size) return packed;
  if (entry.method !== DEFLATED) throw new ArchiveError(`the entry '${entry.name}' is packed in an unknown way`);
  let content;
  try {
    content = zlib.inflateRawSync(packed, { maxOutputLength: Math.max(1, entry.size) });
  } catch (error) {
    throw new ArchiveError(`the entry '${entry.name}' cannot be unpacked (${error.code})`);
  }
  if (content.length !== entry.size) throw new ArchiveError(`the entry '${entry.name}' has not the size it declares`);
  return content;
}

function makeLink(data, entry, folder) {
  const target = targetOf(entry, folder);
  fs.mkdirSync(path.dirname(target), { recursive: true });
  const parent = fs.realpathSync(path.dirname(target));
  if (parent !== folder && !parent.startsWith(folder + path.sep)) throw new ArchiveError(`the entry '${entry.name}' leads outside of it`);
  fs.symlinkSync(contentOf(data, entry).toString('utf8'), target);
}

/** @param {Buffer} data the archive @param {string} folder an existing, empty folder */
function unzip(data, folder) {
  if (data.length < 22) throw new ArchiveError('it is not a zip file');
  const root = fs.realpathSync(folder);
  const made = new Set([root]);
  const links = [];
  for (const entry of readEntries(data)) {
    const target = targetOf(entry, root);
    const parent = entry.name.endsWith('/') ? target : path.dirname(target);
    if (!made.has(parent)) {
      fs.mkdirSync(parent, { recursive: true });
      made.add(parent);
    }
    if (entry.name.endsWith('/')) continue;
    if ((entry.mode & FILE_TYPE) === SYMLINK) links.push(entry);
    else fs.writeFileSync(target, contentOf(data, entry), { mode: entry.mode & 0o111 ? 0o755 : 0o644 });
  }
  // Links last: until then no path of the archive can lead through one.
  for (const entry of links) makeLink(data, entry, root);
}

module.exports = { unzip };
