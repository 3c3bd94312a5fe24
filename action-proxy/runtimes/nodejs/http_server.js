'use strict';
// The least of HTTP/1.1 that /init and /run need, straight over a socket: keep-alive, Content-Length, one request
// at a time on a connection. Node's own http module costs several times the CPU of a warm run.

const net = require('node:net');
const fs = require('node:fs');

const MAX_HEAD_BYTES = 64 * 1024;
const MAX_BODY_BYTES = Number(process.env.ARGO_MAX_BODY_BYTES) || 128 * 1024 * 1024;
const LONG_BYTES = 1024 * 1024;
const END_OF_HEAD = '\r\n\r\n';
const REASONS = { 200: 'OK', 400: 'Bad Request', 403: 'Forbidden', 404: 'Not Found', 405: 'Method Not Allowed', 411: 'Length Required', 413: 'Payload Too Large', 431: 'Request Header Fields Too Large', 502: 'Bad Gateway' };

class Connection {
  constructor(socket, route) {
    this.socket = socket;
    this.route = route;
    this.chunks = [];
    this.whole = null; // a long request, being gathered
    this.size = 0;
    this.head = null; // of the request whose body is still coming
    this.needed = 0; // bytes of head and body of that request
    this.busy = false;
    this.ended = false;
    this.reply = this.reply.bind(this);
    socket.on('data', (chunk) => this.receive(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('end', () => this.end());
  }

  receive(chunk) {
    if (this.whole !== null && this.size + chunk.length <= this.needed) {
      chunk.copy(this.whole, this.size);
    } else {
      this.settle();
      this.chunks.push(chunk);
    }
    this.size += chunk.length;
    if (!this.busy && this.size >= this.needed) this.next();
  }

  end() {
    this.ended = true;
    if (!this.busy) this.socket.end();
  }

  // A long body is gathered where it will be read: twice its size might not fit the sandbox.
  gather(data) {
    if (this.needed - this.size < LONG_BYTES) return;
    this.whole = Buffer.allocUnsafeSlow(this.needed);
    data.copy(this.whole);
    this.chunks = [];
  }

  settle() {
    if (this.whole === null) return;
    this.chunks = [this.whole.subarray(0, this.size)];
    this.whole = null;
  }

  joined() {
    this.settle();
    if (this.chunks.length > 1) this.chunks = [Buffer.concat(this.chunks, this.size)];
    return this.chunks[0];
  }

  /** Answers the next whole request that has arrived, if any. */
  next() {
    if (this.size === 0) return;
    const data = this.joined();
    if (this.head === null && !this.readHead(data)) return;
    if (this.size < this.needed) {
      this.gather(data);
      return;
    }
    const { bodyStart, path } = this.head;
    // A long body stays as it came: as text it would be in memory once more.
    const long = this.needed - bodyStart > LONG_BYTES;
    const body = long ? data.subarray(bodyStart, this.needed) : data.utf8Slice(bodyStart, this.needed);
    this.size -= this.needed;
    this.chunks = this.size > 0 ? [data.subarray(this.needed)] : [];
    this.needed = 0;
    this.busy = true;
    this.route(path, body, this.reply);
  }

  readHead(data) {
    const end = data.indexOf(END_OF_HEAD);
    if (end < 0) {
      if (this.size > MAX_HEAD_BYTES) this.refuse(431);
      return false;
    }
    const text = data.latin1Slice(0, end);
    const method = text.slice(0, text.indexOf(' '));
    const length = /\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*(?:\r\n|$)/i.exec(text);
    if (method !== 'POST') return this.refuse(405);
    if (!length) return this.refuse(411);
    if (Number(length[1]) > MAX_BODY_BYTES) return this.refuse(413);
    const target = text.slice(5, text.indexOf(' ', 5));
    this.head = { path: target, bodyStart: end + 4, close: /\r\nconnection:[ \t]*close/i.test(text) };
    this.needed = end + 4 + Number(length[1]);
    return true;
  }

  refuse(status) {
    this.busy = true;
    this.head = { close: true };
    this.reply({ status, body: JSON.stringify({ error: REASONS[status] }) });
    return false;
  }

  /** `answer`: {status, body: JSON text}; `written` is called once the kernel has it. */
  reply(answer, written) {
    if (!this.busy) return;
    this.busy = false;
    const close = this.head.close || (this.ended && this.size === 0);
    this.head = null;
    const head = `HTTP/1.1 ${answer.status} ${REASONS[answer.status]}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(answer.body)}\r\n`;
    this.socket.write(`${head}${close ? 'Connection: close\r\n' : ''}\r\n${answer.body}`, 'utf8', written);
    if (close) this.socket.end();
    else if (this.size > 0) this.next();
  }
}

/** Listens on "unix:PATH" or "tcp:HOST:PORT" and gives every request to route(path, body, reply); a long body is a Buffer. */
function listen(address, route) {
  const server = net.createServer({ noDelay: true, allowHalfOpen: true }, (socket) => new Connection(socket, route));
  const [scheme, rest] = [address.slice(0, address.indexOf(':')), address.slice(address.indexOf(':') + 1)];
  if (scheme === 'unix') {
    fs.rmSync(rest, { force: true });
    const before = process.umask(0o111); // the agent may be another user; the folder guards the socket
    server.listen(rest);
    process.umask(before);
  } else if (scheme === 'tcp') {
    const colon = rest.lastIndexOf(':');
    server.listen(Number(rest.slice(colon + 1)), rest.slice(0, colon));
  } else {
    throw new Error(`ARGO_LISTEN must be unix:PATH or tcp:HOST:PORT, not ${address}`);
  }
  return server;
}

module.exports = { listen };
