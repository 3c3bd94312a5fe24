'use strict';
// Calls a handler and turns whatever it gives back into one answer (status, JSON text).

const NOT_A_DICTIONARY = '{"error":"The action did not return a dictionary or array."}';
const MAX_ERROR_DEPTH = 8;

/** @param {function(number, string)} done called once with the status and JSON text. */
function callHandler(handler, args, done) {
  let result;
  try {
    result = handler(args);
  } catch (error) {
    thrown(error, done);
    return;
  }
  if (result !== null && typeof result === 'object' && typeof result.then === 'function') {
    Promise.resolve(result).then((value) => finish(value, done), (error) => rejected(error, done));
  } else {
    finish(result, done);
  }
}

function finish(value, done) {
  if (value === undefined) return done(200, '{}');
  let text;
  try {
    text = value !== null && typeof value === 'object' ? JSON.stringify(value) : undefined;
  } catch (error) {
    return thrown(error, done);
  }
  if (text === undefined || (text[0] !== '{' && text[0] !== '[')) {
    process.stderr.write(`Result must be of type object but has type "${typeof value}": ${printable(value)}\n`);
    return done(502, NOT_A_DICTIONARY);
  }
  return done(200, text);
}

// A rejected promise is the function's own answer; an exception is a fault of the function.
function rejected(error, done) {
  if (!error) return done(200, '{"error":{}}');
  let text;
  try {
    text = JSON.stringify({ error: plain(error, MAX_ERROR_DEPTH, new Set()) });
  } catch (reason) {
    return thrown(reason, done);
  }
  return done(200, text);
}

function thrown(error, done) {
  process.stderr.write(`${printable((error && error.stack) || error)}\n`);
  done(502, JSON.stringify({ error: `An error has occurred: ${printable(error)}` }));
}

function printable(value) {
  try {
    return String(value);
  } catch {
    return 'a value that cannot be shown';
  }
}

/** Errors as plain objects: name, message, stack and what else was set on them; circles are cut. */
function plain(value, depth, seen) {
  if (typeof value === 'function') return `[Function: ${value.name || 'anonymous'}]`;
  if (typeof value === 'bigint') return String(value);
  if (value === null || typeof value !== 'object' || typeof value.toJSON === 'function') return value;
  if (Buffer.isBuffer(value)) return '[object Buffer]';
  if (seen.has(value) || depth === 0) return '[Circular]';
  seen.add(value);
  const copy = Array.isArray(value) ? [] : {};
  for (const key of Object.keys(value)) if (typeof value[key] !== 'function') copy[key] = plain(value[key], depth - 1, seen);
  for (const key of ['name', 'message', 'stack', 'code']) if (typeof value[key] === 'string') copy[key] = value[key];
  seen.delete(value);
  return copy;
}

module.exports = { callHandler };
