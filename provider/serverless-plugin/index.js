'use strict'

const commands = require('./lib/commands')
const { define, faults, annotate } = require('./lib/options')
const { keepFeeds, givePackage } = require('./lib/repairs')
const { Service } = require('./lib/service')

/**
 * Beside serverless-openwhisk, which deploys, invokes and removes as ever. This plugin turns the options `tier`,
 * `sandbox`, `idempotent` and `warm` of a function into Argo's annotations, mends what is broken in the other plugin,
 * and adds `serverless argo …`. A service that uses none of it is deployed as before, byte for byte.
 */
class ServerlessArgo {
  constructor (serverless, options, { log } = {}) {
    this.serverless = serverless
    this.options = options || {}
    this.log = log || { notice: (text) => serverless.cli.log(text), warning: (text) => serverless.cli.log(text) }
    this.commands = commands.tree
    this.hooks = {}
    if (serverless.service.provider.name !== 'openwhisk') return
    define(serverless)
    this.hooks = {
      initialize: () => this.check(),
      'before:package:createDeploymentArtifacts': () => this.annotate(),
      'before:package:compileFunctions': () => this.annotate(),
      'before:deploy:deploy': () => keepFeeds(serverless),
      'before:deploy:function:packageFunction': () => {
        givePackage(serverless, this.options.function)
        this.annotate()
      },
      ...commands.hooks(this)
    }
  }

  /** Ends with every mistake at once: an option that is not what it may be would only be seen at its first call. */
  check () {
    const found = Object.entries(this.serverless.service.functions || {}).flatMap(([name, options]) =>
      faults(name, options))
    if (found.length) throw this.error(found.join('\n'))
  }

  annotate () {
    for (const options of Object.values(this.serverless.service.functions || {})) annotate(options)
  }

  /** A failure that the framework prints without a stack. */
  error (text) {
    const Failure = this.serverless.classes.Error
    return new Failure(text, 'ARGO')
  }

  /** The service behind the credentials that serverless-openwhisk uses. */
  async service () {
    const provider = this.serverless.getProvider('openwhisk')
    if (!provider) throw this.error('serverless-argo works beside serverless-openwhisk: put both under plugins')
    const properties = await provider.props()
    const insecure = Boolean(this.serverless.service.provider.ignore_certs)
    return new Service({ apihost: properties.apihost, auth: properties.auth, insecure })
  }

  /** The functions of this service: the key in serverless.yml, and the action's name. */
  functions () {
    const { service } = this.serverless
    return Object.entries(service.functions || {}).map(([key, options]) => ({
      key, action: (options.name || `${service.service}_${key}`).replace(/^\/[^/]+\//, '')
    }))
  }

  /** The function that `--function` names. */
  chosen () {
    const wanted = this.options.function
    const known = this.functions()
    if (!wanted && known.length === 1) return known[0]
    const found = known.find(({ key }) => key === wanted)
    if (found) return found
    const names = known.map(({ key }) => key).join(', ')
    throw this.error(wanted ? `there is no function ${wanted}; there are: ${names}` : `say which: --function ${names}`)
  }

  say (text) {
    process.stdout.write(`${text}\n`)
  }
}

module.exports = ServerlessArgo
