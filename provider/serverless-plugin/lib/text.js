'use strict'

// Moves the cursor, colours, or turns the direction of the text; a tab is harmless.
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

/** A user's text made harmless for a terminal. */
function plain (text) {
  return String(text).replace(CONTROL, (found) => `\\x${found.charCodeAt(0).toString(16).padStart(2, '0')}`)
}

/** Columns as wide as their widest cell. */
function table (columns, rows) {
  const cells = [columns, ...rows.map((row) => row.map(plain))]
  const widths = columns.map((_, index) => Math.max(...cells.map((row) => row[index].length)))
  return cells.map((row) => row.map((cell, index) => cell.padEnd(widths[index])).join('  ').trimEnd()).join('\n')
}

/** `12 s`, `3 min`, `2 h`, `4 d`. */
function ago (milliseconds) {
  const seconds = Math.max(0, milliseconds / 1000)
  if (seconds < 90) return `${Math.round(seconds)} s`
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`
  return seconds < 172800 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86400)} d`
}

/** A log line without its time and stream. */
function stripped (line) {
  const found = /^\S+ +(stdout|stderr): (.*)$/s.exec(line)
  return found ? found[2] : line
}

module.exports = { plain, table, ago, stripped }
