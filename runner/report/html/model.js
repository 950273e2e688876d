/* From events to a ladder: lanes, rows in their order, and which row an arrow leads to. Nothing is drawn here. */

const datagrams = new Set(['udp', 'unixgram', 'seqpacket']);
const endings = {
    close: ['\u00d7', 'closes'],
    reset: ['!', 'resets'],
    shutdown: ['|', 'ends its side'],
    peer_close: ['\u25cb', 'sees the end'],
    peer_reset: ['!', 'sees a reset'],
};
const shownSteps = {sync: '\u25c6', sleep: 'z', skip: '\u2013', fail: '\u2717'};

function verbOf(step) {
    return /([a-z_]+)$/.exec(step || '')?.[1] || '';
}

/* "start" of `- sync: start` */
function valueOf(source, verb) {
    const found = new RegExp(`\\b${verb}:\\s*(.*?)\\s*$`).exec(source && source.text || '');
    return found ? flat(found[1]) : '';
}

class Ladder {
    constructor(entry, detail, everyStep, only) {
        this.entry = entry;
        this.detail = detail;
        this.lanes = [];
        this.rows = [];
        this.byName = new Map();
        this.peers = new Map();
        this.connections = new Map();
        this.unpaired = [];
        this.ends = new Map();  /* of datagrams: the connection that has an address */
        this.under = new Map(); /* and what is under way to one */
        this.listeners = new Map(); /* the actor that has an address */
        this.steps = new Map();     /* when each began */
        const events = detail.events.slice().sort((a, b) => a.t - b.t);
        for (const e of events) this.meet(e);
        for (const e of events) this.take(e, everyStep);
        this.addFailures();
        this.finish(only);
    }

    lane(name) {
        let lane = this.byName.get(name);
        if (!lane) {
            lane = {name, about: '', outside: false, beside: []};
            this.byName.set(name, lane);
            this.lanes.push(lane);
        }
        return lane;
    }

    /* Somebody whom no actor plays has a lane beside the one who speaks with him first. */
    peer(name, beside, about) {
        let lane = this.peers.get(name);
        if (!lane) {
            lane = {name, about, outside: true, beside: []};
            this.peers.set(name, lane);
            beside.beside.push(lane);
        }
        return lane;
    }

    /* Actors have their lanes in the order in which they come, and addresses have their owners, before anything is drawn. */
    meet(e) {
        if (e.k === 'lost' || e.k === 'attempt') return;
        const lane = this.lane(e.actor);
        if (e.k === 'listen' && e.p && e.p.local) {
            this.listeners.set(e.p.local, lane);
            lane.about = flat(e.p.local);
        }
        if (e.k === 'start') lane.about = `program ${flat(e.m)}`;
    }

    /* Connections */

    open(e) {
        const c = {lane: this.lane(e.actor), server: e.k === 'accept' || !!(e.p && e.p.server), other: null, sent: [], left: null};
        c.protocol = e.p && e.p.protocol || '';
        this.connections.set(e.c, c);
        this.know(c, e.p);
        return c;
    }

    know(c, p) {
        if (!p) return;
        c.local = p.local || c.local;
        c.peer = p.peer || c.peer;
        if (datagrams.has(c.protocol) && c.local) this.ends.set(c.local, c);
        if (c.other || c.protocol === 'program' || datagrams.has(c.protocol)) return;
        const at = this.unpaired.findIndex(o => o !== c && o.protocol === c.protocol && this.match(o, c));
        if (at >= 0) {
            c.other = this.unpaired[at];
            c.other.other = c;
            this.unpaired.splice(at, 1);
            this.unpaired = this.unpaired.filter(o => o !== c);
        } else if (!this.unpaired.includes(c)) {
            this.unpaired.push(c);
        }
    }

    match(a, b) {
        if (a.local && a.peer) return a.local === b.peer && a.peer === b.local;
        return a.server !== b.server && !!(a.local || a.peer) && (a.local || a.peer) === (b.local || b.peer);
    }

    /* Where what a connection says goes to. */
    farLane(c) {
        if (c.other) return c.other.lane;
        if (c.far) return c.far;
        const owner = c.peer && this.listeners.get(c.peer);
        if (c.protocol === 'program') c.far = this.peer(`${c.lane.name}: the program`, c.lane, 'stdin and stdout');
        else if (owner && owner !== c.lane) c.far = owner;
        else if (c.server) c.far = this.peer(`a client of ${c.lane.name}`, c.lane, 'outside');
        else c.far = this.peer(flat(c.peer || 'outside'), c.lane, 'outside');
        return c.far;
    }

    connectionOf(e) {
        const c = this.connections.get(e.c) || this.open(e);
        this.know(c, e.p);
        return c;
    }

    /* Rows */

    add(e, kind, row) {
        const made = Object.assign({kind, t: e.t, event: e, lane: this.lane(e.actor), arrows: []}, row);
        made.secure = !!(row.connection && row.connection.secure);
        this.rows.push(made);
        return made;
    }

    take(e, everyStep) {
        switch (e.k) {
        case 'step': this.takeStep(e, everyStep); break;
        case 'connect':
        case 'accept': this.takeOpening(e); break;
        case 'send': this.takeSend(e); break;
        case 'receive': this.takeReceive(e); break;
        case 'close':
        case 'reset':
        case 'shutdown':
        case 'peer_close':
        case 'peer_reset': this.takeEnding(e); break;
        default: this.takeMark(e);
        }
    }

    takeStep(e, everyStep) {
        const verb = verbOf(e.s);
        this.steps.set(`${e.actor}\n${e.s}`, e.t);
        if (shownSteps[verb])
            this.add(e, 'mark', {sign: shownSteps[verb], label: `${verb} ${valueOf(e.source, verb)}`.trim(), step: verb});
        else if (everyStep) this.add(e, 'step', {sign: '\u2022', label: safe(e.s)});
    }

    /* Both ends of a connection tell that it is there: one row. */
    takeOpening(e) {
        const c = this.open(e);
        if (c.protocol === 'program') return;
        if (datagrams.has(c.protocol)) {
            if (c.peer) this.add(e, 'mark', {sign: '\u25b7', label: `${c.protocol} to ${flat(c.peer)}`, connection: c});
            return;
        }
        if (c.other && c.other.opening) {
            c.opening = c.other.opening;
            c.opening.far = e;
            return;
        }
        c.opening = this.add(e, 'opening', {connection: c});
    }

    takeSend(e) {
        const c = this.connectionOf(e);
        const row = this.add(e, 'message', {connection: c, direction: 'send'});
        row.from = e.o || 0;
        row.to = row.from + (e.z || 0);
        c.sent.push(row);
        if (datagrams.has(c.protocol)) this.addressed(row, e.p && e.p.peer || c.peer);
    }

    /* Each datagram finds its way on its own: what it is sent to may be anybody's address. */
    addressed(row, to) {
        const end = this.ends.get(to);
        row.inside = !!end || this.listeners.has(to);
        row.farLane = end ? end.lane : this.listeners.get(to) || this.peer(flat(to || 'outside'), row.lane, 'outside');
        if (!this.under.has(to)) this.under.set(to, []);
        this.under.get(to).push(row);
    }

    takeDatagram(row, c) {
        const e = row.event, local = e.p && e.p.local || c.local, peer = e.p && e.p.peer;
        const under = this.under.get(local) || [];
        const at = under.findIndex(s => s.event.z === e.z && s.event.b === e.b);
        if (at >= 0) {
            const [sent] = under.splice(at, 1);
            row.whole = true;
            sent.arrows.push(row);
            row.sources = [sent];
            row.farLane = sent.lane;
        } else {
            row.farLane = this.peer(peer ? flat(peer) : `who sends to ${c.lane.name}`, c.lane, 'outside');
        }
    }

    takeReceive(e) {
        const c = this.connectionOf(e);
        const row = this.add(e, 'message', {connection: c, direction: 'receive'});
        if (datagrams.has(c.protocol)) return this.takeDatagram(row, c);
        if (!c.other) return;
        const from = e.o || 0, to = from + (e.z || 0);
        const sent = overlapping(c.other.sent, from, to);
        row.sources = sent;
        const fresh = sent.filter(s => !s.met);
        for (const s of fresh.length ? fresh : sent.slice(-1)) s.arrows.push(row);
        for (const s of sent) s.met = true;
        row.whole = sent.length === 1 && sent[0].event.z === e.z;
    }

    takeEnding(e) {
        const c = this.connectionOf(e);
        const [sign, label] = endings[e.k];
        const ours = !e.k.startsWith('peer');
        if (c.protocol === 'program' && ours && e.s === 'ends') return;
        if (datagrams.has(c.protocol)) return this.add(e, 'mark', {sign, label});
        const row = this.add(e, 'ending', {connection: c, sign, label, ours});
        if (ours && !c.left) c.left = row;
        if (!ours && c.other && c.other.left) {
            c.other.left.arrows.push(row);
            row.sources = [c.other.left];
        }
    }

    takeMark(e) {
        if (e.k === 'secure') this.connectionOf(e).secure = true;
        const words = {
            listen: ['\u25bd', `listens ${flat(e.p && e.p.local || '')}`],
            start: ['\u25b8', `starts ${flat(e.m || '')}${e.n ? `, process ${e.n}` : ''}`],
            exit: ['\u25a0', `exits ${(e.n || 0) < 0 ? `by signal ${-e.n}` : `with ${e.n || 0}`}`],
            output: ['\u00bb', `stderr  ${bytesLabel(unbase64(e.b))}`],
            fault: ['\u25b3', flat(e.m || '')],
            secure: ['T', 'TLS handshake'],
            log: ['\u2261', flat(e.m || '')],
            warn: ['\u25b2', flat(e.m || '')],
        }[e.k];
        if (e.k === 'lost') this.add(e, 'lost', {lane: null, label: `${plural(e.n || 0, 'event')} of this case did not fit, and are not shown`});
        else if (e.k === 'attempt') this.add(e, 'lost', {lane: null, label: `try ${e.n} has failed: it is run again`});
        else if (words) this.add(e, 'mark', {sign: words[0], label: words[1]});
    }

    addFailures() {
        const last = this.rows.reduce((t, r) => Math.max(t, r.t), 0);
        for (const f of this.detail.failures) {
            const actor = f.actor === undefined ? 'case' : flat(f.actor);
            const began = this.steps.get(`${actor}\n${f.step}`);
            const t = began !== undefined && f.after !== undefined ? began + f.after : last;
            const lane = f.actor === undefined ? null : this.lane(actor);
            const row = {kind: 'failure', t, event: {t, actor, s: f.step}, lane, arrows: [], failure: f, failing: !f.warning,
                         sign: f.warning ? '\u25b2' : '\u2717', label: flat(f.message || f.kind || '')};
            let at = this.rows.length;
            while (at > 0 && this.rows[at - 1].t > t) at--;
            this.rows.splice(at, 0, row);
            for (const r of this.rows)
                if (f.actor !== undefined && r.event.actor === actor && r.event.s === f.step) {
                    r.failing = !f.warning;
                    r.failure = f;
                }
        }
    }

    /* only: the name of the actor whose part is shown, with those whom it speaks with. */
    finish(only) {
        let before = 0;
        for (const row of this.rows) if (row.connection && !row.farLane && row.kind !== 'mark') row.farLane = this.farLane(row.connection);
        this.names = this.lanes.map(l => l.name);
        if (only) this.keepOnly(only);
        this.rows.forEach((row, i) => {
            row.at = i;
            row.gap = i ? Math.max(0, row.t - before) : 0;
            before = row.t;
        });
        this.lanes = this.lanes.filter(l => l.name !== 'case' || this.rows.some(r => r.lane === l)).flatMap(l => [l, ...l.beside]);
        if (only) this.lanes = this.lanes.filter(l => this.rows.some(r => r.lane === l || r.farLane === l));
        this.lanes.forEach((lane, i) => lane.at = i);
    }

    keepOnly(name) {
        const one = this.byName.get(name);
        this.rows = this.rows.filter(r => !r.lane || r.lane === one || r.farLane === one);
        const kept = new Set(this.rows);
        for (const row of this.rows) row.arrows = row.arrows.filter(r => kept.has(r));
    }
}

/* Of messages in the order of their offsets, those that share bytes with what was received. */
function overlapping(sent, from, to) {
    let low = 0, high = sent.length;
    while (low < high) {
        const mid = (low + high) >> 1;
        if (sent[mid].to <= from) low = mid + 1;
        else high = mid;
    }
    const found = [];
    for (let i = low; i < sent.length && sent[i].from < to; i++) found.push(sent[i]);
    return found;
}

/* A row in words: for those who do not see the picture, and above its bytes. */
function wordsOf(row) {
    const e = row.event;
    if (row.kind === 'failure') return `${row.lane ? `${row.lane.name}: ` : ''}${row.failure.warning ? 'warning' : 'failure'}: ${row.label}`;
    if (row.kind === 'message') {
        const [from, to] = row.direction === 'send' ? [row.lane, row.farLane] : [row.farLane, row.lane];
        const arrives = row.direction === 'send' ? 'sends to' : 'receives from';
        const [one, other] = row.direction === 'send' ? [from, to] : [to, from];
        return `${one.name} ${arrives} ${other.name} ${plural(e.z || 0, 'byte')}: ${labelOf(row)}`;
    }
    if (row.kind === 'opening') {
        const [from, to] = openingLanes(row);
        return `${from.name} connects to ${to.name}`;
    }
    return `${row.lane ? `${row.lane.name}: ` : ''}${row.label}`;
}

function openingLanes(row) {
    return row.connection.server ? [row.farLane, row.lane] : [row.lane, row.farLane];
}

function labelOf(row) {
    if (row.text === undefined)
        row.text = row.kind === 'message' ? bytesLabel(unbase64(row.event.b), row.event.source && row.event.source.text) : row.label || '';
    return row.text;
}
