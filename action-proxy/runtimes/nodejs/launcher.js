'use strict';
// Runs one action inside a sandbox: POST /init loads it, every POST /run calls it.
// Start: node launcher.js, with ARGO_LISTEN=unix:PATH or tcp:HOST:PORT.

const { listen } = require('./http_server.js');
const { LogMarker } = require('./log_marker.js');
const { callHandler } = require('./action.js');

const RUN_FIELDS = ['namespace', 'action_name', 'action_version', 'activation_id', 'transaction_id', 'deadline', 'api_key'];
const PLAIN_WRITES = 1000; // of a variable: they leave 90 kilobytes
const DEFAULT_ADDRESS = 'tcp:0.0.0.0:8080';
const INITIALISED = { status: 200, body: '{"ok":true}' };

const marker = new LogMarker();
const inFlight = new Set();
let state = 'ready'; // → starting → initialised | failed
let handler;

function failure(status, error) {
  return { status, body: JSON.stringify({ error }) };
}

function parse(body) {
  const message = JSON.parse(typeof body === 'string' ? body : body.toString());
  if (message === null || typeof message !== 'object' || Array.isArray(message)) throw new SyntaxError('a JSON object is expected');
  return message;
}

function isCode(code) {
  return (typeof code === 'string' || Buffer.isBuffer(code)) && code.length > 0;
}

async function init(body) {
  if (state !== 'ready') return failure(403, 'Cannot initialize the action more than once.');
  const message = (typeof body === 'string' ? parse(body) : require('./long_init.js').parse(body) || parse(body)).value;
  if (!message || !isCode(message.code) || !['string', 'undefined'].includes(typeof message.main)) {
    return failure(403, 'Missing main/no code to execute.');
  }
  state = 'starting';
  try {
    for (const [name, value] of Object.entries(message.env || {})) process.env[name] = value;
    handler = await require('./load.js').loadHandler(message);
    state = 'initialised';
    return INITIALISED;
  } catch (error) {
    state = 'failed';
    process.stderr.write(`Error during initialization: ${describe(error)}\n`);
    await marker.mark();
    return failure(502, `Initialization has failed due to: ${describe(error)}`);
  }
}

function describe(error) {
  try {
    return String((error && error.stack) || error);
  } catch {
    return 'an error that cannot be shown';
  }
}

// setenv(3) keeps every value that it was ever given: a sandbox of a million runs would die of them. A variable that changes with every run
// is therefore written over where it lies. Not from the first: to find that out takes milliseconds, and few sandboxes serve so long.
class RunVariable {
  constructor(field, order) {
    this.field = field;
    this.name = `__OW_${field.toUpperCase()}`;
    this.value = undefined;
    this.plainWrites = 0;
    this.mostPlainWrites = PLAIN_WRITES + order; // so that no run finds out more than one
    this.place = null;
  }

  set(value) {
    this.value = value;
    const text = `${value}`;
    if (this.place !== null) {
      if (this.place.write(text)) return;
      this.place = null; // too long a value, or a function that set the variable itself
      this.plainWrites = 0;
    }
    this.plainWrites += 1;
    if (this.plainWrites === this.mostPlainWrites && this.settle(text)) return;
    process.env[this.name] = text;
  }

  settle(text) {
    this.place = require('./variable_place.js').findPlace(this.name);
    return this.place !== null && this.place.write(text);
  }
}

const runVariables = RUN_FIELDS.map((field, order) => new RunVariable(field, order));

function publishFields(message) {
  for (const variable of runVariables) {
    const value = message[variable.field];
    if (value !== variable.value && value !== undefined) variable.set(value);
  }
}

function run(body, reply) {
  if (state !== 'initialised') {
    reply(failure(403, `System not ready, status is ${state}.`));
    return;
  }
  const message = parse(body);
  publishFields(message);
  const entry = { reply };
  inFlight.add(entry);
  callHandler(handler, message.value === undefined ? {} : message.value, (status, answer) => {
    const marked = marker.mark();
    const finish = () => inFlight.delete(entry) && reply({ status, body: answer });
    if (marked) marked.then(finish);
    else finish();
  });
}

function route(path, body, reply) {
  try {
    if (path === '/run') run(body, reply);
    else if (path === '/init') init(body).then(reply, (error) => reply(failure(400, `The request content was malformed: ${error.message}`)));
    else reply(failure(404, 'The requested resource could not be found.'));
  } catch (error) {
    reply(failure(400, `The request content was malformed: ${error.message}`));
  }
}

// The state of a process after an uncaught exception is unknown: tell every caller why, then end.
function endAfter(error) {
  process.stderr.write(`Uncaught exception: ${describe(error)}\n`);
  const answer = failure(502, `An error has occurred: ${error}`);
  const replies = [...inFlight].map((entry) => new Promise((resolve) => entry.reply(answer, resolve)));
  inFlight.clear();
  Promise.all([marker.mark(), ...replies]).finally(() => process.exit(1));
  setTimeout(() => process.exit(1), 1000);
}

// Loaded by the first function that asks for it.
function offerInvoke() {
  const offer = (value) => Object.defineProperty(globalThis, 'argo', { value, writable: true, configurable: true, enumerable: true });
  Object.defineProperty(globalThis, 'argo', { configurable: true, enumerable: true, get: () => offer(require('./invoke.js')).argo, set: offer });
}

function start() {
  offerInvoke();
  process.on('unhandledRejection', (reason) => process.stderr.write(`Unhandled rejection: ${describe(reason)}\n`));
  process.on('uncaughtException', endAfter);
  listen(process.env.ARGO_LISTEN || DEFAULT_ADDRESS, route);
}

start();
