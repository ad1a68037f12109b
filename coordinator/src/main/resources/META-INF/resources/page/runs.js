/** The list of runs: what the server finds, a page of it at a time, kept up to date by the stream. */
import { arrange, h, say } from './dom.js';
import { STATES, day, duration, percent, progress, count } from './format.js';
import { live } from './live.js';
import { get } from './trace.js';

const MOST_COMPARED = 8;
const PAGE = 100;
const PAUSE_MILLIS = 200;
const chosen = new Set();

/** State of a run as a word with a sign. */
export function chip(run) {
  const [sign, word] = STATES[run.state] ?? ['?', run.state];
  return h('span', { class: 'chip', data: { state: run.state } }, h('span', { 'aria-hidden': 'true' }, sign), ` ${word}`);
}

/** Progress of a run as a bar with words. */
export function bar(run, label) {
  const share = progress(run);
  const fill = h('span', { class: 'fill' });
  fill.style.inlineSize = `${100 * share}%`;
  return h(
    'span',
    { class: 'progress', data: { state: run.state }, role: 'progressbar', 'aria-label': label, 'aria-valuemin': '0', 'aria-valuemax': '100', 'aria-valuenow': String(Math.round(100 * share)) },
    fill,
  );
}

export function runsView() {
  document.title = 'Runs · abmesh';
  const rows = new Map();
  const words = h('input', { type: 'search', id: 'find', placeholder: 'Name or id', autocomplete: 'off', oninput: search });
  const state = h('select', { id: 'state', onchange: search }, h('option', { value: '' }, 'Any state'), Object.entries(STATES).map(([value, [, word]]) => h('option', { value }, word)));
  const found = h('p', { class: 'muted', role: 'status' });
  const body = h('tbody');
  const newer = h('button', { type: 'button', onclick: () => turn(-PAGE) }, 'Newer');
  const older = h('button', { type: 'button', onclick: () => turn(PAGE) }, 'Older');
  const pages = h('nav', { class: 'tools', 'aria-label': 'Pages of the list' }, newer, older);
  const states = new Map();
  let from = 0;
  let reading = 0;
  /** Runs that the stream told of since the question on its way; null: none is on its way. */
  let heard = null;
  let moved = false;
  let pause = 0;
  const compare = h('button', { type: 'button', class: 'primary', onclick: () => (location.hash = `#/compare/${[...chosen].map(encodeURIComponent).join(',')}`) }, 'Compare');
  const element = h(
    'div',
    {},
    h('div', { class: 'title' }, h('h1', { tabindex: '-1' }, 'Runs'), found),
    h(
      'div',
      { class: 'tools' },
      h('label', { for: 'find', class: 'hidden' }, 'Find runs'),
      words,
      h('label', { for: 'state', class: 'hidden' }, 'State'),
      state,
      compare,
    ),
    h(
      'table',
      { class: 'runs' },
      h('caption', { class: 'hidden' }, 'All runs, newest first'),
      h('thead', {}, h('tr', {}, ['Compare', 'Run', 'State', 'Progress', 'Accuracy', 'Submitted', 'Took'].map((head) => h('th', { scope: 'col' }, head)))),
      body,
    ),
    pages,
  );

  function row(run) {
    let one = rows.get(run.id);
    if (!one) {
      const box = h('input', { type: 'checkbox', 'aria-label': `Compare ${run.name} ${run.id}`, onchange: () => choose(run.id, box) });
      box.checked = chosen.has(run.id);
      // What the keyboard can focus is drawn once: what is redrawn loses the focus.
      const link = h('a', { href: `#/run/${encodeURIComponent(run.id)}` }, run.name);
      const name = h('th', { scope: 'row', class: 'name' }, link, h('span', { class: 'id' }, run.id));
      one = { element: h('tr', { data: { run: run.id } }, h('td', { class: 'choose' }, box), name), cells: [] };
      rows.set(run.id, one);
    }
    const drawn = JSON.stringify(run);
    if (one.drawn === drawn) {
      return one;
    }
    one.drawn = drawn;
    one.cells.forEach((cell) => cell.remove());
    const took = ((run.ended ?? Date.now()) - run.submitted) / 1000;
    const own = run.accuracy[run.ownTrack];
    const base = run.accuracy['cross-entropy'];
    const better = own !== undefined && base !== undefined && run.ownTrack !== 'cross-entropy' ? 100 * (own - base) : null;
    one.cells = [
      h('td', { class: 'state' }, chip(run)),
      h('td', { class: 'done' }, bar(run, `Progress of ${run.name}`), h('span', { class: 'steps' }, run.totalSteps > 0 ? `${count(run.steps)} of ${count(run.totalSteps)}` : `${count(run.steps)} steps`)),
      h('td', { class: 'accuracy' }, percent(own), better === null ? null : h('span', { class: 'difference' }, `${better >= 0 ? '+' : '−'}${Math.abs(better).toFixed(1)} points`)),
      h('td', { class: 'when' }, h('time', { datetime: new Date(run.submitted).toISOString() }, day(run.submitted))),
      h('td', { class: 'took' }, duration(took)),
    ];
    one.element.append(...one.cells);
    return one;
  }

  function choose(id, box) {
    if (box.checked && chosen.size >= MOST_COMPARED) {
      box.checked = false;
      say(found, `At most ${MOST_COMPARED} runs can be compared.`);
      return;
    }
    chosen[box.checked ? 'add' : 'delete'](id);
    offer();
  }

  function offer() {
    compare.disabled = chosen.size < 2;
    say(compare, chosen.size < 2 ? 'Choose runs to compare' : `Compare ${chosen.size} runs`);
  }

  function search() {
    from = 0;
    soon();
  }

  function turn(by) {
    from = Math.max(0, from + by);
    read().then(() => element.querySelector('h1').focus());
  }

  /** Reads the list again after a pause, in which more may change. */
  function soon() {
    clearTimeout(pause);
    pause = setTimeout(read, PAUSE_MILLIS);
  }

  /** Reads the list again once the answer on its way is there: a slow one would else never be shown. */
  function again() {
    if (heard) {
      moved = true;
    } else {
      soon();
    }
  }

  /** Reads the page of the list that is wanted now; an answer that another question overtook is dropped. */
  async function read() {
    clearTimeout(pause);
    const question = ++reading;
    heard = new Set();
    moved = false;
    const asked = new URLSearchParams({ find: words.value, state: state.value, from });
    // Where the server is away, the stream tells when it is there again.
    const answer = await get(`api/runs?${asked}`).catch(() => null);
    if (question !== reading) {
      return;
    }
    if (answer) {
      show(answer);
    }
    heard = null;
    if (moved) {
      soon();
    }
  }

  function show(answer) {
    const there = new Set(answer.runs.map((run) => run.id));
    for (const id of rows.keys()) {
      if (!there.has(id)) {
        rows.delete(id);
      }
    }
    const shown = answer.runs.map((answered) => {
      if (!heard.has(answered.id)) {
        live.runs.set(answered.id, answered);
      }
      // What the stream told meanwhile is newer.
      const run = live.runs.get(answered.id);
      states.set(run.id, run.state);
      return row(run).element;
    });
    arrange(body, shown);
    const last = from + shown.length;
    pages.hidden = from === 0 && last >= answer.found;
    newer.disabled = from === 0;
    older.disabled = last >= answer.found;
    const place = pages.hidden ? '' : `${count(from + 1)} to ${count(last)} of `;
    say(found, answer.all === 0 ? 'No runs yet: submit one with abmesh run PLAN.' : answer.found === answer.all ? `${place}${count(answer.all)} in all` : `${place}${count(answer.found)} of ${count(answer.all)}`);
  }

  /** Draws the rows that changed; asks for the list where a run is new, or enters or leaves the state that is looked for. */
  function changed({ detail: { ids, complete } }) {
    let other = complete;
    for (const id of ids) {
      const run = live.runs.get(id);
      const before = states.get(id);
      other ||= before === undefined || (before !== run.state && [before, run.state].includes(state.value));
      states.set(id, run.state);
      heard?.add(id);
      if (rows.has(id)) {
        row(run);
      }
    }
    if (other) {
      again();
    }
  }

  live.addEventListener('runs', changed);
  offer();
  say(found, 'Reading…');
  pages.hidden = true;
  read();
  live.follow([]);
  return {
    element,
    leave() {
      reading++;
      clearTimeout(pause);
      live.removeEventListener('runs', changed);
    },
  };
}
