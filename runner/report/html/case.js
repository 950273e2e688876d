/* One case: what it is, why it did not pass, its ladder, and the message that is open. */

function fact(name, ...value) {
    return el('div', {}, el('dt', {}, name), el('dd', {}, ...value));
}

function factsOf(e) {
    const facts = el('dl', {class: 'facts'}, fact('Duration', e.verdict === 'skip' ? '\u2013' : duration(e.took)), fact('Messages', grouped(e.messages || 0)));
    if (e.attempts > 1) facts.append(fact('Attempts', String(e.attempts)));
    if (e.id) facts.append(fact('Requirement', el('code', {}, flat(e.id))));
    if (e.ref) facts.append(fact('Reference', flat(e.ref)));
    if (e.level) facts.append(fact('Level', el('span', {class: 'level'}, flat(e.level))));
    if (e.coverList.length) facts.append(fact('Covers', flat(e.coverList.join(', '))));
    if (e.tagList.length) facts.append(fact('Tags', tagsOf(e)));
    return facts;
}

function afterOf(f) {
    if (f.after === undefined) return '';
    return `after ${duration(f.after)}${f.limit !== undefined ? ` of ${duration(f.limit)}` : ''}`;
}

function noteView(note) {
    return el('div', {class: 'note-row'}, el('dt', {}, flat(note.label || '')), el('dd', {}, safe(cut(note.text || '', 4096))));
}

function failureView(e, f, level) {
    const verdict = f.warning ? 'warn' : isBad(e.verdict) ? e.verdict : 'fail';
    return el('article', {class: `failure ${verdict}`},
              el('header', {}, el('span', {class: `badge ${verdict}`}, el('span', {class: 'sign', 'aria-hidden': 'true'}, verdicts[verdict].sign), flat(f.kind || 'failure')),
                 el('b', {}, [f.actor, f.step].filter(Boolean).map(flat).join(' \u203a ')), el('span', {class: 'dim'}, afterOf(f))),
              el(level || 'h3', {class: 'message'}, safe(cut(f.message || '', 4096))), sourceView(f.place, e.file), f.dump && dumpView(f.dump),
              f.notes && el('dl', {class: 'notes'}, f.notes.slice(0, 64).map(noteView)));
}

/* What stands above the ladder: the reason of a verdict that has no failures, too. */
function whyOf(e, detail) {
    const parts = [];
    if (e.text) parts.push(el('p', {class: 'reason'}, e.verdict === 'xfail' ? el('b', {}, 'Expected to fail: ') : null, safe(e.text)));
    if (!detail.failures.length && e.why) parts.push(el('p', {class: `reason ${e.verdict}`}, safe(e.why)));
    if (e.bare) parts.push(el('p', {class: 'note'}, 'The report has become too large to say more of this case.'));
    parts.push(...detail.failures.map(f => failureView(e, f)));
    if (detail.more) parts.push(el('p', {class: 'note'}, `and ${plural(detail.more, 'more failure')}`));
    if (e.left) parts.push(el('p', {class: 'note'}, `${plural(e.left, 'event')} of this case are left out: the report has become too large.`));
    return parts;
}

/* The open message */

function partnerOf(row) {
    const other = row.direction === 'send' ? row.arrows[0] : row.sources && row.sources[0];
    if (!other) return null;
    return fact(row.direction === 'send' ? 'Received' : 'Sent', `at ${clock(other.t)} ms by ${other.lane.name}, ${duration(Math.abs(other.t - row.t))} ${row.direction === 'send' ? 'later' : 'before'}`);
}

function messageView(row, e) {
    const event = row.event;
    const facts = el('dl', {class: 'facts'}, fact('At', `${clock(row.t)} ms`), fact('Since the row before', duration(row.gap)));
    if (row.kind === 'message') facts.append(fact('Size', plural(event.z || 0, 'byte')), fact('First byte', `${grouped(event.o || 0)} of its direction`), partnerOf(row) || '');
    if (row.connection) facts.append(fact('Connection', connectionWords(row)));
    if (event.s) facts.append(fact('Step', flat(event.s)));
    const source = event.source && {file: event.source.file, line: event.source.line, text: event.source.text};
    const parts = [facts, sourceView(source, e.file)];
    if (row.failure) parts.unshift(failureView(e, row.failure));
    if (event.m && row.kind !== 'opening') parts.push(el('pre', {class: 'text'}, safe(event.m)));
    if (event.z) parts.push(...bytesView(unbase64(event.b), event.o || 0, event.z));
    return parts;
}

function connectionWords(row) {
    const c = row.connection;
    const ends = [c.local, c.peer].filter(Boolean).map(flat);
    return `${row.event.c || ''} ${c.protocol} ${ends.length === 2 ? `${ends[0]} \u2013 ${ends[1]}` : ends[0] || ''}`.trim();
}

class CaseView {
    constructor(entry, list) {
        this.entry = entry;
        this.list = list;
        this.detail = readDetail(entry);
        this.everyStep = false;
        this.only = '';
        this.actors = el('span', {});
        this.panel = el('aside', {class: 'panel', 'aria-label': 'Message', hidden: true});
        this.stage = el('div', {class: 'stage'});
        this.title = el('h2', {tabindex: '-1'}, badge(entry.verdict), ' ', cut(entry.title, 300));
        this.node = el('section', {class: 'case-view'}, this.navigation(), this.title, el('p', {class: 'where'}, flat(entry.where)), factsOf(entry),
                       entry.quote && el('blockquote', {}, safe(entry.quote)), whyOf(entry, this.detail), this.toolbar(), this.stage);
        this.build();
    }

    navigation() {
        const link = (by, words) => {
            const other = this.list.neighbour(this.entry, by);
            return el('a', other ? {href: `#/case/${other.number}`, title: other.title} : {class: 'off', 'aria-disabled': 'true'}, words);
        };
        return el('nav', {'aria-label': 'Cases'}, el('a', {href: '#/'}, '\u2190 All cases'), el('span', {class: 'space'}), link(-1, '\u2039 previous'), link(1, 'next \u203a'));
    }

    toolbar() {
        const every = el('input', {type: 'checkbox', onchange: event => {
            this.everyStep = event.target.checked;
            this.build();
        }});
        return el('div', {class: 'tools'}, el('h3', {}, 'What happened'), el('span', {class: 'space'}), this.actors, el('label', {class: 'choice'}, every, ' every step'));
    }

    choice(names) {
        return el('label', {class: 'choice'}, 'Actor ', el('select', {onchange: event => {
            this.only = event.target.value;
            this.build();
        }}, el('option', {value: ''}, 'all'), names.map(n => el('option', {value: n}, n))));
    }

    build() {
        if (this.view) this.view.done();
        this.close();
        const ladder = new Ladder(this.entry, this.detail, this.everyStep, this.only);
        if (!this.actors.firstChild && ladder.names.length > 2) this.actors.append(this.choice(ladder.names));
        if (!ladder.rows.length) {
            this.stage.replaceChildren(el('p', {class: 'dim empty'}, 'Nothing happened in this case.'));
            this.view = null;
            return;
        }
        this.view = new LadderView(ladder, row => this.open(row));
        this.stage.replaceChildren(this.view.box, this.panel);
        const failed = ladder.rows.find(r => r.kind === 'failure');
        if (failed) requestAnimationFrame(() => this.view && this.view.select(failed.at));
    }

    open(row) {
        this.panel.replaceChildren(el('header', {}, el('h3', {}, cut(wordsOf(row), 200)),
                                      el('button', {type: 'button', class: 'plain', 'aria-label': 'Close', onclick: () => this.close(true)}, '\u00d7')),
                                   ...messageView(row, this.entry));
        this.panel.hidden = false;
        this.panel.scrollTop = 0;
        this.stage.classList.add('with-panel');
    }

    /* True if there was something to close. */
    close(focus) {
        if (this.panel.hidden) return false;
        this.panel.hidden = true;
        this.stage.classList.remove('with-panel');
        if (this.view) this.view.close();
        if (focus && this.view) this.view.box.focus();
        return true;
    }

    focus() {
        (this.view ? this.view.box : this.title).focus({preventScroll: true});
    }

    done() {
        if (this.view) this.view.done();
    }
}
