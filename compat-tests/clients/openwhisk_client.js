'use strict'
// Usage: node openwhisk_client.js CASE, with COMPAT_APIHOST, COMPAT_AUTH, COMPAT_NAMESPACE and COMPAT_PREFIX set.
// Each case covers one resource class of the `openwhisk` client, removes what it made, and prints `CASE passed`.
const assert = require('node:assert/strict')
const { request } = require(process.env.COMPAT_APIHOST.split(':')[0])
const openwhisk = require('openwhisk')

const { COMPAT_APIHOST: apihost, COMPAT_AUTH: auth, COMPAT_NAMESPACE: namespace, COMPAT_PREFIX: prefix } = process.env
const client = options => openwhisk({ apihost, api_key: auth, ignore_certs: true, ...options })
const ow = client()
let names = 0
const name = () => `${prefix}-${++names}`
const ECHO = 'function main(args) { return args }'
const undo = []

/** Make an action that is deleted at the end; its name. */
async function action (code = ECHO, more = {}) {
  const id = name()
  await ow.actions.create({ name: id, action: code, ...more })
  undo.push(() => ow.actions.delete(id))
  return id
}

async function trigger (more = {}) {
  const id = name()
  await ow.triggers.create({ name: id, ...more })
  undo.push(() => ow.triggers.delete(id))
  return id
}

async function eventually (probe, what, seconds = 30) {
  for (const end = Date.now() + seconds * 1000; ;) {
    const found = await probe()
    if (found) return found
    assert(Date.now() < end, `not within ${seconds} s: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 200))
  }
}

const record = id => eventually(() => ow.activations.get(id).catch(() => null), `record ${id}`)

/** The status and JSON body of a plain GET. */
const fetchJson = url => new Promise((resolve, reject) => {
  const call = request(url, { rejectUnauthorized: false }, answer => {
    let text = ''
    answer.on('data', data => { text += data })
    answer.on('end', () => resolve({ status: answer.statusCode, text }))
  })
  call.on('error', reject)
  call.end()
})

const cases = {
  async actions () {
    const id = await action(ECHO, { params: { a: 1 }, annotations: { note: 'x' }, limits: { timeout: 5000 } })
    const got = await ow.actions.get(id)
    assert.equal(got.name, id)
    assert.equal(got.exec.code, ECHO)
    assert.equal(got.limits.timeout, 5000)
    assert.deepEqual(got.parameters, [{ key: 'a', value: 1 }])
    assert(got.annotations.some(each => each.key === 'note' && each.value === 'x'))
    assert.equal((await ow.actions.get({ name: id, code: false })).exec.code, undefined)
    assert((await ow.actions.list({ limit: 200 })).some(each => each.name === id))
    assert.equal((await ow.actions.list({ count: true })).actions >= 1, true)
    assert.deepEqual(await ow.actions.invoke({ name: id, blocking: true, result: true, params: { b: 2 } }), { a: 1, b: 2 })
    const whole = await ow.actions.invoke({ name: id, blocking: true })
    assert.equal(whole.response.status, 'success')
    assert.match((await ow.actions.invoke(id)).activationId, /^[0-9a-f]{32}$/)
    await ow.actions.update({ name: id, action: 'function main() { return {updated: true} }' })
    assert.deepEqual(await ow.actions.invoke({ name: id, blocking: true, result: true }), { updated: true })
    await ow.actions.update({ name: id, params: { c: 3 } })
    assert.equal((await ow.actions.get(id)).version, '0.0.3')
    const chain = name()
    await ow.actions.create({ name: chain, sequence: [`/_/${id}`, `/${namespace}/${id}`] })
    undo.unshift(() => ow.actions.delete(chain))
    assert.deepEqual(await ow.actions.invoke({ name: chain, blocking: true, result: true }), { updated: true })
    const zip = name()
    const oneFile = 'UEsDBBQAAAAAAAAAIQAO/tVyJgAAACYAAAAIAAAAaW5kZXguanNleHBvcnRzLm1haW4gPSAoKSA9PiAoe3ppcHBlZDogdHJ1' +
      'ZX0pClBLAQIUAxQAAAAAAAAAIQAO/tVyJgAAACYAAAAIAAAAAAAAAAAAAACAAQAAAABpbmRleC5qc1BLBQYAAAAAAQABADYAAABMAAAAAAA=' // index.js: exports.main = () => ({zipped: true})
    await ow.actions.create({ name: zip, action: Buffer.from(oneFile, 'base64') })
    undo.unshift(() => ow.actions.delete(zip))
    assert.equal((await ow.actions.get(zip)).exec.binary, true)
    assert.deepEqual(await ow.actions.invoke({ name: zip, blocking: true, result: true }), { zipped: true })
  },

  async packages () {
    const id = name()
    await ow.packages.create({ name: id, package: { parameters: [{ key: 'p', value: 'package' }], publish: true } })
    undo.push(() => ow.packages.delete(id))
    await ow.actions.create({ name: `${id}/echo`, action: ECHO })
    undo.unshift(() => ow.actions.delete(`${id}/echo`))
    const bound = name()
    const binding = { namespace: '_', name: id }
    await ow.packages.create({ name: bound, package: { binding, parameters: [{ key: 'b', value: 'binding' }] } })
    undo.unshift(() => ow.packages.delete(bound))
    assert.deepEqual((await ow.packages.get(id)).actions.map(each => each.name), ['echo'])
    const run = path => ow.actions.invoke({ name: path, blocking: true, result: true })
    assert.deepEqual(await run(`${bound}/echo`), { p: 'package', b: 'binding' })
    assert.deepEqual(await run(`/${namespace}/${id}/echo`), { p: 'package' })
    const listed = await ow.packages.list({ limit: 200 })
    assert.equal(listed.find(each => each.name === id).binding, false)
    assert.deepEqual(listed.find(each => each.name === bound).binding, { namespace, name: id })
    await ow.packages.update({ name: id, package: { parameters: [] } })
    assert.deepEqual((await ow.packages.get(id)).parameters, [])
  },

  async triggers () {
    const id = await trigger({ trigger: { parameters: [{ key: 'a', value: 1 }] } })
    assert.deepEqual((await ow.triggers.get(id)).parameters, [{ key: 'a', value: 1 }])
    assert((await ow.triggers.list({ limit: 200 })).some(each => each.name === id))
    await ow.triggers.update({ name: id, trigger: { annotations: [{ key: 'x', value: 1 }] } })
    assert.equal((await ow.triggers.get(id)).version, '0.0.2')
    const target = await action()
    const rule = name()
    await ow.rules.create({ name: rule, action: target, trigger: id })
    undo.unshift(() => ow.rules.delete(rule))
    const fired = await ow.triggers.invoke({ name: id, params: { b: 2 } })
    const log = JSON.parse((await record(fired.activationId)).logs[0])
    const result = (await record(log.activationId)).response.result
    assert.deepEqual({ a: result.a, b: result.b }, { a: 1, b: 2 })
  },

  async rules () {
    const [target, source] = [await action(), await trigger()]
    const id = name()
    await ow.rules.create({ name: id, action: target, trigger: source })
    undo.unshift(() => ow.rules.delete(id))
    const state = async () => (await ow.rules.get(id)).status
    assert.equal(await state(), 'active')
    await ow.rules.disable({ name: id })
    assert.equal(await state(), 'inactive')
    await ow.rules.enable({ name: id })
    assert.equal(await state(), 'active')
    assert((await ow.rules.list({ limit: 200 })).some(each => each.name === id))
    const other = await action()
    await ow.rules.update({ name: id, action: other, trigger: source })
    assert.equal((await ow.rules.get(id)).action.name, other)
  },

  async activations () {
    const id = await action("function main(args) { console.log('logged'); return args }")
    const made = await ow.actions.invoke({ name: id, params: { a: 1 } })
    const found = await record(made.activationId)
    assert.deepEqual(found.response.result, { a: 1 })
    const logs = await eventually(async () => {
      const got = (await ow.activations.logs(made.activationId)).logs
      return got.length && got
    }, 'logs')
    assert.match(logs[0], /stdout: logged$/)
    assert.deepEqual((await ow.activations.result(made.activationId)).result, { a: 1 })
    const listed = await ow.activations.list({ name: id, limit: 10, docs: true })
    assert.deepEqual(listed.map(each => each.activationId), [made.activationId])
    assert.deepEqual(await ow.activations.list({ name: id, since: found.start + 60000 }), [])
    assert.deepEqual(await ow.activations.list({ name: id, count: true }), { activations: 1 })
  },

  async namespaces () {
    assert.deepEqual(await ow.namespaces.list(), [namespace])
    const id = await action()
    const all = await ow.namespaces.get()
    assert(all.actions.some(each => each.name === id))
    for (const kind of ['packages', 'triggers', 'rules']) assert(Array.isArray(all[kind]), kind)
  },

  async feeds () {
    const [target, source] = [await action(), await trigger()]
    const rule = name()
    await ow.rules.create({ name: rule, action: target, trigger: source })
    undo.unshift(() => ow.rules.delete(rule))
    const feed = { feedName: 'alarms/alarm', namespace: 'whisk.system', trigger: source }
    await ow.feeds.create({ ...feed, params: { cron: '* * * * * *', trigger_payload: { from: 'feed' } } })
    undo.unshift(() => ow.feeds.delete(feed))
    const state = await ow.feeds.get(feed)
    assert.equal(state.response.result.config.cron, '* * * * * *')
    const [run] = await eventually(async () => {
      const found = await ow.activations.list({ name: target, docs: true })
      return found.length && found
    }, 'a run of the schedule')
    assert.equal(run.response.result.from, 'feed')
    await ow.feeds.update({ ...feed, params: { cron: '0 0 1 1 *' } })
    assert.equal((await ow.feeds.get(feed)).response.result.config.cron, '0 0 1 1 *')
  },

  async routes () {
    const code = 'function main(args) { return {body: {path: args.__ow_path, who: args.who}} }'
    const id = await action(code, { annotations: { 'web-export': true } })
    const tokens = [client({ apigw_token: 'none' }), ow]
    for (const [number, each] of tokens.entries()) {
      const basepath = `/${prefix}-${number}`
      const made = await each.routes.create({ relpath: '/hello', basepath, operation: 'GET', action: id, responsetype: 'http' })
      undo.unshift(() => each.routes.delete({ basepath }).catch(() => {}))
      await each.routes.create({ relpath: '/users/{id}', basepath, operation: 'GET', action: `/${namespace}/${id}` })
      assert(made.gwApiUrl.endsWith(basepath), made.gwApiUrl)
      const hello = await fetchJson(`${made.gwApiUrl}/hello?who=me`)
      assert.equal(hello.status, 200, hello.text)
      assert.equal(JSON.parse(hello.text).who, 'me')
      assert.equal((await fetchJson(`${made.gwApiUrl}/users/7`)).status, 200)
      const { apis } = await each.routes.get({ basepath })
      assert.equal(apis.length, 1)
      assert.deepEqual(Object.keys(apis[0].value.apidoc.paths).sort(), ['/hello', '/users/{id}'])
      assert((await each.routes.list()).apis.some(api => api.value.gwApiUrl === made.gwApiUrl))
      await each.routes.delete({ basepath, relpath: '/hello' })
      assert.equal((await fetchJson(`${made.gwApiUrl}/hello`)).status, 404)
      await each.routes.delete({ basepath })
      assert.equal((await fetchJson(`${made.gwApiUrl}/users/7`)).status, 404)
    }
  },

  async errors () {
    const missing = await ow.actions.get(name()).catch(error => error)
    assert.equal(missing.name, 'OpenWhiskError')
    assert.equal(missing.statusCode, 404)
    assert.match(missing.message, /The requested resource does not exist\./)
    const wrongKey = client({ api_key: '00000000-1111-4222-8333-444444444444:wrong' })
    const refused = await wrongKey.actions.list().catch(error => error)
    assert.equal(refused.statusCode, 401)
    const failing = await action("function main() { return {error: 'mine'} }")
    const failed = await ow.actions.invoke({ name: failing, blocking: true }).catch(error => error)
    assert.equal(failed.statusCode, 502)
    assert.equal(failed.error.response.result.error, 'mine')
    assert.match(failed.message, /mine/)
  },

  async system () {
    const system = client({ namespace: 'whisk.system' })
    assert((await system.packages.list()).some(each => each.name === 'utils'))
    const run = (path, params) => ow.actions.invoke({ name: path, blocking: true, result: true, params })
    assert.deepEqual(await run('/whisk.system/utils/echo', { a: 1 }), { a: 1 })
    assert.deepEqual((await run('/whisk.system/utils/sort', { lines: ['b', 'a'] })).lines, ['a', 'b'])
    assert.equal((await ow.actions.get({ name: 'alarms/alarm', namespace: 'whisk.system', code: false })).name, 'alarm')
  }
}

async function main (which) {
  try {
    await cases[which]()
  } finally {
    for (const step of undo) await step()
  }
  console.log(`${which} passed`)
}

main(process.argv[2]).catch(error => {
  console.error(error)
  process.exitCode = 1
})
