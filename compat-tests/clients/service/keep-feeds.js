'use strict'

/**
 * serverless-openwhisk 0.18.4 clears `feed` of every trigger while it deploys the triggers, and then finds no feed to
 * create: no schedule ever fires. This local plugin holds on to the feeds. Put `./keep-feeds` under `plugins`.
 */
class KeepFeeds {
  constructor (serverless) {
    this.hooks = { 'before:deploy:deploy': () => this.keep(serverless.service.triggers || {}) }
  }

  keep (triggers) {
    for (const trigger of Object.values(triggers)) {
      const feed = trigger.feed
      if (feed) Object.defineProperty(trigger, 'feed', { get: () => feed, set () {}, enumerable: true })
    }
  }
}

module.exports = KeepFeeds
