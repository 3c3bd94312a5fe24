'use strict';
// Reads a long /init without ever having its archive as text: body, its text, its parsed text and the archive together
// would not fit the smallest sandboxes.

const KEY = '"code":"';
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const STEP = 4 * 256 * 1024; // characters of base64, a multiple of four

/**
 * @param {Buffer} body JSON
 * @returns {object | undefined} the message with `value.code` as a Buffer; undefined where the code is no base64
 */
function parse(body) {
  // Inside a JSON string the quotes would be escaped, so the first such text is the key.
  const key = body.indexOf(KEY);
  if (key < 0) return undefined;
  const start = key + KEY.length;
  const end = body.indexOf(QUOTE, start);
  const escaped = body.indexOf(BACKSLASH, start);
  if (end < 0 || (escaped >= 0 && escaped < end)) return undefined;
  const message = JSON.parse(body.toString('utf8', 0, start) + body.toString('utf8', end));
  if (!message || !message.value || message.value.binary !== true) return undefined;
  message.value.code = decode(body.subarray(start, end));
  return message;
}

function decode(text) {
  const data = Buffer.allocUnsafeSlow(Math.ceil(text.length / 4) * 3);
  let size = 0;
  for (let at = 0; at < text.length; at += STEP) size += data.write(text.latin1Slice(at, Math.min(at + STEP, text.length)), size, 'base64');
  return data.subarray(0, size);
}

module.exports = { parse };
