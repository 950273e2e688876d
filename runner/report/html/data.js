/* What the report holds: an entry for each case, read when the page opens, and what happened in it, read when the case
 * is opened. docs/html.md says what stands in the elements. */

const run = {};
const entries = [];
const details = new Map(); /* the elements of a case, by its number */

function readEntry(node) {
    const e = JSON.parse(node.textContent);
    e.number = Number(node.dataset.entry);
    e.file = e.file || '';
    e.name = e.name || '';
    e.verdict = e.verdict || 'unfinished';
    e.took = e.took || 0;
    e.title = flat(e.name || e.file);
    e.where = e.line ? `${e.file}:${e.line}` : e.file;
    e.tagList = (e.tags || '').split(' ').filter(Boolean);
    e.coverList = (e.covers || '').split(' ').filter(Boolean);
    e.flaky = e.attempts > 1 && (e.verdict === 'pass' || e.verdict === 'warn');
    return e;
}

function readAll() {
    const files = new Map();
    for (const node of document.querySelectorAll('script[type="application/json"]')) {
        if (node.dataset.run !== undefined) Object.assign(run, JSON.parse(node.textContent));
        if (node.dataset.entry !== undefined) entries.push(readEntry(node));
        if (node.dataset.case !== undefined) {
            const number = Number(node.dataset.case);
            if (!details.has(number)) details.set(number, []);
            details.get(number).push(node);
        }
    }
    for (const e of entries) if (!files.has(e.file)) files.set(e.file, files.size);
    for (const e of entries) e.fileOrder = files.get(e.file);
    entries.sort((a, b) => a.fileOrder - b.fileOrder || a.index - b.index || a.number - b.number);
    entries.forEach((e, i) => e.order = i);
    run.complete = run.took !== undefined;
}

/* The events of a case in their order, its failures beside them. */
function readDetail(entry) {
    const detail = {events: [], failures: [], more: 0, sources: new Map()};
    for (const node of details.get(entry.number) || []) {
        for (const event of JSON.parse(node.textContent)) {
            if (event.k === 'failures') {
                detail.failures = event.failures || [];
                detail.more = event.more || 0;
                continue;
            }
            const key = `${event.f || ''}:${event.l}`;
            if (event.x !== undefined) detail.sources.set(key, event.x);
            event.source = event.l ? {file: event.f || entry.file, line: event.l, key} : null;
            event.actor = flat(event.a === undefined ? 'case' : event.a);
            detail.events.push(event);
        }
    }
    for (const event of detail.events) if (event.source) event.source.text = detail.sources.get(event.source.key);
    return detail;
}
