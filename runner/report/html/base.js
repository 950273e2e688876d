'use strict';

/* Elements, numbers and text that is safe to look at. Text goes into the page as text nodes only. */

const svgSpace = 'http://www.w3.org/2000/svg';

function fill(node, attributes, children) {
    for (const name in attributes) {
        const value = attributes[name];
        if (value === undefined || value === null || value === false) continue;
        if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
        else node.setAttribute(name, value === true ? '' : value);
    }
    for (const child of children.flat(2)) {
        if (child === undefined || child === null || child === false) continue;
        node.append(child);
    }
    return node;
}

function el(name, attributes, ...children) {
    return fill(document.createElement(name), attributes, children);
}

function svg(name, attributes, ...children) {
    return fill(document.createElementNS(svgSpace, name), attributes, children);
}

const verdicts = {
    error: {sign: '\u2298', past: 'with errors'},
    fail: {sign: '\u2717', past: 'failed'},
    xpass: {sign: '\u25c6', past: 'passed against expectation'},
    warn: {sign: '\u25b2', past: 'passed with warnings'},
    xfail: {sign: '\u25c7', past: 'failed as expected'},
    pass: {sign: '\u2713', past: 'passed'},
    skip: {sign: '\u2013', past: 'skipped'},
    unfinished: {sign: '\u2026', past: 'unfinished'},
};
const verdictNames = Object.keys(verdicts);

function badge(verdict) {
    return el('span', {class: `badge ${verdict}`}, el('span', {class: 'sign', 'aria-hidden': 'true'}, verdicts[verdict].sign),
              verdict);
}

function grouped(n) {
    return String(n).replace(/\B(?=(\d{3})+$)/g, ',');
}

function plural(n, word) {
    return `${grouped(n)} ${word}${n === 1 ? '' : 's'}`;
}

/* ns as three digits and a unit. */
function duration(ns) {
    const units = [['s', 1e9], ['ms', 1e6], ['\u00b5s', 1e3]];
    for (const [unit, size] of units) {
        if (Math.abs(ns) < size) continue;
        const n = ns / size;
        return `${Math.abs(n) >= 1000 ? grouped(Math.round(n)) : n.toPrecision(3)} ${unit}`;
    }
    return `${Math.round(ns)} ns`;
}

/* ns since the case began: always in milliseconds, so that a column can be read. */
function clock(ns) {
    const [whole, part] = (Math.max(0, ns) / 1e6).toFixed(3).split('.');
    return `${grouped(whole)}.${part}`;
}

function size(bytes) {
    if (bytes < 10240) return `${grouped(bytes)} B`;
    if (bytes < 10485760) return `${(bytes / 1024).toPrecision(3)} KiB`;
    return `${(bytes / 1048576).toPrecision(3)} MiB`;
}

/* Characters that nobody sees, or that move others about, as something that stands still. */
const unseen = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;

function escaped(c) {
    const code = c.codePointAt(0);
    const short = {9: '\\t', 10: '\\n', 13: '\\r'}[code];
    return short || (code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`);
}

function safe(text) {
    return String(text === undefined || text === null ? '' : text).replace(unseen, escaped);
}

/* In one line. */
function flat(text) {
    return safe(String(text).replace(/[\t\n]/g, escaped));
}

function cut(text, most) {
    return text.length > most ? `${text.slice(0, Math.max(1, most - 1))}\u2026` : text;
}
