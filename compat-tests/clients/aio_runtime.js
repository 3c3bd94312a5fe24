'use strict'
// `aio runtime …` without the rest of aio: the plugin is run as a command line of its own.
const { dirname } = require('node:path')
const root = dirname(require.resolve('@adobe/aio-cli-plugin-runtime/package.json'))
const oclif = require(require.resolve('@oclif/core', { paths: [root] }))

oclif.run(process.argv.slice(2), root).then(() => oclif.flush()).catch(oclif.Errors.handle)
