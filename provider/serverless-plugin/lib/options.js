'use strict'

/** The options of a function, as the framework's schema has them; `faults` reads the same. */
const SCHEMA = {
  type: 'object',
  properties: {
    tier: { enum: ['auto', 'ordinary', 'native'] },
    sandbox: { enum: ['auto', 'process', 'container', 'microvm', 'niuk'] },
    idempotent: { type: 'boolean' },
    warm: { type: 'integer', minimum: 0, maximum: 100 }
  }
}
const EXAMPLES = { tier: 'tier: native', sandbox: 'sandbox: process', idempotent: 'idempotent: true', warm: 'warm: 1' }

/** Tells the framework, so that its own validation and editors know the options. */
function define (serverless) {
  const handler = serverless.configSchemaHandler
  if (handler && handler.defineFunctionProperties) handler.defineFunctionProperties('openwhisk', SCHEMA)
}

/** Sentences about what is wrong with a function's options; the framework only warns, and only in some modes. */
function faults (name, options) {
  return Object.entries(SCHEMA.properties)
    .filter(([option]) => options && options[option] !== undefined)
    .map(([option, allowed]) => [option, fault(options[option], allowed)])
    .filter(([, text]) => text)
    .map(([option, text]) => {
      const is = JSON.stringify(options[option])
      return `functions.${name}.${option} ${text}, and is ${is}; for example: ${EXAMPLES[option]}`
    })
}

function fault (value, allowed) {
  if (allowed.enum) return allowed.enum.includes(value) ? '' : `must be one of ${allowed.enum.join(', ')}`
  if (allowed.type === 'boolean') return typeof value === 'boolean' ? '' : 'must be true or false'
  const fits = Number.isInteger(value) && value >= allowed.minimum && value <= allowed.maximum
  return fits ? '' : `must be a whole number from ${allowed.minimum} to ${allowed.maximum}`
}

/** The options as annotations `argo.…`; an annotation that is written out wins. Nothing is touched without them. */
function annotate (options) {
  const given = Object.keys(SCHEMA.properties).filter((option) => options[option] !== undefined)
  if (!given.length) return
  const ours = Object.fromEntries(given.map((option) => [`argo.${option}`, options[option]]))
  options.annotations = { ...ours, ...options.annotations }
}

module.exports = { SCHEMA, define, faults, annotate }
