'use strict'

const { plain, stripped } = require('./text')
const { pathOf } = require('./service')

const PAGE = 200
const LONGEST_MS = 600000 // a record is listed by when it began, and comes when it ended
const REMEMBERED = 20000

/** Records of one action with their logs, each once; none is missed over a break, because the lists are read again. */
class Follower {
  constructor (service, action) {
    this.service = service
    this.action = action
    this.seen = new Set()
    this.since = 0
  }

  async * records (signal) {
    await this.baseline()
    for await (const event of this.service.follow(['activation'], this.action, signal)) {
      if (event.type === 'activation') {
        if (this.isNew(event.data)) yield { ...event.data, logs: await this.logs(event.data) }
      } else if (event.type === 'opened' || event.type === 'gap') {
        for (const record of await this.listed()) if (this.isNew(record)) yield record
      }
    }
  }

  async baseline () {
    const query = new URLSearchParams({ name: this.action, limit: '1' })
    const [latest] = await this.service.json('GET', `namespaces/_/activations?${query}`)
    this.since = Math.max(0, (latest ? latest.start : 0) - LONGEST_MS)
    for (const record of await this.listed()) this.isNew(record)
  }

  /** All records since then, the oldest first. */
  async listed () {
    const found = []
    for (let more = [{}]; more.length && found.length % PAGE === 0;) {
      const query = new URLSearchParams({
        name: this.action, docs: 'true', limit: String(PAGE), skip: String(found.length), since: String(this.since)
      })
      more = await this.service.json('GET', `namespaces/_/activations?${query}`)
      found.push(...more)
    }
    return found.reverse()
  }

  isNew (record) {
    if (this.seen.has(record.activationId)) return false
    this.seen.add(record.activationId)
    if (this.seen.size > REMEMBERED) this.seen.delete(this.seen.values().next().value)
    this.since = Math.max(this.since, record.start - LONGEST_MS)
    return true
  }

  async logs (record) {
    try {
      return (await this.service.json('GET', `namespaces/_/activations/${pathOf(record.activationId)}/logs`)).logs
    } catch (error) {
      if (error.status) return []
      throw error
    }
  }
}

/** The lines that a record prints. */
function linesOf (record) {
  const at = new Date(record.start).toISOString().slice(11, 19)
  const head = `${at} ${record.activationId.slice(0, 8)}`
  const status = (record.response && record.response.status) || 'success'
  const lines = (record.logs || []).map((line) => `${head} ${plain(stripped(line))}`)
  return [...lines, `${head} ${status} in ${record.duration || 0} ms`]
}

module.exports = { Follower, linesOf }
