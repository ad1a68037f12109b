/** The list of runs. */
import { h, say } from './dom.js';
import { STATES, day, duration, percent, progress, count } from './format.js';
import { live } from './live.js';

const MOST_COMPARED = 8;
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
  const words = h('input', { type: 'search', id: 'find', placeholder: 'Name or id', autocomplete: 'off', oninput: filter });
  const state = h('select', { id: 'state', onchange: filter }, h('option', { value: '' }, 'Any state'), Object.entries(STATES).map(([value, [, word]]) => h('option', { value }, word)));
  const found = h('p', { class: 'muted', role: 'status' });
  const body = h('tbody');
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
  );

  function row(run) {
    let one = rows.get(run.id);
    if (!one) {
      const box = h('input', { type: 'checkbox', 'aria-label': `Compare ${run.name} ${run.id}`, onchange: () => choose(run.id, box) });
      box.checked = chosen.has(run.id);
      one = { run, element: h('tr', { data: { run: run.id } }, h('td', { class: 'choose' }, box)), cells: [] };
      one.box = box;
      rows.set(run.id, one);
    }
    one.run = run;
    one.cells.forEach((cell) => cell.remove());
    const took = ((run.ended ?? Date.now()) - run.submitted) / 1000;
    const own = run.accuracy[run.ownTrack];
    const base = run.accuracy['cross-entropy'];
    const better = own !== undefined && base !== undefined && run.ownTrack !== 'cross-entropy' ? 100 * (own - base) : null;
    one.cells = [
      h('th', { scope: 'row', class: 'name' }, h('a', { href: `#/run/${encodeURIComponent(run.id)}` }, run.name), h('span', { class: 'id' }, run.id)),
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

  function filter() {
    const wanted = words.value.trim().toLowerCase();
    let shown = 0;
    for (const { run, element: line } of rows.values()) {
      const fits = (!state.value || run.state === state.value) && (!wanted || run.name.toLowerCase().includes(wanted) || run.id.includes(wanted));
      line.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    say(found, !live.known ? 'Reading…' : rows.size === 0 ? 'No runs yet: submit one with abmesh run PLAN.' : shown === rows.size ? `${count(shown)} in all` : `${count(shown)} of ${count(rows.size)}`);
  }

  function show(event) {
    const all = !event || event.detail.complete;
    const ids = all ? [...live.runs.keys()] : event.detail.ids;
    let arrived = all;
    for (const id of ids) {
      arrived ||= !rows.has(id);
      row(live.runs.get(id));
    }
    if (all) {
      for (const id of rows.keys()) {
        if (!live.runs.has(id)) {
          rows.get(id).element.remove();
          rows.delete(id);
        }
      }
    }
    if (arrived) {
      const sorted = [...rows.values()].sort((a, b) => b.run.submitted - a.run.submitted);
      if (sorted.some((one, i) => body.children[i] !== one.element)) {
        body.replaceChildren(...sorted.map((one) => one.element));
      }
    }
    filter();
  }

  live.addEventListener('runs', show);
  show();
  offer();
  live.follow([]);
  return { element, leave: () => live.removeEventListener('runs', show) };
}
