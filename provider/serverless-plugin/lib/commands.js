'use strict'

const { develop } = require('./develop')
const { Follower, linesOf } = require('./follow')
const { pathOf } = require('./service')
const { ago, plain, table } = require('./text')

const FUNCTION = { usage: 'The function, as serverless.yml names it', shortcut: 'f', type: 'string' }
const tree = {
  argo: {
    usage: 'See and steer what Argo does with this service',
    commands: {
      status: { usage: 'The machine, and the functions of this service', lifecycleEvents: ['show'] },
      tiers: { usage: 'Where each function runs, why, and what would change it', lifecycleEvents: ['show'] },
      logs: {
        usage: 'Logs of a function',
        lifecycleEvents: ['show'],
        options: { function: FUNCTION, tail: { usage: 'Follow them, over restarts', shortcut: 't', type: 'boolean' } }
      },
      dev: {
        usage: 'Deploy a function whenever its files change, and show its logs',
        lifecycleEvents: ['run'],
        options: { function: FUNCTION }
      },
      rollback: {
        usage: 'Bring an earlier version of a function back',
        lifecycleEvents: ['run'],
        options: { function: FUNCTION, to: { usage: 'Which version; the one before, if not given', type: 'string' } }
      }
    }
  }
}

function hooks (plugin) {
  const run = (use) => async () => {
    const service = await plugin.service()
    try {
      await use(plugin, service)
    } catch (error) {
      throw error.name === 'ServerlessError' || error.status === undefined ? error : plugin.error(error.message)
    }
  }
  return {
    'argo:status:show': run(status),
    'argo:tiers:show': run(tiers),
    'argo:logs:show': run(logs),
    'argo:dev:run': run(dev),
    'argo:rollback:run': run(rollback)
  }
}

async function status (plugin, service) {
  const machine = await service.json('GET', 'argo/machine')
  const { pool = {} } = machine
  plugin.say(`${service.url.origin}: version ${machine.version}, up ${ago(machine.uptimeSeconds * 1000)},` +
    ` ${Math.round(machine.cpuPercent || 0)} % of ${machine.cpus} CPUs,` +
    ` ${pool.memoryUsedMb || 0} of ${pool.memoryLimitMb || 0} MB granted`)
  for (const sentence of machine.degraded || []) plugin.say(`degraded: ${plain(sentence)}`)
  const rows = await Promise.all(plugin.functions().map((each) => statusRow(service, each)))
  plugin.say(table(['FUNCTION', 'TIER', 'STATE', 'CALLS/MIN', 'P50', 'P99', 'ERRORS'], rows))
}

async function statusRow (service, { key, action }) {
  const query = new URLSearchParams({ search: action, limit: '200' })
  const { functions } = await service.json('GET', `argo/functions?${query}`)
  const found = functions.find(({ name }) => name === action)
  if (!found) return [key, '-', 'not deployed', '-', '-', '-', '-']
  const milliseconds = (value) => (value === null || value === undefined ? '-' : `${value.toFixed(1)} ms`)
  const rate = found.ratePerMinute.toFixed(1)
  const errors = `${(found.errorShare * 100).toFixed(1)} %`
  return [key, found.tier, found.state, rate, milliseconds(found.p50), milliseconds(found.p99), errors]
}

async function tiers (plugin, service) {
  for (const { key, action } of plugin.functions()) {
    const tier = await service.json('GET', `argo/tiers/${pathOf(action)}`)
    plugin.say(`${key} is ${tier.state}, for ${ago(Date.now() - tier.since)}: ${plain(tier.reason)}`)
    plugin.say(`  next: ${plain(tier.next)}`)
  }
}

async function logs (plugin, service) {
  const { action } = plugin.chosen()
  if (!plugin.options.tail) {
    const query = new URLSearchParams({ name: action, docs: 'true', limit: '30' })
    const records = await service.json('GET', `namespaces/_/activations?${query}`)
    for (const record of records.reverse()) for (const line of linesOf(record)) plugin.say(line)
    return
  }
  await interruptible((signal) => tail(plugin, service, action, signal))
}

async function tail (plugin, service, action, signal) {
  for await (const record of new Follower(service, action).records(signal)) {
    for (const line of linesOf(record)) plugin.say(line)
  }
}

async function dev (plugin, service) {
  const { key, action } = plugin.chosen()
  plugin.options.function = key
  const options = plugin.serverless.service.functions[key]
  const configured = { ...options.package }
  await interruptible((signal) => Promise.all([
    tail(plugin, service, action, signal),
    develop({
      folder: plugin.serverless.serviceDir || plugin.serverless.config.servicePath,
      deploy: () => {
        options.package = { ...configured } // without the artefact of the last time, which is gone
        return plugin.serverless.pluginManager.spawn('deploy:function')
      },
      say: (text) => plugin.say(text),
      signal
    })
  ]))
}

/** Until Ctrl-C. */
async function interruptible (use) {
  const controller = new AbortController()
  const stop = () => controller.abort()
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  try {
    await use(controller.signal)
  } finally {
    controller.abort()
    process.removeListener('SIGINT', stop)
    process.removeListener('SIGTERM', stop)
  }
}

async function rollback (plugin, service) {
  const { key, action } = plugin.chosen()
  const { versions } = await service.json('GET', `argo/versions/${pathOf(action)}`)
  const wanted = plugin.options.to
  const target = wanted ? versions.find(({ version }) => version === wanted) : versions.find(({ current }) => !current)
  if (!target) {
    const known = versions.map(({ version }) => version).join(', ')
    const why = wanted ? `there is no version ${wanted} of ${key}; there are: ${known}` : `${key} has one version only`
    throw plugin.error(why)
  }
  const old = `argo/versions/${pathOf(action)}/${encodeURIComponent(target.version)}`
  const made = await service.json('POST', `${old}/restore`)
  plugin.say(`${key} is what it was in version ${target.version}, as version ${made.version}`)
}

module.exports = { tree, hooks }
