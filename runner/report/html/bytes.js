/* Bytes as hex, as text, beside others, and as a short label. */

function unbase64(text) {
    const raw = atob(text || '');
    const bytes = new Uint8Array(raw.length);
    for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
    return bytes;
}

function hex(n, digits) {
    return n.toString(16).padStart(digits, '0');
}

function isText(bytes) {
    let odd = 0;
    for (const b of bytes) if ((b < 0x20 && b !== 9 && b !== 10 && b !== 13) || b === 0x7f) odd++;
    if (odd * 8 > bytes.length) return false;
    return !/\ufffd/.test(new TextDecoder().decode(bytes).slice(0, -1));
}

/* What is said of records below, and how they begin. */
const tlsRecords = {20: 'ChangeCipherSpec', 21: 'Alert', 22: 'Handshake', 23: 'Data'};
const tlsHandshakes = {1: 'ClientHello', 2: 'ServerHello', 11: 'Certificate', 14: 'ServerHelloDone', 16: 'ClientKeyExchange'};

function tlsLabel(b) {
    if (b.length < 6 || b[1] !== 3 || !tlsRecords[b[0]]) return null;
    return `TLS ${b[0] === 22 && tlsHandshakes[b[5]] || tlsRecords[b[0]]}`;
}

/* "http.request" where the step names a message of a module. */
function moduleOf(source) {
    const found = /\b([a-z][a-z0-9_]*\.[a-z][a-z0-9_]*):(?=[\s}])/.exec(source || '');
    return found && !/^(this|vars)\./.test(found[1]) ? found[1] : '';
}

function bytesLabel(bytes, source) {
    const named = moduleOf(source);
    const record = tlsLabel(bytes);
    if (record) return record;
    if (isText(bytes)) {
        const line = flat(new TextDecoder().decode(bytes.subarray(0, 200))).replace(/^(.{12,}?\\n).+$/, '$1\u2026');
        return named ? `${named}  ${line}` : line;
    }
    const start = Array.from(bytes.subarray(0, 12), b => hex(b, 2)).join(' ') + (bytes.length > 12 ? ' \u2026' : '');
    return named ? `${named}  ${start}` : start;
}

/* Text with its line ends shown. */
function textView(bytes) {
    const pre = el('pre', {class: 'text', tabindex: '0'});
    for (const line of new TextDecoder().decode(bytes).match(/[^\n]*\n|[^\n]+/g) || []) {
        const end = /\r?\n$/.exec(line)?.[0] || '';
        pre.append(safe(line.slice(0, line.length - end.length)));
        if (end) pre.append(el('span', {class: 'end'}, flat(end)), '\n');
    }
    return pre;
}

function ascii(b) {
    return b >= 0x20 && b < 0x7f ? String.fromCharCode(b) : '\u00b7';
}

/* marks(i): the class of a byte, or ''. The first that differs also stands in brackets, the others are underlined. */
function hexRows(bytes, from, width, marks) {
    const pre = el('pre', {class: 'hex', tabindex: '0'});
    const digits = from + bytes.length > 0xffff ? 8 : 4;
    for (let row = 0; row < bytes.length; row += width) {
        const line = el('span', {class: 'offset'}, hex(from + row, digits));
        pre.append(line);
        const plain = [' '];
        const flush = () => {
            if (plain.length) pre.append(plain.join(''));
            plain.length = 0;
        };
        let text = [];
        for (let i = row; i < row + width; i++) {
            const mark = i < bytes.length ? marks(i) : '';
            if (i % 8 === 0 && i > row) plain.push(' ');
            if (i >= bytes.length) {
                plain.push('    ');
                continue;
            }
            if (mark) {
                flush();
                pre.append(mark === 'first' ? '' : ' ', el('mark', {class: mark}, mark === 'first' ? `[${hex(bytes[i], 2)}]` : hex(bytes[i], 2)),
                           mark === 'first' ? '' : ' ');
                text.push(el('mark', {class: mark}, ascii(bytes[i])));
            } else {
                plain.push(` ${hex(bytes[i], 2)} `);
                text.push(ascii(bytes[i]));
            }
        }
        plain.push('  ');
        flush();
        pre.append(el('span', {class: 'chars'}, text), '\n');
    }
    return pre;
}

function bytesView(bytes, from, whole) {
    const parts = [];
    if (!bytes.length) return [el('p', {class: 'dim'}, 'no bytes')];
    if (isText(bytes)) parts.push(el('h4', {}, 'Text'), textView(bytes));
    parts.push(el('h4', {}, 'Hex'), hexRows(bytes, from, 8, () => ''));
    if (whole > bytes.length)
        parts.push(el('p', {class: 'note'}, `the first ${grouped(bytes.length)} of ${grouped(whole)} bytes`));
    return parts;
}

/* Expected beside received. A byte that differs is marked; the first one strongly. */
function dumpView(dump) {
    const from = dump.from || 0;
    const got = unbase64(dump.got);
    if (dump.expected_unknown)
        return el('div', {class: 'dumps'}, dumpSide('Received', got, from, dump.got_size, () => ''));
    const expected = unbase64(dump.expected);
    const first = (dump.at || 0) - from;
    const marks = (i, mine, other) => i < first || mine[i] === other[i] ? '' : i === first ? 'first' : 'differs';
    return el('div', {class: 'dumps two'},
              dumpSide('Expected', expected, from, dump.expected_size, i => marks(i, expected, got)),
              dumpSide('Received', got, from, dump.got_size, i => marks(i, got, expected)));
}

function dumpSide(title, bytes, from, whole, marks) {
    const all = whole || 0;
    const part = bytes.length < all ? `, ${from} to ${from + bytes.length} shown` : '';
    return el('div', {class: `dump ${title.toLowerCase()}`}, el('h4', {}, title, el('small', {}, ` ${plural(all, 'byte')}${part}`)),
              bytes.length ? hexRows(bytes, from, 8, marks) : el('p', {class: 'dim'}, 'nothing'),
              bytes.length && isText(bytes) ? textView(bytes) : null);
}

/* The line of the scenario, with what is meant underlined. */
function sourceView(place, file) {
    if (!place || !place.line) return null;
    const where = `${place.file || file}:${place.line}${place.col ? `:${place.col}` : ''}`;
    const text = String(place.text === undefined ? '' : place.text);
    const characters = Array.from(text);
    const col = place.col ? place.col - 1 : 0;
    const end = col + (place.col ? place.span || 1 : 0);
    const part = (a, b) => flat(characters.slice(a, b).join('').replace(/\t/g, '    '));
    return el('div', {class: 'source'}, el('div', {class: 'where'}, safe(where)),
              text && el('pre', {tabindex: '0'}, el('span', {class: 'offset'}, String(place.line)), '  ', part(0, col),
                         el('u', {}, part(col, end)), part(end)));
}
