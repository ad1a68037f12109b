/** One run: where it stands, its curves, who works on it, what happened, its plan and its results. */
import { Chart } from './chart.js';
import { accuracy, joined, overSteps } from './curves.js';
import { arrange, h, say } from './dom.js';
import { bytes, clock, count, day, duration, number, percent, progress, tick } from './format.js';
import { live } from './live.js';
import { MeshPicture, ofRun } from './mesh.js';
import { bar, chip } from './runs.js';

const MOST_EVENTS = 200;
const FILES = {
  'report.html': 'Report, for people',
  'report.json': 'Report, for programs',
  'metrics.jsonl': 'Measurements of every step',
  'plan.yaml': 'Plan as it was written',
  'student.onnx': 'Student, ONNX',
  'student.dl4j.zip': 'Student, DL4J',
};

export function runView(id) {
  document.title = `${id} · abmesh`;
  const h1 = h('h1', { tabindex: '-1' }, id);
  const state = h('span', { class: 'state-line', role: 'status' });
  const done = h('div', { class: 'done-line' });
  const tiles = h('dl', { class: 'tiles' });
  const problem = h('p', { class: 'problem', role: 'alert' });
  problem.hidden = true;
  const stepText = (value) => count(Math.round(value));
  const charts = {
    accuracy: new Chart('Test accuracy', { x: (value) => value.toFixed(value % 1 === 0 ? 0 : 1), xLabel: 'Epoch', y: (value) => percent(value), empty: 'Measured at the end of phases that train the classifier.' }),
    loss: new Chart('Loss per term', { x: stepText, xLabel: 'Step', y: number, tick, log: true }),
    agreement: new Chart('Boundary agreement per tap', { x: stepText, xLabel: 'Step', y: (value) => percent(value), empty: 'Only phases with a boundary loss have one.' }),
    throughput: new Chart('Training images per second', { x: stepText, xLabel: 'Step', y: (value) => value.toFixed(0) }),
    learningRate: new Chart('Learning rate', { x: stepText, xLabel: 'Step', y: number, tick }),
  };
  const picture = new MeshPicture();
  picture.element.hidden = true;
  const events = h('ol', { class: 'events', reversed: true });
  const files = h('ul', { class: 'files' });
  const shownFiles = new Map();
  const delivery = h('p', { class: 'delivery', role: 'status' });
  delivery.hidden = true;
  const plan = h('pre', { tabindex: '0', 'aria-label': 'Complete plan' });
  const element = h(
    'div',
    {},
    h('p', { class: 'crumbs' }, h('a', { href: '#/' }, 'Runs'), ' / ', h('span', { class: 'id' }, id)),
    h('div', { class: 'title' }, h1, state),
    problem,
    done,
    tiles,
    h('div', { class: 'grid' }, Object.values(charts).map((chart) => chart.element)),
    picture.element,
    h(
      'div',
      { class: 'grid' },
      h('section', { class: 'card', 'aria-labelledby': 'events-title' }, h('div', { class: 'head' }, h('h2', { id: 'events-title' }, 'Events')), h('div', { class: 'scroll tall', tabindex: '0', role: 'region', 'aria-labelledby': 'events-title' }, events)),
      h('section', { class: 'card', 'aria-labelledby': 'files-title' }, h('div', { class: 'head' }, h('h2', { id: 'files-title' }, 'Results')), files, delivery, h('h2', {}, 'Plan'), h('div', { class: 'scroll tall' }, plan)),
    ),
  );
  const [trace] = live.follow([id]);
  let pending = false;
  let shownState = '';

  function summary() {
    const run = live.runs.get(id);
    const failure = run?.failure ?? trace.problem;
    problem.hidden = !failure;
    say(problem, failure);
    if (!run) {
      return;
    }
    say(h1, run.name);
    document.title = `${run.name} · abmesh`;
    if (shownState !== run.state) {
      shownState = run.state;
      state.replaceChildren(chip(run));
      listFiles();
    }
    const working = run.state === 'running' && run.track;
    done.replaceChildren(
      bar(run, 'Progress'),
      h(
        'p',
        { class: 'muted' },
        run.totalSteps > 0 ? `Step ${count(run.steps)} of ${count(run.totalSteps)} (${percent(progress(run), 0)})` : `Step ${count(run.steps)}`,
        working ? ` · ${run.track} / ${run.phase}` : '',
      ),
    );
    tell(run.delivery);
    tile(run);
    const own = ofRun(live.mesh, id);
    const here = own.work.length > 0;
    picture.element.hidden = !here;
    if (here) {
      picture.show(own);
    }
  }

  /** Says where the copy of the result in an object store is, or why it is not there yet. */
  function tell(copy) {
    delivery.hidden = !copy;
    if (copy) {
      const state = copy.delivered ? 'delivered' : copy.failure ? 'failing' : 'under-way';
      delivery.dataset.state = state;
      say(delivery, { delivered: `Copied to ${copy.location}`, failing: `Not yet at ${copy.location}, tried again. ${copy.reason}: ${copy.failure}`, 'under-way': `On its way to ${copy.location}` }[state]);
    }
  }

  function tile(run) {
    const rate = trace.last('throughput');
    const rest = Math.max(0, run.totalSteps - run.steps);
    const took = ((run.ended ?? Date.now()) - run.submitted) / 1000;
    const agreement = latest(trace.of('agreement'));
    const facts = [
      ...Object.entries(run.accuracy).map(([track, value]) => [`Accuracy, ${track}`, percent(value)]),
      agreement === undefined ? null : ['Boundary agreement', percent(agreement)],
      run.state === 'running' && rate ? ['Images per second', rate.toFixed(0)] : null,
      run.state === 'running' && rate ? ['Time left', duration((rest * run.batch) / rate)] : null,
      ['Submitted', day(run.submitted)],
      [run.ended ? 'Took' : 'Since', duration(took)],
      ['Seed', String(run.seed)],
    ].filter(Boolean);
    tiles.replaceChildren(...facts.map(([name, value]) => h('div', { class: value.length > 10 ? 'long' : null }, h('dt', {}, name), h('dd', {}, value))));
  }

  /** Draws at most once a frame. */
  function soon() {
    if (!pending) {
      pending = true;
      requestAnimationFrame(() => {
        pending = false;
        if (element.isConnected) {
          draw();
        }
      });
    }
  }

  function draw() {
    const tracks = [...new Set(trace.phases.map((phase) => phase.track))];
    const taps = [...new Set(trace.of('agreement').map((one) => one.name))];
    const terms = [...new Set(trace.of('term').map((one) => one.name))];
    const phases = trace.phases.map((phase) => `${phase.track}/${phase.phase}`);
    const byTrack = (one) => tracks.indexOf(one.track);
    const byPhase = (one) => Math.max(0, phases.indexOf(`${one.track}/${one.phase}`));
    const phaseName = (one) => (one.track === one.phase ? one.track : `${one.track} / ${one.phase}`);
    charts.accuracy.show(accuracy(trace, (one) => one.track, byTrack));
    charts.loss.show(overSteps(trace, ['loss', 'term'], (one) => (one.name ? `${phaseName(one)}: ${one.name}` : phaseName(one)), (one) => (one.name ? phases.length + terms.indexOf(one.name) : byPhase(one))));
    charts.agreement.show(joined(overSteps(trace, ['agreement'], (one) => one.name, (one) => taps.indexOf(one.name))));
    charts.throughput.show(joined(overSteps(trace, ['throughput'], (one) => one.track, byTrack)));
    charts.learningRate.show(joined(overSteps(trace, ['learningRate'], (one) => one.track, byTrack)));
    listEvents();
    summary();
  }

  function listEvents() {
    const newest = trace.noted.slice(-MOST_EVENTS);
    if (events.dataset.last === String(newest.at(-1)?.number) && events.children.length > 0) {
      return;
    }
    events.dataset.last = String(newest.at(-1)?.number);
    events.replaceChildren(
      ...newest.reverse().map((event) =>
        h('li', { data: { kind: event.notice ? 'notice' : event.runEnded ? 'ended' : 'fact' } }, h('time', { datetime: new Date(event.time).toISOString(), title: day(event.time) }, clock(event.time)), h('span', {}, words(event))),
      ),
    );
  }

  function listFiles() {
    live
      .get(`api/runs/${encodeURIComponent(id)}/files`)
      .then((sizes) => {
        arrange(
          files,
          Object.entries(sizes).map(([name, size]) => file(name, size)),
        );
      })
      .catch((error) => files.replaceChildren(h('li', { class: 'muted' }, error.message)));
  }

  function file(name, size) {
    let one = shownFiles.get(name);
    if (!one) {
      const what = h('span', { class: 'muted' });
      const link = h('a', { href: `api/runs/${encodeURIComponent(id)}/files/${encodeURIComponent(name)}`, target: '_blank', rel: 'noopener' }, name);
      one = { element: h('li', {}, link, what), what };
      shownFiles.set(name, one);
    }
    say(one.what, `${FILES[name] ?? ''} · ${bytes(size)}`);
    return one.element;
  }

  live.addEventListener('runs', summary);
  live.addEventListener('mesh', summary);
  trace.addEventListener('change', soon);
  summary();
  live
    .get(`api/runs/${encodeURIComponent(id)}`)
    .then((run) => {
      say(plan, JSON.stringify(run.plan, null, 2));
      if (!live.runs.has(id)) {
        live.runs.set(id, run);
        summary();
      }
    })
    .catch((error) => say(plan, error.message));
  return {
    element,
    leave() {
      live.removeEventListener('runs', summary);
      live.removeEventListener('mesh', summary);
      Object.values(charts).forEach((chart) => chart.destroy());
      picture.destroy();
    },
  };
}

/** Mean of the newest values of curves. */
function latest(curves) {
  const newest = Math.max(...curves.map((one) => one.step.at(-1)));
  const values = curves.filter((one) => one.step.at(-1) === newest).map((one) => one.mean.at(-1));
  return values.length === 0 ? undefined : values.reduce((a, b) => a + b, 0) / values.length;
}

/** An event as a sentence. */
function words(event) {
  if (event.phaseStarted) {
    const { track, phase, startStep, endStep } = event.phaseStarted;
    return `${track} / ${phase} began: steps ${count(startStep)} to ${count(endStep - 1)}`;
  }
  if (event.evaluated) {
    const { track, accuracy: share, epoch } = event.evaluated;
    return `${track}: accuracy ${percent(share, 2)} after ${epoch.toFixed(1)} epochs`;
  }
  if (event.phaseEnded) {
    const { track, phase, steps, seconds, loss } = event.phaseEnded;
    return `${track} / ${phase} ended: ${count(steps)} steps in ${duration(seconds)}, loss ${number(loss)}`;
  }
  if (event.trackEnded) {
    const { track, parametersSha256 } = event.trackEnded;
    return `${track} is done: parameters ${parametersSha256.slice(0, 12)}`;
  }
  if (event.roster) {
    const { students, nextStep } = event.roster;
    return `${students.join(', ')} ${students.length === 1 ? 'trains' : 'train'} from step ${count(nextStep)} on`;
  }
  if (event.runEnded) {
    return event.runEnded.failure ? `Run ${event.runEnded.state}: ${event.runEnded.failure}` : `Run ${event.runEnded.state}`;
  }
  return event.notice ? event.notice.message : '';
}
