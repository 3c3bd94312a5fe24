// The functions of the benches in JavaScript, the same for Node.js and for an isolate. "repeat": see Bench.java.
'use strict';
const crypto = require('crypto');

const NODES = 1000;
const EDGES = 8;
const SIZE = 16 * 1024;

function text(length) {
  let out = '';
  for (let i = 0; out.length < length; i++) out += `line ${(i * 7919) % 1000} of a text; `;
  return out.slice(0, length);
}

function hello(params) {
  return { greeting: `Hello, ${params.name || 'stranger'}!` };
}

function json(params) {
  const totals = new Map();
  for (const { group, value } of params.records) {
    const total = totals.get(group) || [0, 0];
    total[0] += value;
    total[1]++;
    totals.set(group, total);
  }
  const names = [...totals.keys()].sort();
  return { groups: names.map((group) => ({ group, total: totals.get(group)[0], mean: totals.get(group)[0] / totals.get(group)[1] })) };
}

function hash() {
  return { sha256: crypto.createHash('sha256').update(text(SIZE)).digest('hex') };
}

function bfs() {
  const edges = [];
  let seed = 42;
  for (let node = 0; node < NODES; node++) {
    const of = [];
    for (let i = 0; i < EDGES; i++) {
      seed = (Math.imul(seed, 1103515245) + 12345) | 0;
      of.push((seed >>> 8) % NODES);
    }
    edges.push(of);
  }
  const distance = new Array(NODES).fill(-1);
  const next = [0];
  distance[0] = 0;
  let sum = 0;
  for (let at = 0; at < next.length; at++) {
    const node = next[at];
    sum += distance[node];
    for (const to of edges[node]) {
      if (distance[to] < 0) {
        distance[to] = distance[node] + 1;
        next.push(to);
      }
    }
  }
  return { reached: next.length, sum };
}

const ESCAPES = { '<': '&lt;', '>': '&gt;', '&': '&amp;', '"': '&quot;' };

function template() {
  let page = '<table>\n';
  for (let row = 0; row < 60; row++) {
    page += `  <tr><td>${row}</td><td>${`a < b & "c" #${row}`.replace(/[<>&"]/g, (c) => ESCAPES[c])}</td></tr>\n`;
  }
  return { html: `${page}</table>\n` };
}

// LZ77 with a table of the last place of each three characters; no zlib, which the engine does not have.
function compress() {
  const input = text(SIZE);
  const last = new Map();
  let tokens = 0;
  for (let at = 0; at < input.length; ) {
    const key = input.slice(at, at + 3);
    const found = last.get(key);
    last.set(key, at);
    let length = 0;
    if (found !== undefined) {
      while (length < 258 && at + length < input.length && input.charCodeAt(found + length) === input.charCodeAt(at + length)) length++;
    }
    at += Math.max(1, length);
    tokens++;
  }
  return { tokens };
}

const FUNCTIONS = { hello, json, hash, bfs, template, compress, echo: (params) => params };

function main(params) {
  const called = FUNCTIONS[params.f || 'hello'];
  if (params.repeat === undefined) return called(params);
  const began = performance.now();
  for (let i = 0; i < params.repeat; i++) called(params);
  return { ns: Math.round((performance.now() - began) * 1e6) };
}
