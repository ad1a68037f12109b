/** The mesh as a picture, and the same as a table. */
import { h, s, table } from './dom.js';
import { bytes, count, percent } from './format.js';

const MOST_DRAWN = 8;
const NODE = { width: 168, height: 62 };

const hits = (teacher) => {
  const all = teacher.cached + teacher.computed;
  return all === 0 ? null : teacher.cached / all;
};

/** Returns what of the mesh works for a run. */
export function ofRun(mesh, run) {
  const own = (one) => one.run === run;
  return { work: mesh.work.filter(own), teachers: mesh.teachers.filter(own), students: mesh.students.filter(own) };
}

/** Draws who feeds whom into a box that it owns. */
export class MeshPicture {
  constructor() {
    this.box = h('div', { class: 'mesh' });
    this.facts = h('dl', { class: 'facts' });
    this.tables = h('div', { class: 'tables' });
    this.element = h(
      'section',
      { class: 'card', 'aria-labelledby': 'mesh-title' },
      h('div', { class: 'head' }, h('h2', { id: 'mesh-title' }, 'Mesh')),
      this.box,
      this.facts,
      this.tables,
    );
    this.observer = new ResizeObserver(() => this.mesh && this.draw());
    this.observer.observe(this.box);
  }

  destroy() {
    this.observer.disconnect();
  }

  show(mesh) {
    this.mesh = mesh;
    this.draw();
    this.tell();
  }

  draw() {
    const wide = this.box.clientWidth >= 620;
    const columns = [[{ kind: 'coordinator' }], few(this.mesh.teachers, 'teacher'), few(this.mesh.students, 'student')].filter((column) => column.length > 0);
    const longest = Math.max(...columns.map((column) => column.length));
    const pitch = NODE.height + 18;
    const width = wide ? this.box.clientWidth : Math.max(300, this.box.clientWidth);
    const perRow = Math.max(1, Math.floor((width + 8) / (NODE.width * 0.86 + 8)));
    const places = wide ? across(columns, width, longest, pitch) : down(columns, width, perRow);
    const height = Math.max(...places.flat().map((place) => place.y + NODE.height)) + 12;
    const edges = s('g', { class: 'edges' });
    for (let i = 0; i + 1 < places.length; i++) {
      for (const from of places[i]) {
        for (const to of places[i + 1]) {
          if (together(from, to)) {
            edges.append(edge(from, to, wide, this.mesh.work.length > 0 && busy(from, to)));
          }
        }
      }
    }
    const svg = s(
      'svg',
      { viewBox: `0 0 ${width} ${height}`, width, height, role: 'img', 'aria-label': describe(this.mesh) },
      s('defs', {}, s('marker', { id: 'arrow', viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: 'auto' }, s('path', { d: 'M0 0L8 4L0 8z', class: 'arrow' }))),
      edges,
      ...places.flat().map((place) => node(place, this.mesh)),
    );
    this.box.replaceChildren(svg);
  }

  tell() {
    const { work, teachers, students } = this.mesh;
    const facts = [];
    const several = work.length > 1;
    for (const one of work) {
      const of = several ? `, ${one.run}` : '';
      facts.push([`Steps under way${of}`, one.stepsUnderWay], [`Micro-batches waiting for credit${of}`, one.waitingMicroBatches]);
      if (one.split) {
        facts.push([`Time at the leading student${of}`, `${percent(one.split.computed, 0)} computing, ${percent(one.split.waited, 0)} waiting for tensors, ${percent(one.split.exchanged, 0)} exchanging`]);
      }
    }
    const runOf = (one) => (several ? [one.run ?? '–'] : []);
    const run = several ? ['Run'] : [];
    this.facts.replaceChildren(...facts.map(([name, value]) => h('div', {}, h('dt', {}, name), h('dd', {}, String(value)))));
    const open = [...this.tables.querySelectorAll('.scroll')].some((one) => one === document.activeElement);
    if (open) {
      return;
    }
    this.tables.replaceChildren(
      teachers.length === 0
        ? h('p', { class: 'empty' }, 'No teacher-worker has joined.')
        : table(
            'Teacher-workers',
            ['Teacher', ...run, 'Images/s', 'Held', 'Credit used', 'Cache hits'],
            teachers.map((one) => [one.id, ...runOf(one), one.imagesPerSecond.toFixed(0), count(one.held), one.creditBytes ? `${bytes(one.usedBytes)} of ${bytes(one.creditBytes)}` : '–', percent(hits(one), 0)]),
          ),
      students.length === 0
        ? h('p', { class: 'empty' }, 'No student-worker has joined.')
        : table(
            'Student-workers',
            ['Student', ...run, 'Images/s', 'Micro-batches', 'Threads', 'Platform'],
            students.map((one) => [one.leads ? `${one.id} (leads)` : one.id, ...runOf(one), one.imagesPerSecond.toFixed(0), share(one), String(one.threads), one.platform]),
          ),
    );
  }
}

const share = (student) =>
  student.endMicroBatch === student.firstMicroBatch ? '–' : student.endMicroBatch - student.firstMicroBatch === 1 ? String(student.firstMicroBatch) : `${student.firstMicroBatch}–${student.endMicroBatch - 1}`;

function few(workers, kind) {
  const drawn = workers.slice(0, workers.length > MOST_DRAWN ? MOST_DRAWN - 1 : MOST_DRAWN).map((worker) => ({ kind, worker }));
  return workers.length > MOST_DRAWN ? [...drawn, { kind: 'more', count: workers.length - drawn.length }] : drawn;
}

function across(columns, width, longest, pitch) {
  const gap = columns.length === 1 ? 0 : (width - NODE.width - 4) / (columns.length - 1);
  return columns.map((column, i) =>
    column.map((node, j) => ({ ...node, width: NODE.width, x: columns.length === 1 ? (width - NODE.width) / 2 : 2 + i * gap, y: 10 + j * pitch + ((longest - column.length) * pitch) / 2 })),
  );
}

function down(columns, width, perRow) {
  let top = 8;
  return columns.map((column) => {
    const rows = Math.ceil(column.length / perRow);
    const inRow = Math.ceil(column.length / rows);
    const nodeWidth = Math.min(NODE.width, (width - 8 * (inRow - 1)) / inRow);
    const places = column.map((node, j) => {
      const row = Math.floor(j / inRow);
      const here = Math.min(inRow, column.length - row * inRow);
      const left = (width - here * nodeWidth - (here - 1) * 8) / 2;
      return { ...node, width: nodeWidth, x: left + (j % inRow) * (nodeWidth + 8), y: top + row * (NODE.height + 10) };
    });
    top += rows * (NODE.height + 10) + 44;
    return places;
  });
}

/** Workers of different runs have nothing to do with each other. */
const together = (from, to) => !from.worker || !to.worker || from.worker.run === to.worker.run;

const busy = (from, to) => (from.worker?.imagesPerSecond ?? 1) > 0 && (to.worker?.imagesPerSecond ?? 1) > 0;

function edge(from, to, wide, active) {
  const a = wide ? [from.x + from.width, from.y + NODE.height / 2] : [from.x + from.width / 2, from.y + NODE.height];
  const b = wide ? [to.x - 3, to.y + NODE.height / 2] : [to.x + to.width / 2, to.y - 3];
  const bend = wide ? [(a[0] + b[0]) / 2, a[1], (a[0] + b[0]) / 2, b[1]] : [a[0], (a[1] + b[1]) / 2, b[0], (a[1] + b[1]) / 2];
  return s('path', { class: active ? 'edge active' : 'edge', d: `M${a}C${bend},${b}`, 'marker-end': 'url(#arrow)' });
}

function node(place, mesh) {
  const group = s('g', { class: `node ${place.kind}`, transform: `translate(${place.x},${place.y})` });
  group.append(s('rect', { class: 'body', width: place.width, height: NODE.height, rx: 10 }));
  const [title, line] = words(place, mesh);
  group.append(s('text', { class: 'title', x: 12, y: 24 }, fit(title, place.width)), s('text', { class: 'line', x: 12, y: 43 }, fit(line, place.width)));
  const worker = place.worker;
  if (place.kind === 'teacher' && worker.creditBytes > 0) {
    const full = Math.max(0, Math.min(1, worker.usedBytes / worker.creditBytes));
    group.append(
      s('rect', { class: 'gauge', x: 12, y: 51, width: place.width - 24, height: 4, rx: 2 }),
      s('rect', { class: 'level', x: 12, y: 51, width: (place.width - 24) * full, height: 4, rx: 2 }),
    );
  }
  return group;
}

function words(place, mesh) {
  if (place.kind === 'coordinator') {
    const steps = mesh.work.reduce((sum, one) => sum + one.stepsUnderWay, 0);
    return ['coordinator', mesh.work.length === 0 ? 'no run' : mesh.work.length === 1 ? `${steps} steps under way` : `${mesh.work.length} runs, ${steps} steps`];
  }
  if (place.kind === 'more') {
    return [`${place.count} more`, 'in the table below'];
  }
  const { worker } = place;
  if (place.kind === 'teacher') {
    const share = hits(worker);
    return [worker.id, `${worker.imagesPerSecond.toFixed(0)} img/s · ${worker.held} held${share === null ? '' : ` · ${percent(share, 0)} hits`}`];
  }
  return [worker.leads ? `★ ${worker.id}` : worker.id, `${worker.imagesPerSecond.toFixed(0)} img/s · parts ${share(worker)}`];
}

/** Cuts a text to the width of a box, at about 6.4 pixels a letter. */
function fit(text, width) {
  const most = Math.floor((width - 20) / 6.2);
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

function describe(mesh) {
  const names = (workers) => (workers.length === 0 ? 'none' : workers.map((one) => one.id).join(', '));
  return `The coordinator feeds teachers: ${names(mesh.teachers)}; they feed students: ${names(mesh.students)}`;
}
