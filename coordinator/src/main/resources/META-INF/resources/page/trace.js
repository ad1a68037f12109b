/**
 * The curves of one run in this browser: read once, then grown by events.
 *
 * Events are numbered without gaps. One that is known already is left out; where one is missing, or
 * a step is told again (it replaces what was told before), the curves are read again. So whatever
 * the stream does, nothing is missing and nothing is there twice.
 */
const MOST_ADDED = 2000;

export class Trace extends EventTarget {
  constructor(id) {
    super();
    this.id = id;
    this.next = 0;
    this.phases = [];
    this.series = [];
    this.byKey = new Map();
    this.epochsPerStep = {};
    this.noted = [];
    this.added = 0;
    this.waiting = [];
    this.loading = null;
    this.closed = false;
    this.stale = false;
    /** Why the server does not give the curves; empty: it does, or it is away. */
    this.problem = '';
    /** The curves were read once. */
    this.known = false;
    /** There is no such run. */
    this.missing = false;
  }

  /** Reads the curves; returns when they are there. */
  load() {
    this.loading ??= this.read().catch((error) => this.refused(error)).finally(() => {
      this.loading = null;
      const waiting = this.waiting;
      this.waiting = [];
      if (!this.stale) {
        this.apply(waiting);
      }
    });
    return this.loading;
  }

  async read() {
    this.stale = true;
    const run = `api/runs/${encodeURIComponent(this.id)}`;
    const curves = await get(`${run}/curves`);
    // Asked for after the curves: whatever comes between is told by the stream, and not left out here.
    const events = await get(`${run}/events`);
    this.next = curves.next;
    this.phases = curves.phases;
    this.epochsPerStep = curves.epochsPerStep;
    this.series = curves.series;
    this.byKey = new Map(this.series.map((one) => [key(one), one]));
    this.noted = events.filter((event) => event.number < curves.next);
    this.added = 0;
    this.stale = false;
    this.known = true;
    this.problem = '';
    this.changed();
  }

  refused(error) {
    this.problem = error.away ? '' : error.message;
    this.missing = error.status === 404;
    if (this.problem) {
      this.changed();
    }
    throw error;
  }

  changed() {
    this.dispatchEvent(new Event('change'));
  }

  /** Takes up events that the stream tells. */
  apply(events) {
    if (this.closed || events.length === 0) {
      return;
    }
    if (this.loading) {
      this.waiting.push(...events);
      return;
    }
    for (const event of events) {
      if (event.number < this.next) {
        continue;
      }
      if (event.number > this.next || !this.add(event)) {
        this.reload();
        return;
      }
      this.next++;
    }
    if (this.added > MOST_ADDED) {
      this.reload();
    } else {
      this.changed();
    }
  }

  /** Reads the curves again; if that fails, once the stream is back. */
  reload() {
    this.load().catch(() => {});
  }

  add(event) {
    if (event.step) {
      return this.step(event.step);
    }
    this.noted.push(event);
    if (event.phaseStarted) {
      const started = event.phaseStarted;
      const known = this.phases.findIndex((phase) => phase.track === started.track && phase.phase === started.phase);
      if (known >= 0) {
        this.phases[known] = started;
      } else {
        this.phases.push(started);
      }
    }
    if (event.evaluated) {
      const { track, step, epoch, accuracy } = event.evaluated;
      const start = Math.min(...this.phases.filter((phase) => phase.track === track).map((phase) => phase.startStep));
      this.epochsPerStep[track] = epoch / (step + 1 - start);
      return this.put('accuracy', track, '', '', step, accuracy);
    }
    return true;
  }

  step(step) {
    const phase = this.phases.findLast((one) => one.startStep <= step.step && step.step < one.endStep);
    if (!phase) {
      return true;
    }
    this.added++;
    const put = (measure, name, value) => this.put(measure, phase.track, phase.phase, name, step.step, value);
    let whole = put('loss', '', step.loss);
    if (step.terms.length > 1) {
      step.terms.forEach((value, i) => (whole = put('term', phase.terms[i] ?? `term ${i + 1}`, value) && whole));
    }
    step.agreement.forEach((value, i) => (whole = put('agreement', phase.taps[i] ?? `tap ${i + 1}`, value) && whole));
    whole = put('learningRate', '', step.learningRate) && whole;
    if (step.imagesPerSecond > 0) {
      whole = put('throughput', '', step.imagesPerSecond) && whole;
    }
    return whole;
  }

  put(measure, track, phase, name, step, value) {
    if (value === null) {
      return true;
    }
    const wanted = key({ measure, track, phase, name });
    let one = this.byKey.get(wanted);
    if (!one) {
      one = { measure, track, phase, name, width: 1, step: [], mean: [] };
      this.byKey.set(wanted, one);
      this.series.push(one);
    }
    if (one.step.length > 0 && step <= one.step.at(-1)) {
      return false;
    }
    one.step.push(step);
    one.mean.push(value);
    one.low?.push(value);
    one.high?.push(value);
    return true;
  }

  of(measure) {
    return this.series.filter((one) => one.measure === measure);
  }

  /** First step of a track. */
  start(track) {
    return Math.min(...this.phases.filter((phase) => phase.track === track).map((phase) => phase.startStep));
  }

  last(measure, track) {
    const all = this.of(measure).filter((one) => track === undefined || one.track === track);
    const newest = all.reduce((a, b) => ((a?.step.at(-1) ?? -1) >= (b.step.at(-1) ?? -1) ? a : b), null);
    return newest?.mean.at(-1);
  }
}

const key = (one) => JSON.stringify([one.measure, one.track, one.phase, one.name]);

/** Reads a JSON resource. An error has the `status` of the answer, and says whether nobody who could answer is there (`away`). */
export async function get(path) {
  const response = await fetch(path, { headers: { Accept: 'application/json' } }).catch((error) => {
    throw Object.assign(error, { away: true });
  });
  if (!response.ok) {
    const body = await response.json().catch(() => ({}));
    const { status, statusText } = response;
    throw Object.assign(new Error(body.message ?? `${status} ${statusText}`), { status, away: [502, 503, 504].includes(status) });
  }
  return response.json().catch((error) => {
    throw Object.assign(error, { away: true });
  });
}
