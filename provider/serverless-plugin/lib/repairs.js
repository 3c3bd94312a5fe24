'use strict'

/**
 * serverless-openwhisk 0.18.4 clears `feed` of every trigger while it deploys the triggers, and then finds no feed to
 * create: no schedule fires. Here the feeds stay.
 */
function keepFeeds (serverless) {
  for (const trigger of Object.values(serverless.service.triggers || {})) {
    const feed = trigger.feed
    const held = { get: () => feed, set () {}, enumerable: true, configurable: true }
    if (feed) Object.defineProperty(trigger, 'feed', held)
  }
}

/**
 * `deploy function` under Framework 3: the framework writes the artefact into `package` of the function, and
 * serverless-openwhisk reads it there; where serverless.yml has no such key, both use objects of their own, and
 * reading `artifact` of undefined fails before any request.
 */
function givePackage (serverless, name) {
  const options = serverless.service.functions[name]
  if (options && !options.package) options.package = {}
}

module.exports = { keepFeeds, givePackage }
