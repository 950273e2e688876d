/* The three tables of the whole run: its cases, what they say of requirements, and how long they took. */

const filter = {text: '', verdicts: new Set(), order: 'verdict'};
const orders = {
    verdict: ['what did not pass first', (a, b) => verdictNames.indexOf(a.verdict) - verdictNames.indexOf(b.verdict) ||
                                                   Number(b.flaky) - Number(a.flaky) || a.order - b.order],
    file: ['as in the files', (a, b) => a.order - b.order],
    slowest: ['slowest first', (a, b) => b.took - a.took || a.order - b.order],
    name: ['by name', (a, b) => a.title.localeCompare(b.title) || a.order - b.order],
};
const groupSize = 50, slowestShown = 100;

function countVerdicts(list) {
    const counts = Object.fromEntries(verdictNames.map(v => [v, 0]));
    for (const e of list) counts[e.verdict]++;
    return counts;
}

function isBad(verdict) {
    return verdict === 'error' || verdict === 'fail' || verdict === 'xpass' || verdict === 'unfinished';
}

function headline() {
    const counts = countVerdicts(entries);
    const bad = entries.filter(e => isBad(e.verdict)).length;
    const flaky = entries.filter(e => e.flaky).length;
    const title = document.getElementById('headline');
    const state = bad ? 'bad' : entries.length ? 'good' : 'none';
    title.className = state;
    title.replaceChildren(el('span', {class: 'sign', 'aria-hidden': 'true'}, bad ? verdicts.fail.sign : entries.length ? verdicts.pass.sign : '\u2013'),
        bad ? `${grouped(bad)} of ${plural(entries.length, 'case')} did not pass` :
        entries.length ? `${entries.length === 1 ? 'The case' : `All ${plural(entries.length, 'case')}`} passed` : 'No case ran');
    const parts = verdictNames.filter(v => counts[v]).map(v => `${grouped(counts[v])} ${verdicts[v].past}`);
    if (flaky) parts.push(`${grouped(flaky)} flaky`);
    if (run.complete) parts.push(duration(run.took));
    if (run.ended) parts.push(flat(run.ended));
    if (!run.complete) parts.push('the report is not complete');
    if (run.planned > entries.length) parts.push(`${grouped(run.planned - entries.length)} not begun`);
    parts.push(`sockrun ${flat(run.sockrun)}`);
    document.getElementById('run').textContent = parts.join('  \u00b7  ');
    document.title = `${bad ? `\u2717 ${bad} did not pass` : '\u2713'} \u2013 sockrun report`;
}

function proportions(counts, all) {
    const bar = el('div', {class: 'proportions', 'aria-hidden': 'true'});
    for (const v of verdictNames) {
        if (!counts[v]) continue;
        const part = el('span', {class: v});
        part.style.flexGrow = String(Math.max(counts[v], all / 120));
        bar.append(part);
    }
    return bar;
}

/* Cases */

function words() {
    return filter.text.toLowerCase().split(/\s+/).filter(Boolean);
}

function has(e, word) {
    const [, key, value] = /^(tag|level|id|ref|file|covers):(.*)$/.exec(word) || [];
    if (key === 'tag') return e.tagList.some(t => t.toLowerCase() === value);
    if (key === 'covers') return e.coverList.some(t => t.toLowerCase().includes(value));
    if (key) return String(e[key] || '').toLowerCase().includes(value);
    e.haystack = e.haystack || [e.name, e.where, e.tags, e.id, e.ref, e.level, e.covers, e.why, e.verdict, e.flaky ? 'flaky' : '']
        .filter(Boolean).join('\n').toLowerCase();
    return e.haystack.includes(word);
}

function wanted() {
    const list = words();
    return entries.filter(e => (!filter.verdicts.size || filter.verdicts.has(e.verdict)) && list.every(w => has(e, w)));
}

function tagsOf(e) {
    return e.tagList.map(t => el('span', {class: 'tag'}, flat(t)));
}

function caseRow(e) {
    return el('a', {class: 'case', href: `#/case/${e.number}`, tabindex: '-1', 'data-number': e.number}, badge(e.verdict),
              el('span', {class: 'what'}, el('b', {}, cut(e.title, 300)), e.flaky && el('span', {class: 'tag flaky'}, 'flaky'), tagsOf(e),
                 e.why && el('small', {}, cut(flat(e.why), 300))),
              el('span', {class: 'where'}, cut(flat(e.where), 200)), el('span', {class: 'number'}, e.messages ? grouped(e.messages) : ''),
              el('span', {class: 'number'}, e.verdict === 'skip' ? '' : duration(e.took)));
}

/* All rows are there, so that the browser's own search and print find them; those out of sight are not laid out. */
class CaseList {
    constructor() {
        this.rows = new Map(entries.map(e => [e, null]));
        this.box = el('div', {class: 'cases', role: 'group', 'aria-label': 'Cases'});
        this.count = el('p', {class: 'count', role: 'status'});
        this.shown = [];
        this.update();
    }

    update() {
        this.shown = wanted().sort(orders[filter.order][1]);
        const groups = [];
        for (let i = 0; i < this.shown.length; i += groupSize) {
            const part = this.shown.slice(i, i + groupSize);
            const group = el('div', {class: 'group'}, part.map(e => this.row(e)));
            group.style.containIntrinsicHeight = `auto ${part.reduce((h, e) => h + (e.why ? 56 : 38), 0)}px`;
            groups.push(group);
        }
        this.box.replaceChildren(...groups);
        this.count.textContent = this.shown.length === entries.length ? plural(entries.length, 'case')
                                                                     : `${grouped(this.shown.length)} of ${plural(entries.length, 'case')}`;
        if (!this.shown.length) this.box.append(el('p', {class: 'dim empty'}, 'No case matches.'));
        this.mark(this.shown.includes(this.current) ? this.current : this.shown[0]);
    }

    row(e) {
        if (!this.rows.get(e)) this.rows.set(e, caseRow(e));
        return this.rows.get(e);
    }

    /* One row of the list can be reached with Tab; arrows go on from there. */
    mark(e) {
        if (this.current) this.row(this.current).tabIndex = -1;
        this.current = e;
        if (e) this.row(e).tabIndex = 0;
    }

    move(by) {
        if (!this.shown.length) return;
        const inList = this.box.contains(document.activeElement);
        const at = this.shown.indexOf(this.current);
        const next = this.shown[Math.min(this.shown.length - 1, Math.max(0, inList ? at + by : Math.max(at, 0)))];
        this.mark(next);
        this.row(next).focus();
    }

    neighbour(e, by) {
        const at = this.shown.indexOf(e);
        return at < 0 ? null : this.shown[at + by] || null;
    }
}

function chips(list) {
    const counts = countVerdicts(entries);
    return el('div', {class: 'chips', role: 'group', 'aria-label': 'Verdicts'}, verdictNames.filter(v => counts[v]).map(v => {
        const chip = el('button', {type: 'button', class: 'chip', 'aria-pressed': String(filter.verdicts.has(v)), onclick: () => {
            if (!filter.verdicts.delete(v)) filter.verdicts.add(v);
            chip.setAttribute('aria-pressed', String(filter.verdicts.has(v)));
            list.update();
        }}, badge(v), el('b', {}, grouped(counts[v])));
        return chip;
    }));
}

function tagChoice(list, input) {
    const tags = [...new Set(entries.flatMap(e => e.tagList))].sort();
    if (!tags.length) return null;
    return el('label', {class: 'choice'}, 'Tag ', el('select', {onchange: event => {
        const rest = filter.text.split(/\s+/).filter(w => w && !w.startsWith('tag:'));
        input.value = filter.text = [...rest, ...(event.target.value ? [`tag:${event.target.value}`] : [])].join(' ');
        list.update();
    }}, el('option', {value: ''}, 'any'), tags.slice(0, 500).map(t => el('option', {value: t, selected: words().includes(`tag:${t.toLowerCase()}`)}, flat(t)))));
}

function casesView(list) {
    const input = el('input', {type: 'search', id: 'filter', value: filter.text, autocomplete: 'off', spellcheck: 'false',
                               placeholder: 'Filter: words, tag:smoke, level:must, file:smtp', 'aria-label': 'Filter cases',
                               oninput: event => {
                                   filter.text = event.target.value;
                                   list.update();
                               }});
    const order = el('select', {onchange: event => {
        filter.order = event.target.value;
        list.update();
    }}, Object.entries(orders).map(([key, [text]]) => el('option', {value: key, selected: key === filter.order}, text)));
    return el('section', {}, proportions(countVerdicts(entries), entries.length),
              el('div', {class: 'tools'}, chips(list), input, tagChoice(list, input), el('label', {class: 'choice'}, 'Order ', order), list.count),
              el('div', {class: 'case-heads', 'aria-hidden': 'true'}, el('span', {}, 'Verdict'), el('span', {}, 'Case'), el('span', {}, 'Place'),
                 el('span', {class: 'number'}, 'Messages'), el('span', {class: 'number'}, 'Duration')),
              list.box);
}

/* Conformance */

const levels = ['must', 'must not', 'required', 'shall', 'shall not', 'should', 'should not', 'recommended', 'may', 'optional'];

function levelRank(level) {
    const at = levels.indexOf(level.replace(/_/g, ' ').toLowerCase());
    return at < 0 ? levels.length : at;
}

function isRequirement(e) {
    return !!(e.id || e.ref || e.level || e.quote || e.coverList.length);
}

function cellFor(e, v) {
    if (e.verdict !== v) return el('td', {class: 'cell'});
    return el('td', {class: `cell ${v}`}, el('span', {'aria-hidden': 'true'}, verdicts[v].sign), el('span', {class: 'word'}, v));
}

function levelTable(list) {
    const byLevel = new Map();
    for (const e of list) {
        const level = e.level || 'no level';
        if (!byLevel.has(level)) byLevel.set(level, []);
        byLevel.get(level).push(e);
    }
    const rows = [...byLevel].sort((a, b) => levelRank(a[0]) - levelRank(b[0]) || a[0].localeCompare(b[0]));
    const used = usedVerdicts(list);
    return el('table', {class: 'levels'}, el('caption', {}, 'By level'),
              el('thead', {}, el('tr', {}, el('th', {scope: 'col'}, 'Level'), used.map(v => el('th', {scope: 'col', class: 'cell'}, badge(v))),
                                 el('th', {scope: 'col', class: 'cell'}, 'cases'))),
              el('tbody', {}, rows.map(([level, cases]) => {
                  const counts = countVerdicts(cases);
                  return el('tr', {}, el('th', {scope: 'row'}, el('span', {class: 'level'}, flat(level))),
                            used.map(v => el('td', {class: counts[v] ? `cell ${v}` : 'cell'}, counts[v] ? grouped(counts[v]) : '\u00b7')),
                            el('td', {class: 'cell'}, grouped(cases.length)));
              })));
}

function usedVerdicts(list) {
    const counts = countVerdicts(list);
    return ['pass', 'warn', 'xfail', 'fail', 'error', 'xpass', 'skip', 'unfinished'].filter(v => counts[v]);
}

function conformanceView() {
    const list = entries.filter(isRequirement);
    if (!list.length)
        return el('section', {}, el('p', {class: 'dim empty'}, 'No case says which requirement it stands for: id, ref, quote, level and covers do.'));
    const used = usedVerdicts(list);
    list.sort((a, b) => String(a.ref || '').localeCompare(String(b.ref || ''), 'en', {numeric: true}) ||
                        String(a.id || '').localeCompare(String(b.id || ''), 'en', {numeric: true}) || a.order - b.order);
    return el('section', {}, levelTable(list),
              el('table', {class: 'matrix'}, el('caption', {}, `${plural(list.length, 'case')} by verdict`),
                 el('thead', {}, el('tr', {}, ['Requirement', 'Level', 'Case'].map(t => el('th', {scope: 'col'}, t)),
                                    used.map(v => el('th', {scope: 'col', class: 'cell'}, v)))),
                 el('tbody', {}, list.map(e => el('tr', {}, el('td', {}, e.ref && el('b', {}, flat(e.ref)), e.id && el('code', {}, flat(e.id)),
                                                               e.quote && el('q', {}, cut(flat(e.quote), 400)),
                                                               e.coverList.length > 0 && el('small', {}, `covers ${flat(e.coverList.join(', '))}`)),
                                                  el('td', {}, e.level && el('span', {class: 'level'}, flat(e.level))),
                                                  el('td', {}, el('a', {href: `#/case/${e.number}`}, cut(e.title, 200))), used.map(v => cellFor(e, v)))))));
}

/* Durations */

function durationsView() {
    const list = entries.filter(e => e.took > 0).sort((a, b) => b.took - a.took);
    const all = list.reduce((sum, e) => sum + e.took, 0);
    const shown = list.slice(0, slowestShown);
    const most = shown.length ? shown[0].took : 1;
    return el('section', {}, el('p', {class: 'dim'}, `${plural(list.length, 'case')} took ${duration(all)} together` +
                                                     (shown.length < list.length ? `; the slowest ${shown.length} are shown` : '')),
              el('ol', {class: 'bars'}, shown.map(e => {
                  const bar = el('span', {class: `bar ${e.verdict}`});
                  bar.style.width = `${Math.max(0.3, 100 * e.took / most)}%`;
                  return el('li', {}, el('a', {href: `#/case/${e.number}`}, el('span', {class: 'name'}, cut(e.title, 120), el('small', {}, ` ${cut(flat(e.where), 120)}`)),
                                         badge(e.verdict), el('span', {class: 'track'}, bar), el('span', {class: 'number'}, duration(e.took))));
              })));
}
