'use strict'

const http = require('node:http')
const https = require('node:https')
const { events } = require('./events')
const { pause } = require('./pause')

const SILENCE_MS = 45000 // the heart of the event stream beats every 15 s
const ANSWER_MS = 70000
const PAUSES_MS = [500, 1000, 2000, 5000, 10000]
const ADVICE = {
  401: 'the key in OW_AUTH or .wskprops is not one of this service',
  403: 'the key in OW_AUTH or .wskprops is of another namespace',
  404: 'deploy first: serverless deploy',
  429: 'too many requests: wait a minute'
}

/** An answer that tells an error, or none at all (status 0). */
class ServiceError extends Error {
  constructor (status, text) {
    const advice = ADVICE[status]
    super(advice ? `${text} (${advice})` : text)
    this.status = status
  }
}

/** Argo's REST API, `/api/v1/argo`, and OpenWhisk's beside it. */
class Service {
  constructor ({ apihost, auth, insecure }) {
    this.url = new URL(apihost.includes('://') ? apihost : `https://${apihost}`)
    this.auth = auth
    this.insecure = insecure
  }

  /** The parsed answer of a path below /api/v1. */
  async json (method, path, body) {
    const response = await this.send(method, path, body, ANSWER_MS)
    const text = await read(response)
    let data
    try {
      data = text ? JSON.parse(text) : null
    } catch {
      throw new ServiceError(response.statusCode, `${this.url.origin} is no OpenWhisk service: it does not answer JSON`)
    }
    if (response.statusCode >= 400) throw this.refused(response.statusCode, path, data)
    return data
  }

  refused (status, path, data) {
    if (status === 404 && path.startsWith('argo/') && !(data && data.code)) {
      return new ServiceError(status, `${this.url.origin} is an OpenWhisk, but no Argo: it has no /api/v1/argo`)
    }
    return new ServiceError(status, (data && data.error) || `the service answered ${status}`)
  }

  /** The response itself, whose body is yet to be read. */
  send (method, path, body, silence, headers = {}) {
    const client = this.url.protocol === 'http:' ? http : https
    const data = body === undefined ? undefined : JSON.stringify(body)
    const options = {
      method,
      rejectUnauthorized: !this.insecure,
      timeout: silence,
      headers: {
        Authorization: `Basic ${Buffer.from(this.auth).toString('base64')}`,
        ...(data === undefined ? {} : { 'Content-Type': 'application/json' }),
        ...headers
      }
    }
    return new Promise((resolve, reject) => {
      const fail = (error) => reject(new ServiceError(0, `${this.url.origin} does not answer: ${error.message}`))
      const request = client.request(new URL(`/api/v1/${path}`, this.url), options, resolve)
      request.on('error', fail)
      request.on('timeout', () => request.destroy(new Error('it is silent')))
      request.end(data)
    })
  }

  /**
   * Events for ever, over breaks of the connection. `opened` and `gap` tell that some may be missing: read the lists.
   * Ends when `signal` is aborted.
   */
  async * follow (types, name, signal) {
    let last = ''
    let tries = 0
    while (!signal.aborted) {
      try {
        for await (const event of this.once(types, name, last, signal)) {
          if (event.id) last = event.id
          tries = 0
          yield event
        }
      } catch (error) {
        if (error.status && error.status < 500) throw error
      }
      await pause(PAUSES_MS[Math.min(tries++, PAUSES_MS.length - 1)], signal)
    }
  }

  async * once (types, name, last, signal) {
    const query = new URLSearchParams({ types: types.join(','), ...(name ? { name } : {}) })
    const headers = { Accept: 'text/event-stream', ...(last ? { 'Last-Event-ID': last } : {}) }
    const response = await this.send('GET', `argo/events?${query}`, undefined, SILENCE_MS, headers)
    if (response.statusCode !== 200) {
      throw this.refused(response.statusCode, 'argo/events', parsed(await read(response)))
    }
    const stop = () => response.destroy()
    signal.addEventListener('abort', stop)
    try {
      yield { type: 'opened', data: {} }
      yield * events(response)
    } finally {
      signal.removeEventListener('abort', stop)
      response.destroy()
    }
  }
}

async function read (response) {
  const parts = []
  for await (const part of response) parts.push(part)
  return Buffer.concat(parts).toString()
}

function parsed (text) {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** The path of an action's name, segment by segment. */
function pathOf (action) {
  return action.split('/').map(encodeURIComponent).join('/')
}

module.exports = { Service, ServiceError, pathOf }
