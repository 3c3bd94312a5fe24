'use strict'

const assert = require('node:assert/strict')
const fs = require('node:fs')
const os = require('node:os')
const path = require('node:path')
const { test } = require('node:test')
const { stamp } = require('../lib/develop')
const { events } = require('../lib/events')
const { Follower, linesOf } = require('../lib/follow')
const { annotate, faults } = require('../lib/options')
const { givePackage, keepFeeds } = require('../lib/repairs')
const { ago, plain, stripped, table } = require('../lib/text')

async function all (iterable) {
  const found = []
  for await (const each of iterable) found.push(each)
  return found
}

test('options that are right have no faults, and become annotations', () => {
  const options = { handler: 'h.f', tier: 'native', sandbox: 'niuk', idempotent: true, warm: 2 }
  assert.deepEqual(faults('f', options), [])
  annotate(options)
  assert.deepEqual(options.annotations, {
    'argo.tier': 'native', 'argo.sandbox': 'niuk', 'argo.idempotent': true, 'argo.warm': 2
  })
})

test('a function without options is left as it is', () => {
  const options = { handler: 'h.f' }
  annotate(options)
  assert.deepEqual(options, { handler: 'h.f' })
})

test('an annotation that is written out wins', () => {
  const options = { warm: 1, annotations: { 'argo.warm': 5, note: 'x' } }
  annotate(options)
  assert.deepEqual(options.annotations, { 'argo.warm': 5, note: 'x' })
})

test('every mistake is told, with what would be right', () => {
  const found = faults('f', { tier: 'fast', warm: 1.5, idempotent: 'yes', sandbox: 7 })
  assert.equal(found.length, 4)
  assert.match(found.join('\n'), /functions\.f\.tier must be one of auto, ordinary, native, and is "fast"/)
  assert.match(found.join('\n'), /functions\.f\.warm must be a whole number from 0 to 100/)
  assert.match(found.join('\n'), /for example: idempotent: true/)
})

test('feeds stay when they are cleared', () => {
  const serverless = { service: { triggers: { t: { feed: { feedName: 'alarm' } }, plain: {} } } }
  keepFeeds(serverless)
  Object.assign(serverless.service.triggers.t, { feed: undefined })
  assert.deepEqual(serverless.service.triggers.t.feed, { feedName: 'alarm' })
})

test('a function has a package to write its artefact into', () => {
  const serverless = { service: { functions: { f: {}, g: { package: { individually: true } } } } }
  givePackage(serverless, 'f')
  givePackage(serverless, 'g')
  givePackage(serverless, 'none')
  assert.deepEqual(serverless.service.functions, { f: { package: {} }, g: { package: { individually: true } } })
})

test('events come in chunks that end anywhere', async () => {
  const first = ['id: 1\n\nid: 2\nevent: activ', 'ation\r\ndata: {"a":\ndata: "\u00e4', '"}\n']
  const chunks = [...first, '\n:\n\ndata: no json\n\n']
  assert.deepEqual(await all(events(chunks.map((chunk) => Buffer.from(chunk)))), [
    { type: 'message', id: '1', data: {} },
    { type: 'activation', id: '2', data: { a: '\u00e4' } },
    { type: 'message', id: '', data: {} }
  ])
})

test('what ran while the stream was away is told, and nothing twice', async () => {
  const record = (number) => ({ activationId: String(number).padStart(32, '0'), start: number, logs: [] })
  const records = [record(1)]
  const service = {
    json: async (_, where) => {
      const query = new URLSearchParams(where.split('?')[1])
      if (where.endsWith('/logs')) return { logs: ['x'] }
      const found = records.filter(({ start }) => start >= Number(query.get('since') || 0)).reverse()
      const skip = Number(query.get('skip') || 0)
      return found.slice(skip, skip + Number(query.get('limit')))
    },
    follow: async function * () {
      yield { type: 'opened' }
      yield { type: 'activation', data: record(2) }
      records.push(record(2), record(3))
      yield { type: 'opened' }
      yield { type: 'activation', data: record(3) }
    }
  }
  const told = await all(new Follower(service, 'a').records())
  assert.deepEqual(told.map(({ start }) => start), [2, 3])
})

test('lines for people', () => {
  const lines = linesOf({ start: 0, activationId: 'a'.repeat(32), logs: ['t stdout: hi\u001b[31m'], duration: 3 })
  assert.deepEqual(lines, ['00:00:00 aaaaaaaa hi\\x1b[31m', '00:00:00 aaaaaaaa success in 3 ms'])
  assert.equal(stripped('no prefix'), 'no prefix')
  assert.equal(plain('a\u202eb'), 'a\\x202eb')
  assert.equal(table(['A', 'B'], [['long', 'x']]), 'A     B\nlong  x')
  assert.deepEqual([1000, 180000, 7200000, 864000000].map(ago), ['1 s', '3 min', '2 h', '10 d'])
})

test('a change of a file is seen, one of packages is not', async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'argo-'))
  try {
    fs.writeFileSync(path.join(folder, 'a.js'), 'x')
    const before = await stamp(folder)
    fs.mkdirSync(path.join(folder, 'node_modules'))
    fs.writeFileSync(path.join(folder, 'node_modules', 'b.js'), 'x')
    assert.equal(await stamp(folder), before)
    fs.writeFileSync(path.join(folder, 'a.js'), 'longer')
    assert.notEqual(await stamp(folder), before)
  } finally {
    fs.rmSync(folder, { recursive: true })
  }
})
