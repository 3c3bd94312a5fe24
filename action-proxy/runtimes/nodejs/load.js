'use strict';
// Finds the handler in an action's code: source text, or a base64 zip with package.json or index.js at its root.

const fs = require('node:fs');
const path = require('node:path');
const os = require('node:os');
const vm = require('node:vm');
const Module = require('node:module');
const { pathToFileURL } = require('node:url');

const ES_MODULE_SYNTAX = /Cannot use import statement|Unexpected token 'export'|import\.meta|await is only valid/;
const NAME = /^[\p{ID_Start}$_][\p{ID_Continue}$]*(\.[\p{ID_Start}$_][\p{ID_Continue}$]*)*$/u;

/** @param {{main?: string, code: string | Buffer, binary?: boolean}} message code: source, base64, or the archive itself */
async function loadHandler(message) {
  const main = message.main || 'main';
  const handler = message.binary ? await fromArchive(message.code, main) : await fromSource(message.code, main);
  if (typeof handler !== 'function') throw `Action entrypoint '${main}' is not a function.`; // eslint-disable-line no-throw-literal -- users know this text without a stack
  return handler;
}

function workFolder() {
  return fs.mkdtempSync(path.join(process.env.ARGO_WORK || os.tmpdir(), 'action-'));
}

function lookUp(exported, name) {
  return name.split('.').reduce((value, part) => (value === undefined || value === null ? undefined : value[part]), exported);
}

// Asked before the code is run: newer versions of Node.js would run it as a module, and once more for the handler.
function isModuleSource(code) {
  if (!/^\s*(import|export)\b/m.test(code)) return false;
  try {
    new vm.Script(`(function () {${code}\n})`);
  } catch (error) {
    return error instanceof SyntaxError && ES_MODULE_SYNTAX.test(error.message);
  }
  return false;
}

async function fromSource(code, main) {
  if (!NAME.test(main)) return undefined;
  if (isModuleSource(code)) return fromModuleSource(code, main);
  const filename = path.join(os.tmpdir(), 'action.js');
  const module = new Module(filename, null);
  module.filename = filename;
  module.paths = Module._nodeModulePaths(path.dirname(filename));
  const found = Symbol.for('argo.handler');
  // The handler is usually a plain function of the text, not an export: look it up where it is in scope.
  const epilogue = `\n;module[Symbol.for('argo.handler')] = (() => { try { return ${main}; } catch (e) { if (e instanceof ReferenceError) return undefined; throw e; } })();`;
  module._compile(code + epilogue, filename);
  return module[found] || lookUp(module.exports, main);
}

async function fromModuleSource(code, main) {
  const file = path.join(workFolder(), 'action.mjs');
  fs.writeFileSync(file, code);
  const exported = await import(pathToFileURL(file).href);
  return lookUp(exported, main) || lookUp(exported.default, main);
}

/** "folder/file.function" names a file of the archive; else the package's own entry is used. */
function splitMain(main) {
  const match = /^([\w./-]+)\.([\w$]+)$/.exec(main);
  return match ? { file: match[1], name: match[2] } : { file: '', name: main };
}

async function fromArchive(code, main) {
  const folder = workFolder();
  require('./unzip.js').unzip(Buffer.isBuffer(code) ? code : Buffer.from(code, 'base64'), folder);
  process.chdir(folder);
  const { file, name } = splitMain(main);
  if (!file && !fs.existsSync('package.json') && !fs.existsSync('index.js')) {
    throw 'Zipped actions must contain either package.json or index.js at the root.'; // eslint-disable-line no-throw-literal -- users know this text without a stack
  }
  const wanted = path.join(folder, file);
  const exported = await requireOrImport(wanted);
  return lookUp(exported, name) || lookUp(exported.default, name);
}

async function requireOrImport(wanted) {
  const from = Module.createRequire(path.join(wanted, 'index.js'));
  try {
    return from(wanted);
  } catch (error) {
    if (error.code !== 'ERR_REQUIRE_ESM' && error.code !== 'ERR_REQUIRE_ASYNC_MODULE') throw error;
    return import(pathToFileURL(from.resolve(wanted)).href);
  }
}

module.exports = { loadHandler };
