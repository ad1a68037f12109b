/** Up to eight runs in one plot, and where their plans differ. */
import { Chart } from './chart.js';
import { accuracy, joined, meanAgreement } from './curves.js';
import { h, say, table } from './dom.js';
import { count, day, number, percent, tick } from './format.js';
import { live } from './live.js';
import { chip } from './runs.js';

const MOST = 8;
const BASE_DASH = [6, 5];
const MEASURES = {
  accuracy: ['Test accuracy', 'Epoch', (value) => percent(value)],
  loss: ['Loss', 'Step of the track', number, tick],
  agreement: ['Boundary agreement', 'Step of the track', (value) => percent(value)],
  learningRate: ['Learning rate', 'Step of the track', number, tick],
  throughput: ['Images per second', 'Step of the track', (value) => value.toFixed(0)],
};

export function compareView(ids) {
  document.title = 'Compare · abmesh';
  const wanted = ids.slice(0, MOST);
  const problem = h('p', { class: 'problem', role: 'alert' });
  problem.hidden = true;
  const measure = h('select', { id: 'measure', onchange: rebuild }, Object.entries(MEASURES).map(([value, [title]]) => h('option', { value }, title)));
  const all = h('input', { type: 'checkbox', id: 'all-tracks', onchange: draw });
  const place = h('div');
  const result = h('div');
  const differences = h('div');
  const element = h(
    'div',
    {},
    h('p', { class: 'crumbs' }, h('a', { href: '#/' }, 'Runs'), ' / compare'),
    h('div', { class: 'title' }, h('h1', { tabindex: '-1' }, `${wanted.length} runs compared`)),
    problem,
    h('div', { class: 'tools' }, h('label', { for: 'measure' }, 'Measure'), measure, h('label', { class: 'check' }, all, ' Baselines too')),
    place,
    h('section', { class: 'card', 'aria-labelledby': 'result-title' }, h('div', { class: 'head' }, h('h2', { id: 'result-title' }, 'Results')), result),
    h('section', { class: 'card', 'aria-labelledby': 'difference-title' }, h('div', { class: 'head' }, h('h2', { id: 'difference-title' }, 'Where the plans differ')), differences),
  );
  const traces = live.follow(wanted);
  let refused = [];
  let chart = null;
  let pending = false;

  /** Name of a run, with its id where another has the same name. */
  function name(id) {
    const run = live.runs.get(id);
    const twins = wanted.filter((other) => live.runs.get(other)?.name === run?.name);
    return !run ? id : twins.length > 1 ? `${run.name} ${id.slice(-8)}` : run.name;
  }

  function rebuild() {
    chart?.destroy();
    const [title, xLabel, y, axis] = MEASURES[measure.value];
    chart = new Chart(title, { x: (value) => (measure.value === 'accuracy' ? value.toFixed(value % 1 === 0 ? 0 : 1) : count(Math.round(value))), xLabel, y, tick: axis, ...(measure.value === 'loss' ? { log: true } : {}), empty: 'None of these runs has measured it.' });
    place.replaceChildren(chart.element);
    draw();
  }

  function lines() {
    return traces.flatMap((trace, index) => {
      const own = live.runs.get(trace.id)?.ownTrack;
      const shown = (track) => all.checked || track === own;
      const label = (track) => (all.checked && track !== own ? `${name(trace.id)}: ${track}` : name(trace.id));
      if (measure.value === 'accuracy') {
        return accuracy(trace, (one) => label(one.track), () => index)
          .map((line, i) => ({ ...line, track: trace.of('accuracy')[i].track }))
          .filter((line) => shown(line.track))
          .map((line) => ({ ...line, dash: line.track === own ? undefined : BASE_DASH }));
      }
      const curves = measure.value === 'agreement' ? [...new Set(trace.phases.map((phase) => phase.track))].flatMap((track) => meanAgreement(trace, track)) : trace.of(measure.value);
      return joined(
        curves
          .filter((one) => shown(one.track))
          .map((one) => ({ label: label(one.track), colour: index, dash: one.track === own ? undefined : BASE_DASH, x: one.step.map((step) => step - trace.start(one.track)), y: one.mean, low: one.low, high: one.high })),
      );
    });
  }

  function draw() {
    const problems = new Set([...traces.map((trace) => trace.problem).filter(Boolean), ...refused]);
    problem.hidden = problems.size === 0;
    say(problem, [...problems].join('\n'));
    if (chart && element.isConnected && traces.some((trace) => trace.known || trace.problem)) {
      chart.show(lines());
    }
    const rows = wanted.map((id) => {
      const run = live.runs.get(id);
      if (!run) {
        return [id, '', '', '', '', ''];
      }
      return [
        h('a', { href: `#/run/${encodeURIComponent(id)}` }, name(id)),
        chip(run),
        percent(run.accuracy[run.ownTrack], 2),
        percent(run.accuracy['cross-entropy'], 2),
        String(run.seed),
        day(run.submitted),
      ];
    });
    if (!result.contains(document.activeElement)) {
      result.replaceChildren(table('Results of the runs', ['Run', 'State', 'Accuracy', 'Cross-entropy alone', 'Seed', 'Submitted'], rows));
    }
  }

  function soon() {
    if (!pending) {
      pending = true;
      requestAnimationFrame(() => {
        pending = false;
        draw();
      });
    }
  }

  /** Compares the plans of the runs that there are. */
  async function start() {
    const answers = await Promise.allSettled(wanted.map((id) => live.get(`api/runs/${encodeURIComponent(id)}`)));
    refused = answers.filter((answer) => answer.status === 'rejected').map((answer) => answer.reason.message);
    const known = answers.filter((answer) => answer.status === 'fulfilled').map((answer) => answer.value);
    for (const run of known) {
      if (!live.runs.has(run.id)) {
        live.runs.set(run.id, run);
      }
    }
    compare(known);
    draw();
  }

  function compare(plans) {
    const flat = plans.map((run) => flatten(run.plan));
    const keys = [...new Set(flat.flatMap((plan) => [...plan.keys()]))].filter((key) => new Set(flat.map((plan) => plan.get(key))).size > 1);
    differences.replaceChildren(
      keys.length === 0
        ? h('p', { class: 'empty' }, plans.length < 2 ? 'Nothing to compare.' : 'They are the same.')
        : table('Where the plans differ', ['Key', ...plans.map((run) => name(run.id))], keys.map((key) => [h('code', {}, key), ...flat.map((plan) => plan.get(key) ?? '–')])),
    );
  }

  /** Other runs change nothing here. */
  function changed({ detail: { ids } }) {
    if (ids.some((id) => wanted.includes(id))) {
      soon();
    }
  }

  live.addEventListener('runs', changed);
  traces.forEach((trace) => trace.addEventListener('change', soon));
  start();
  return {
    element,
    entered: rebuild,
    leave() {
      live.removeEventListener('runs', changed);
      chart?.destroy();
    },
  };
}

/** Leaves of a plan by their path. */
function flatten(value, path = '', into = new Map()) {
  if (value !== null && typeof value === 'object') {
    for (const [name, child] of Object.entries(value)) {
      flatten(child, Array.isArray(value) ? `${path}[${name}]` : path ? `${path}.${name}` : name, into);
    }
  } else {
    into.set(path, String(value));
  }
  return into;
}
