/**
 * A plot that can be read without seeing it and used without a mouse: arrow keys move through the
 * values, the legend says them and hides lines, and a table has the same numbers.
 */
import uPlot from '../webjars/uplot/dist/uPlot.esm.js';
import { h, say, table } from './dom.js';

const TABLE_ROWS = 40;
const dark = matchMedia('(prefers-color-scheme: dark)');
const charts = new Set();

dark.addEventListener('change', () => charts.forEach((chart) => chart.rebuild()));

const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Colour number `index` of the palette, in the present theme. */
export const colour = (index) => style(`--line-${index % 8}`);

/**
 * One curve: `{label, colour (index), dash, points, x, y, low, high}`; `low` and `high` are drawn as
 * a band around `y`.
 */
export class Chart {
  /**
   * @param title what is plotted
   * @param options `x` and `y` format values, `tick` those at the axis of y if otherwise; `xLabel`; `range` of y, or none; `log`: offer a
   *     logarithmic scale, and whether it is on
   */
  constructor(title, options) {
    this.title = title;
    this.options = options;
    this.lines = [];
    this.hidden = new Set();
    this.log = options.log ?? false;
    /** The part of x that somebody chose to see; null: all of it, however it grows. */
    this.zoom = null;
    this.plotBox = h('div', {
      class: 'plot',
      tabindex: '0',
      role: 'img',
      'aria-label': `${title}: use the arrow keys to read values`,
      onkeydown: (event) => this.key(event),
      onblur: () => this.plot?.setCursor({ left: -10, top: -10 }),
    });
    this.legend = h('ul', { class: 'legend', 'aria-label': `Lines of ${title}` });
    this.spoken = h('p', { class: 'hidden', role: 'status' });
    this.empty = h('p', { class: 'empty' }, options.empty ?? 'Nothing measured yet.');
    this.rows = h('div');
    this.details = h('details', { class: 'numbers', ontoggle: () => this.tabulate() }, h('summary', {}, 'Numbers'), this.rows);
    const scale = h(
      'button',
      { type: 'button', class: 'small', 'aria-pressed': String(this.log), onclick: () => this.toggleLog(scale) },
      'Log scale',
    );
    this.element = h(
      'section',
      { class: 'card chart', 'aria-label': title },
      h('div', { class: 'head' }, h('h2', {}, title), options.log === undefined ? null : scale),
      this.plotBox,
      this.empty,
      this.legend,
      this.spoken,
      this.details,
    );
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.plotBox);
    charts.add(this);
  }

  destroy() {
    charts.delete(this);
    this.observer.disconnect();
    this.plot?.destroy();
  }

  toggleLog(button) {
    this.log = !this.log;
    button.setAttribute('aria-pressed', String(this.log));
    this.rebuild();
  }

  /** Shows these lines. */
  show(lines) {
    const shape = (all) => JSON.stringify(all.map((line) => [line.label, line.colour, line.dash, Boolean(line.low), line.points]));
    const drawn = lines.filter((line) => line.x.length > 0);
    const same = this.plot && shape(drawn) === shape(this.lines);
    if (same) {
      drawn.forEach((line, i) => (line.value = this.lines[i].value));
    }
    this.lines = drawn;
    if (same) {
      this.plot.setData(this.data(), this.zoom === null);
      this.magnify(this.zoom);
      this.values();
    } else {
      this.rebuild();
    }
    this.tabulate();
  }

  data() {
    if (this.lines.length === 0) {
      return [[]];
    }
    const positive = (values) => (this.log ? values.map((value) => (value > 0 ? value : null)) : values);
    return uPlot.join(
      this.lines.map((line) => [line.x, positive(line.y), ...(line.low ? [positive(line.low), positive(line.high)] : [])]),
    );
  }

  /** Shows a part of x again after what it was chosen in has grown or is drawn anew. */
  magnify(zoom) {
    if (zoom !== null) {
      this.plot.setScale('x', { ...zoom });
    }
  }

  scaled(plot) {
    const xs = plot.data[0];
    const { min, max } = plot.scales.x;
    this.zoom = min > xs[0] || max < xs.at(-1) ? { min, max } : null;
  }

  rebuild() {
    const zoom = this.zoom;
    this.plot?.destroy();
    this.plot = null;
    this.element.classList.toggle('is-empty', this.lines.length === 0);
    if (this.lines.length === 0) {
      this.zoom = null;
    }
    if (this.lines.length === 0 || !this.plotBox.isConnected) {
      this.legend.replaceChildren();
      return;
    }
    const series = [{}];
    const bands = [];
    this.index = [];
    for (const line of this.lines) {
      const stroke = colour(line.colour);
      const show = !this.hidden.has(line.label);
      this.index.push(series.length);
      series.push({
        stroke,
        width: 2,
        dash: line.dash,
        show,
        spanGaps: false,
        points: { show: line.points ? true : undefined, size: 6, fill: stroke },
      });
      if (line.low) {
        bands.push({ series: [series.length + 1, series.length], fill: `${stroke}30` });
        for (let i = 0; i < 2; i++) {
          series.push({ stroke: 'transparent', width: 0, show, points: { show: false } });
        }
      }
    }
    const muted = style('--muted');
    const axis = { stroke: muted, font: '12px system-ui, sans-serif', grid: { stroke: style('--grid'), width: 1 }, ticks: { stroke: style('--grid'), width: 1, size: 4 } };
    this.plot = new uPlot(
      {
        width: Math.max(200, this.plotBox.clientWidth),
        height: this.height(),
        padding: [12, 12, 0, 0],
        legend: { show: false },
        cursor: { y: false, points: { size: 7 }, drag: { x: true, y: false } },
        scales: {
          x: { time: false },
          y: this.log ? { distr: 3, log: 10 } : { range: this.options.range ?? undefined },
        },
        axes: [
          { ...axis, size: 30, values: (u, ticks) => ticks.map((tick) => this.options.x(tick)) },
          { ...axis, size: 58, values: (u, ticks) => ticks.map((tick) => (tick === null ? '' : (this.options.tick ?? this.options.y)(tick))) },
        ],
        series,
        bands,
        hooks: { setCursor: [() => this.values()], setScale: [(plot, scale) => scale === 'x' && this.scaled(plot)] },
      },
      this.data(),
      this.plotBox,
    );
    this.magnify(zoom);
    this.relabel();
    this.values();
  }

  height() {
    return Math.round(Math.min(280, Math.max(190, this.plotBox.clientWidth * 0.45)));
  }

  resize() {
    const width = this.plotBox.clientWidth;
    if (this.plot && width > 0 && width !== this.plot.width) {
      this.plot.setSize({ width, height: this.height() });
    } else if (!this.plot && width > 0 && this.lines.length > 0) {
      this.rebuild();
    }
  }

  /** Draws the legend anew; the keyboard stays at the line that it is at. */
  relabel() {
    const focused = this.legend.querySelector(':focus .label')?.textContent;
    this.legend.replaceChildren(...this.lines.map((line) => this.entry(line)));
    [...this.legend.querySelectorAll('button')].find((button) => button.querySelector('.label').textContent === focused)?.focus({ preventScroll: true });
  }

  entry(line) {
    const swatch = h('span', { class: line.dash ? 'swatch dashed' : 'swatch', 'aria-hidden': 'true' });
    swatch.style.color = colour(line.colour);
    line.value = h('span', { class: 'value' });
    const button = h(
      'button',
      { type: 'button', 'aria-pressed': String(!this.hidden.has(line.label)), title: 'Show or hide', onclick: () => this.toggle(line, button) },
      swatch,
      h('span', { class: 'label' }, line.label),
      line.value,
    );
    return h('li', {}, button);
  }

  toggle(line, button) {
    const shown = this.hidden.has(line.label);
    this.hidden[shown ? 'delete' : 'add'](line.label);
    button.setAttribute('aria-pressed', String(shown));
    const first = this.index[this.lines.indexOf(line)];
    for (let i = first; i < first + (line.low ? 3 : 1); i++) {
      this.plot.setSeries(i, { show: shown });
    }
  }

  /** Writes the values at the cursor, else the last ones, into the legend. */
  values() {
    const at = this.plot?.cursor.idx;
    const x = at === null || at === undefined ? null : this.plot.data[0][at];
    this.lines.forEach((line) => {
      const value = x === null ? line.y.at(-1) : nearest(line, x);
      say(line.value, value === null || value === undefined ? '' : this.options.y(value));
    });
  }

  key(event) {
    const xs = this.plot?.data[0];
    const move = { ArrowLeft: -1, ArrowRight: 1, PageUp: -20, PageDown: 20, Home: -Infinity, End: Infinity }[event.key];
    if (!xs?.length || move === undefined) {
      return;
    }
    event.preventDefault();
    const from = this.plot.cursor.idx ?? xs.length - 1;
    const idx = Math.max(0, Math.min(xs.length - 1, from + move * (event.shiftKey ? 10 : 1)));
    this.plot.setCursor({ left: this.plot.valToPos(xs[idx], 'x'), top: 10 });
    const values = this.lines
      .filter((line) => !this.hidden.has(line.label))
      .map((line) => [line.label, nearest(line, xs[idx])])
      .filter(([, value]) => value !== null && value !== undefined)
      .map(([label, value]) => `${label} ${this.options.y(value)}`);
    say(this.spoken, `${this.options.xLabel} ${this.options.x(xs[idx])}: ${values.join(', ')}`);
  }

  /** Fills the table, if it is open and nobody reads in it by keyboard: some rows of evenly spread places, and the last. */
  tabulate() {
    if (!this.details.open || this.lines.length === 0 || this.rows.contains(document.activeElement)) {
      return;
    }
    const xs = [...new Set(this.lines.flatMap((line) => line.x))].sort((a, b) => a - b);
    const every = Math.max(1, Math.ceil(xs.length / TABLE_ROWS));
    const chosen = xs.filter((x, i) => (xs.length - 1 - i) % every === 0);
    this.rows.replaceChildren(
      table(
        this.title,
        [this.options.xLabel, ...this.lines.map((line) => line.label)],
        chosen.map((x) => [
          this.options.x(x),
          ...this.lines.map((line) => {
            const value = nearest(line, x);
            return value === null || value === undefined ? '' : this.options.y(value);
          }),
        ]),
      ),
    );
  }
}

/** Value of a line at a place: of the last point up to it; nothing outside of the line. */
function nearest(line, x) {
  let low = 0;
  let high = line.x.length - 1;
  if (high < 0 || x < line.x[0] || x > line.x[high]) {
    return null;
  }
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (line.x[middle] <= x) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return line.y[low];
}
