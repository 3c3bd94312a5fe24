'use strict';
// argo.invoke(name, params): calls another action over the API and waits. The same as inside a NIUk, where the call stays in the process:
// the result also where it holds `error`; any other end rejects with an Error whose `result` is the answer. `params` as a string is JSON
// that is passed on as it is; the result is JSON text then, too.

const SUCCEEDED = ['success', 'application error'];

function pathOf(name) {
  const [namespace, ...rest] = name.startsWith('/') ? name.slice(1).split('/') : ['_', ...name.split('/')];
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}/actions/${rest.map(encodeURIComponent).join('/')}?blocking=true`;
}

function post(url, body) {
  const { request } = url.protocol === 'https:' ? require('https') : require('http');
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  return new Promise((resolve, reject) => {
    const asked = request(url, { method: 'POST', headers, auth: process.env.__OW_API_KEY }, (response) => {
      const chunks = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode, text: Buffer.concat(chunks).toString() }));
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

function failed(name, body) {
  const error = new Error(typeof body.error === 'string' ? body.error : `The action ${name} failed.`);
  error.result = body;
  return error;
}

async function invoke(name, params = {}) {
  const raw = typeof params === 'string';
  if (!process.env.__OW_API_HOST || !process.env.__OW_API_KEY) throw failed(name, { error: 'argo.invoke: this sandbox has no API host and key' });
  const { status, text } = await post(new URL(pathOf(String(name)), process.env.__OW_API_HOST), raw ? params : JSON.stringify(params));
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    throw failed(name, { error: `The API answered ${status} without JSON.` });
  }
  if (answer.response === undefined) throw failed(name, status === 202 ? { error: 'The called action did not end in time.', ...answer } : answer);
  const { status: ended, result } = answer.response;
  if (!SUCCEEDED.includes(ended)) throw failed(name, result);
  return raw ? JSON.stringify(result) : result;
}

module.exports = { invoke };
