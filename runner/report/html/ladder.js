/* Draws a ladder: an SVG that holds only the rows that can be seen. */

const printMost = 5000, rowHeight = 36, breakHeight = 26, timeWidth = 176, laneLeast = 150, laneMost = 420;

class LadderView {
    constructor(ladder, onOpen) {
        this.ladder = ladder;
        this.onOpen = onOpen;
        this.current = -1;
        this.drawn = new Map();
        this.place();
        this.marks = svg('g', {class: 'lines'});
        this.bands = svg('g', {class: 'bands', 'aria-hidden': 'true'});
        this.content = svg('g', {});
        this.picture = svg('svg', {class: 'ladder-picture', role: 'presentation'}, this.bands, this.marks, this.content);
        this.heads = el('div', {class: 'lane-heads', 'aria-hidden': 'true'});
        this.box = el('div', {class: 'ladder', tabindex: '0', role: 'listbox', 'aria-label': this.describe(),
                              onscroll: () => this.draw(), onkeydown: event => this.key(event)}, this.heads, this.picture);
        this.watch = new ResizeObserver(() => this.layout());
        this.watch.observe(this.box);
        this.layout();
    }

    describe() {
        return `Ladder diagram: ${this.ladder.lanes.map(l => l.name).join(', ')}; ${plural(this.ladder.rows.length, 'row')}`;
    }

    /* Where each row is. A long silence takes room of its own. */
    place() {
        const rows = this.ladder.rows;
        const long = Math.max(5e6, (rows.length ? rows[rows.length - 1].t : 0) / 12);
        let y = 10;
        for (const row of rows) {
            row.silence = row.gap >= long;
            if (row.silence) y += breakHeight;
            y += rowHeight;
            row.y = y;
        }
        this.height = y + 22;
    }

    layout() {
        const lanes = this.ladder.lanes;
        const room = (this.box.clientWidth || 900) - timeWidth - 20;
        const step = Math.min(laneMost, Math.max(laneLeast, room / Math.max(1, lanes.length)));
        if (step === this.step) return;
        this.step = step;
        this.width = timeWidth + step * lanes.length + 20;
        this.picture.setAttribute('width', this.width);
        this.picture.setAttribute('height', this.height);
        this.heads.replaceChildren(...lanes.map(lane => this.head(lane)));
        this.heads.style.width = `${this.width}px`;
        this.marks.replaceChildren(...lanes.map(lane => svg('line', {class: lane.outside ? 'lane outside' : 'lane',
                                                                     x1: this.x(lane), x2: this.x(lane), y1: 0, y2: this.height})));
        this.clear();
        this.draw();
    }

    head(lane) {
        const head = el('div', {class: lane.outside ? 'lane-head outside' : 'lane-head'}, el('b', {}, lane.name),
                        el('small', {}, lane.about || '\u00a0'));
        head.style.left = `${this.x(lane) - this.step / 2}px`;
        head.style.width = `${this.step}px`;
        return head;
    }

    x(lane) {
        return timeWidth + this.step * (lane.at + 0.5);
    }

    clear() {
        this.content.replaceChildren();
        this.bands.replaceChildren();
        this.drawn.clear();
    }

    /* Rows whose arrows cross what can be seen, too: they begin above it by a few rows at most, or are drawn when they end. */
    draw(print) {
        const rows = this.ladder.rows;
        const all = print && rows.length <= printMost;
        const top = all ? -1 : this.box.scrollTop - 300;
        const bottom = all ? Infinity : this.box.scrollTop + (this.box.clientHeight || 800) + 300;
        const first = firstAt(rows, top);
        const wanted = new Set();
        for (let i = first; i < rows.length && rows[i].y <= bottom; i++) {
            wanted.add(rows[i]);
            for (const source of rows[i].sources || []) wanted.add(source);
        }
        for (const [row, nodes] of this.drawn)
            if (!wanted.has(row)) {
                for (const node of nodes) node.remove();
                this.drawn.delete(row);
            }
        const fresh = [...wanted].filter(row => !this.drawn.has(row)).sort((a, b) => a.at - b.at);
        for (const row of fresh) {
            const nodes = [this.row(row), this.rectangle(row, this.classesOf(row))];
            this.drawn.set(row, nodes);
            this.content.append(nodes[0]);
            this.bands.append(nodes[1]);
        }
    }

    classesOf(row) {
        return ['row', row.kind, row.failing && 'failing', row.at === this.current && 'current'].filter(Boolean).join(' ');
    }

    /* Below all arrows: what marks a row; above: where it can be clicked. */
    rectangle(row, classes) {
        return svg('rect', {class: classes, x: 0, y: row.y - rowHeight + 12, width: this.width, height: rowHeight});
    }

    row(row) {
        const node = svg('g', {class: this.classesOf(row), role: 'option', id: `row-${row.at}`,
                               'aria-selected': String(row.at === this.current),
                               'aria-label': `${clock(row.t)} ms: ${wordsOf(row)}`, onclick: () => this.open(row.at)},
                         this.rectangle(row, 'hit'));
        this.time(row, node);
        switch (row.kind) {
        case 'message': this.message(row, node); break;
        case 'opening': this.opening(row, node); break;
        case 'ending': this.ending(row, node); break;
        default: this.mark(row, node);
        }
        return node;
    }

    time(row, node) {
        node.append(svg('text', {class: 'time', x: 82, y: row.y + 4, 'text-anchor': 'end'}, clock(row.t)));
        node.append(svg('text', {class: 'gap', x: timeWidth - 14, y: row.y + 4, 'text-anchor': 'end'},
                        row.at ? `+${duration(row.gap)}` : ''));
        if (!row.silence) return;
        const y = row.y - rowHeight - 2;
        node.append(svg('line', {class: 'silence', x1: timeWidth, x2: this.width - 20, y1: y, y2: y}),
                    svg('text', {class: 'silence', x: 82, y: y + 4, 'text-anchor': 'end'}, '\u22ee'),
                    svg('text', {class: 'silence', x: timeWidth - 14, y: y + 4, 'text-anchor': 'end'}, `${duration(row.gap)} later`));
    }

    /* Its tip leaves room for a dot, or for a sign. */
    line(node, from, to, classes, sign) {
        const dx = to.x - from.x, dy = to.y - from.y, length = Math.hypot(dx, dy) || 1;
        const ux = dx / length, uy = dy / length;
        const room = sign ? 10 : 4;
        const tip = [to.x - ux * room, to.y - uy * room];
        const back = [tip[0] - ux * 9, tip[1] - uy * 9];
        const points = [tip, [back[0] - uy * 4.5, back[1] + ux * 4.5], [back[0] + uy * 4.5, back[1] - ux * 4.5]];
        node.append(svg('line', {class: classes, x1: from.x, y1: from.y, x2: back[0], y2: back[1]}),
                    svg('polygon', {class: `head ${classes}`, points: points.map(p => p.map(n => n.toFixed(1)).join(',')).join(' ')}));
    }

    /* Above the line, beside the lane where it begins, as long as the way. */
    label(node, row, from, to, text, small) {
        const right = to >= from;
        const room = Math.max(Math.abs(to - from), this.step) - 24;
        const most = Math.floor((room - (small ? small.length * 6.4 + 8 : 0)) / 7.3);
        const label = svg('text', {class: 'label', x: from + (right ? 12 : -12), y: row.y - 7, 'text-anchor': right ? 'start' : 'end'},
                          cut(text, Math.max(3, most)));
        if (small) label.append(svg('tspan', {class: 'size', dx: 8}, small));
        node.append(label);
    }

    dot(node, row, lane) {
        node.append(svg('circle', {class: 'dot', cx: this.x(lane), cy: row.y, r: 3.5}));
    }

    message(row, node) {
        const here = this.x(row.lane), there = this.x(row.farLane);
        this.dot(node, row, row.lane);
        if (row.direction === 'send') {
            this.label(node, row, here, there, labelOf(row), sizeOf(row));
            this.sendArrows(row, node, here, there);
        } else if (!row.sources || !row.sources.length) {
            this.label(node, row, there, here, labelOf(row), sizeOf(row));
            this.line(node, {x: there, y: row.y}, {x: here, y: row.y}, 'arrow');
        } else if (!row.whole) {
            const side = there >= here ? -1 : 1;
            node.append(svg('text', {class: 'label word', x: here + side * 10, y: row.y + 4, 'text-anchor': side > 0 ? 'start' : 'end'},
                            `received ${size(row.event.z || 0)}`));
        }
    }

    sendArrows(row, node, here, there) {
        for (const to of row.arrows) this.line(node, {x: here, y: row.y}, {x: this.x(to.lane), y: to.y}, 'arrow');
        if (row.arrows.length) return;
        if (row.connection.other || row.inside) {
            /* Nobody has read it: it ends before the other lane. */
            const end = here + (there - here) * 0.82;
            this.line(node, {x: here, y: row.y}, {x: end, y: row.y}, 'arrow unread');
            node.append(svg('text', {class: 'unread', x: end, y: row.y + 16, 'text-anchor': 'middle'}, 'not read'));
        } else {
            this.line(node, {x: here, y: row.y}, {x: there, y: row.y}, 'arrow');
        }
    }

    opening(row, node) {
        const [from, to] = openingLanes(row);
        this.line(node, {x: this.x(from), y: row.y}, {x: this.x(to), y: row.y}, 'arrow dashed');
        this.dot(node, row, row.lane);
        this.label(node, row, this.x(from), this.x(to), 'connect', row.connection.protocol);
    }

    ending(row, node) {
        const here = this.x(row.lane), there = this.x(row.farLane);
        const away = there >= here;
        if (row.ours) {
            for (const to of row.arrows) this.line(node, {x: here, y: row.y}, {x: this.x(to.lane), y: to.y}, 'arrow dashed', true);
            if (!row.connection.other && row.event.k !== 'close')
                this.line(node, {x: here, y: row.y}, {x: there, y: row.y}, 'arrow dashed');
        } else if (!row.sources) {
            this.line(node, {x: there, y: row.y}, {x: here, y: row.y}, 'arrow dashed', true);
        }
        this.sign(node, row, row.lane, row.sign);
        const side = row.ours === away ? 1 : -1;
        node.append(svg('text', {class: 'label word', x: here + side * 14, y: row.y - 7, 'text-anchor': side > 0 ? 'start' : 'end'},
                        row.label));
    }

    sign(node, row, lane, sign) {
        const x = this.x(lane);
        node.append(svg('circle', {class: 'sign', cx: x, cy: row.y, r: 9}),
                    svg('text', {class: 'sign', x, y: row.y + 4.5, 'text-anchor': 'middle'}, sign));
    }

    mark(row, node) {
        const from = row.lane ? this.x(row.lane) : timeWidth;
        const last = this.ladder.lanes.length && row.lane && row.lane.at === this.ladder.lanes.length - 1;
        const flip = last && this.ladder.lanes.length > 1;
        if (row.lane) this.sign(node, row, row.lane, row.sign);
        const room = flip ? from - timeWidth : this.width - from;
        const label = row.kind === 'failure' ? `${row.failure.warning ? 'WARNING' : 'FAILED'}  ${row.label}` : row.label;
        node.append(svg('text', {class: 'label word', x: from + (flip ? -16 : 16), y: row.y + 4, 'text-anchor': flip ? 'end' : 'start'},
                        cut(label, Math.max(8, Math.floor((room - 30) / 6.9)))));
    }

    /* Moving and opening */

    key(event) {
        const move = {ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: 15, PageUp: -15, Home: -1e9, End: 1e9}[event.key];
        if (event.ctrlKey || event.metaKey || event.altKey) return;
        if (move !== undefined) {
            this.select(Math.min(this.ladder.rows.length - 1, Math.max(0, this.current + move)));
            if (this.opened) this.open(this.current);
        } else if ((event.key === 'Enter' || event.key === ' ') && this.current >= 0) {
            this.open(this.current);
        } else {
            return;
        }
        event.preventDefault();
        event.stopPropagation();
    }

    select(at) {
        const row = this.ladder.rows[at];
        if (!row) return;
        const old = this.current;
        this.current = at;
        const top = row.y - rowHeight, head = this.heads.offsetHeight;
        if (top < this.box.scrollTop) this.box.scrollTop = top - 20;
        if (row.y + head + 30 > this.box.scrollTop + this.box.clientHeight)
            this.box.scrollTop = row.y + head + 40 - this.box.clientHeight;
        for (const i of [old, at]) {
            const nodes = this.drawn.get(this.ladder.rows[i]);
            if (!nodes) continue;
            for (const node of nodes) node.classList.toggle('current', i === at);
            nodes[0].setAttribute('aria-selected', String(i === at));
        }
        this.draw();
        this.box.setAttribute('aria-activedescendant', `row-${at}`);
    }

    open(at) {
        this.select(at);
        this.opened = true;
        this.onOpen(this.ladder.rows[at]);
    }

    close() {
        this.opened = false;
    }

    done() {
        this.watch.disconnect();
    }
}

function sizeOf(row) {
    return `${size(row.event.z || 0)}${row.secure ? ', TLS' : ''}`;
}

function firstAt(rows, y) {
    let low = 0, high = rows.length;
    while (low < high) {
        const mid = (low + high) >> 1;
        if (rows[mid].y < y) low = mid + 1;
        else high = mid;
    }
    return low;
}
