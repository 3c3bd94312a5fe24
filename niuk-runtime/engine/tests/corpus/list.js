'use strict';
// Prints the corpus as JSON: [{name, code, params: JSON text, …}], and with `--run` each with what Node.js answers.

const path = require('node:path');

const runtimes = path.resolve(__dirname, '../../../../action-proxy/runtimes/nodejs');
const { loadHandler } = require(path.join(runtimes, 'load.js'));
const { callHandler } = require(path.join(runtimes, 'action.js'));

async function answer(code, params) {
  const write = process.stderr.write;
  process.stderr.write = () => true;
  try {
    const handler = await loadHandler({ code, main: 'main' });
    return await new Promise((resolve) => callHandler(handler, JSON.parse(params), (status, body) => resolve({ status, body })));
  } finally {
    process.stderr.write = write;
  }
}

async function all() {
  const pairs = [];
  for (const file of ['language', 'standard', 'builtins']) {
    for (const [name, [code, inputs]] of Object.entries(require(`./${file}.js`))) {
      for (const input of inputs) {
        const pair = { name: `${file}.${name}`, code: String(code), params: JSON.stringify(input) };
        pairs.push({ ...pair, ...(await answer(pair.code, pair.params)) });
      }
    }
  }
  return pairs;
}

process.env.TZ = 'UTC';
all().then((pairs) => process.stdout.write(JSON.stringify(pairs)));
