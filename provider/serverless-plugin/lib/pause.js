'use strict'

/** So long, or until `signal` is aborted. */
function pause (milliseconds, signal) {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve()
      return
    }
    let timer
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
    timer = setTimeout(end, milliseconds)
    signal.addEventListener('abort', end)
  })
}

module.exports = { pause }
