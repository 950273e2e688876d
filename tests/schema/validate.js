// validate.js SCHEMA valid FILE...          each scenario is valid
// validate.js SCHEMA broken BEYOND FILE...  each scenario is not, but those that BEYOND lists, with why no schema sees it
// validate.js SCHEMA output CODE COMMAND... what the command prints is a valid JSON document, and it ends with the code
'use strict';
const childProcess = require('child_process');
const fs = require('fs');
const path = require('path');
const Ajv = require('ajv');
const yaml = require('js-yaml');

const [schemaFile, what, ...rest] = process.argv.slice(2);
const ajv = new Ajv({allErrors: false});
const schema = JSON.parse(fs.readFileSync(schemaFile, 'utf8'));
if (!ajv.validateSchema(schema)) throw new Error(`${schemaFile}: ${ajv.errorsText()}`);
const validate = ajv.compile(schema);
let wrong = 0;

function say(text) {
  console.log(text);
  wrong++;
}

// What is furthest down says most: others are alternatives that were not meant.
function deepest(errors) {
  const e = errors.reduce((a, b) => (b.dataPath.length > a.dataPath.length ? b : a));
  return `${e.dataPath} ${e.message}`;
}

// NULL, or what is wrong, as an editor would find it: its YAML, or against the schema.
function complaint(file) {
  let document;
  try {
    document = yaml.load(fs.readFileSync(file, 'utf8'), {schema: yaml.CORE_SCHEMA});
  } catch (e) {
    return `YAML: ${e.reason}`;
  }
  return validate(document) ? null : deepest(validate.errors);
}

function readBeyond(file) {
  const classes = new Map(), listed = new Map();
  for (const line of fs.readFileSync(file, 'utf8').split('\n')) {
    const words = line.trim().split(/\s+/);
    if (line.startsWith('#') || !words[0]) continue;
    if (words[0].endsWith(':')) classes.set(words[0].slice(0, -1), words.slice(1).join(' '));
    else listed.set(words[0], words[1]);
  }
  for (const [name, kind] of listed) if (!classes.has(kind)) say(`${file}: ${name}: no class \`${kind}\``);
  return listed;
}

if (what === 'valid') {
  for (const file of rest) {
    const found = complaint(file);
    if (found) say(`${file}: ${found}`);
  }
} else if (what === 'broken') {
  const listed = readBeyond(rest.shift());
  for (const file of rest) {
    const name = path.basename(file, '.yaml');
    if (fs.readFileSync(file.replace(/yaml$/, 'txt'), 'utf8') === '') continue;
    const found = complaint(file);
    if (!found && !listed.has(name)) say(`${file}: valid, though it is broken`);
    if (found && listed.has(name)) say(`${file}: is listed as beyond the schema, and is not: ${found}`);
    listed.delete(name);
  }
  for (const name of listed.keys()) say(`${name}: is listed, and there is no such file`);
} else {
  const [code, command, ...args] = rest;
  const run = childProcess.spawnSync(command, args, {encoding: 'utf8', maxBuffer: 64 << 20});
  if (run.status !== Number(code)) say(`${command}: ${run.error || `ends with ${run.status}`}: ${run.stderr}`);
  if (!validate(JSON.parse(run.stdout))) say(deepest(validate.errors));
}
process.exitCode = wrong ? 1 : 0;
