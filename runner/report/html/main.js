/* Which part of the page is shown, keys, and light and dark. */

const tabs = {cases: 'Cases', conformance: 'Conformance', durations: 'Durations'};
const shown = {list: null, view: null, tab: 'cases'};

function tabBar(current) {
    return el('nav', {class: 'tabs', 'aria-label': 'Parts of the report'}, Object.entries(tabs).map(([key, words]) =>
        el('a', {href: key === 'cases' ? '#/' : `#/${key}`, 'aria-current': key === current ? 'page' : null}, words)));
}

function entryOf(number) {
    return entries.find(e => e.number === number);
}

function show() {
    const [, part, number] = location.hash.split('/');
    const view = document.getElementById('view');
    const entry = part === 'case' ? entryOf(Number(number)) : null;
    if (shown.view) shown.view.done();
    shown.view = null;
    if (entry) {
        shown.list.mark(shown.list.shown.includes(entry) ? entry : shown.list.current);
        shown.view = new CaseView(entry, shown.list);
        view.replaceChildren(shown.view.node);
        window.scrollTo(0, 0);
        shown.view.focus();
        return;
    }
    const tab = tabs[part] ? part : 'cases';
    const parts = {cases: () => casesView(shown.list), conformance: conformanceView, durations: durationsView};
    view.replaceChildren(tabBar(tab), parts[tab]());
    if (tab !== 'cases') return;
    if (shown.toFilter) document.getElementById('filter').select();
    else if (shown.list.current && shown.back) shown.list.row(shown.list.current).focus();
    shown.toFilter = false;
}

/* Keys */

function inField(target) {
    return target.matches && target.matches('input:not([type=checkbox]), select, textarea');
}

function leave(event) {
    if (inField(event.target)) {
        if (event.target.value && event.target.type === 'search') return;
        event.target.blur();
        if (shown.list.current) shown.list.row(shown.list.current).focus();
    } else if (shown.view && !shown.view.close(true)) {
        location.hash = '#/';
    } else if (!shown.view) {
        location.hash = '#/';
    }
}

function neighbour(by) {
    const next = shown.view && shown.list.neighbour(shown.view.entry, by);
    if (next) location.hash = `#/case/${next.number}`;
}

function key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === 'Escape') return leave(event);
    const field = inField(event.target);
    const list = !shown.view && document.getElementById('filter');
    if (list && (event.key === 'ArrowDown' || event.key === 'ArrowUp') && (!field || event.target.id === 'filter')) {
        shown.list.move(event.key === 'ArrowDown' ? 1 : -1);
        return event.preventDefault();
    }
    if (field) return;
    if (event.key === '[') neighbour(-1);
    if (event.key === ']') neighbour(1);
    if (list && (event.key === 'j' || event.key === 'k')) shown.list.move(event.key === 'j' ? 1 : -1);
    if (event.key === 'j' && shown.view && shown.view.view) shown.view.view.box.focus();
    if (event.key !== '/') return;
    event.preventDefault();
    if (list) return list.select();
    shown.toFilter = true;
    location.hash = '#/';
}

/* Light and dark */

const themes = {auto: '\u25d0 auto', light: '\u25cb light', dark: '\u25cf dark'};

function remembered() {
    try {
        return localStorage.getItem('sockrun-theme');
    } catch {
        return null;
    }
}

function setTheme(theme) {
    const button = document.getElementById('theme');
    document.documentElement.dataset.theme = theme;
    button.textContent = themes[theme];
    button.setAttribute('aria-label', `Theme: ${theme}`);
    try {
        localStorage.setItem('sockrun-theme', theme);
    } catch {
        /* A page from disk may not be allowed to remember. */
    }
}

function begin() {
    const names = Object.keys(themes);
    setTheme(themes[remembered()] ? remembered() : 'auto');
    document.getElementById('theme').addEventListener('click', () => {
        setTheme(names[(names.indexOf(document.documentElement.dataset.theme) + 1) % names.length]);
    });
    readAll();
    headline();
    shown.list = new CaseList();
    document.addEventListener('keydown', key);
    window.addEventListener('hashchange', () => {
        shown.back = true;
        show();
    });
    window.addEventListener('beforeprint', () => shown.view?.view?.draw(true));
    show();
    document.documentElement.dataset.ready = 'yes';
}

begin();
