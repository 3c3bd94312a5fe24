'use strict'

/** So long, or until `signal` is aborted. */
function pause (milliseconds, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(end, signal.aborted ? 0 : milliseconds)
    signal.addEventListener('abort', end)
    function end () {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      resolve()
    }
  })
}

module.exports = { pause }
