'use strict'

/** Server-sent events out of chunks of bytes that end anywhere. */
async function * events (chunks) {
  let rest = Buffer.alloc(0)
  let event = fresh()
  for await (const chunk of chunks) {
    const text = Buffer.concat([rest, chunk])
    let from = 0
    for (let end = text.indexOf(10, from); end >= 0; end = text.indexOf(10, from)) {
      const line = text.subarray(from, end).toString().replace(/\r$/, '')
      from = end + 1
      if (line) {
        take(event, line)
      } else {
        const { type, id, lines } = event
        if (lines.length || id) yield { type, id, data: parsed(lines.join('\n')) }
        event = fresh()
      }
    }
    rest = text.subarray(from)
  }
}

function fresh () {
  return { type: 'message', id: '', lines: [] }
}

function take (event, line) {
  const colon = line.indexOf(':')
  const name = colon < 0 ? line : line.slice(0, colon)
  const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '')
  if (name === 'event') event.type = value
  if (name === 'id') event.id = value
  if (name === 'data') event.lines.push(value)
}

function parsed (text) {
  try {
    return text ? JSON.parse(text) : {}
  } catch {
    return {}
  }
}

module.exports = { events }
