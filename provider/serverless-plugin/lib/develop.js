'use strict'

const fs = require('node:fs/promises')
const path = require('node:path')
const { pause } = require('./pause')

const LOOK_MS = 300
const IGNORED = new Set(['node_modules', '.git', '.serverless', '__pycache__'])

/** Deploys now, and whenever a file of the folder came, went or was written. A failure is said, and the next tried. */
async function develop ({ folder, deploy, say, signal }) {
  let before
  while (!signal.aborted) {
    const now = await stamp(folder)
    if (now !== before) {
      before = now
      const began = Date.now()
      try {
        await deploy()
        say(`deployed in ${Date.now() - began} ms`)
      } catch (error) {
        say(`not deployed: ${error.message}`)
      }
    }
    await pause(LOOK_MS, signal)
  }
}

/** Name, time and size of every file that belongs to the service. */
async function stamp (folder) {
  const lines = []
  for (const entry of await fs.readdir(folder, { withFileTypes: true })) {
    if (IGNORED.has(entry.name)) continue
    const full = path.join(folder, entry.name)
    if (entry.isDirectory()) {
      lines.push(await stamp(full))
    } else {
      const status = await fs.stat(full).catch(() => undefined) // gone meanwhile
      if (status) lines.push(`${full} ${status.mtimeMs} ${status.size}`)
    }
  }
  return lines.sort().join('\n')
}

module.exports = { develop, stamp }
