/**
 * The one stream of this browser: states of runs as they change, the mesh, and the events of the runs
 * that are followed. Events of its own: `runs` (detail: changed ids, and whether something may have
 * been missed), `mesh`, `state`, and `alive` for whatever is heard.
 */
import { Trace, get } from './trace.js';

const SILENCE_MILLIS = 30_000;
const AGAIN_MILLIS = 1_000;

class Live extends EventTarget {
  /** Runs as they were heard of last; a run that ended before anybody looked is not there. */
  runs = new Map();
  mesh = { work: [], teachers: [], students: [] };
  state = 'connecting';
  traces = new Map();
  source = null;
  watchdog = 0;
  again = 0;

  constructor() {
    super();
    document.addEventListener('visibilitychange', () => this.open());
  }

  /** Follows these runs and no others; returns their traces, which are read from now on. */
  follow(ids) {
    for (const trace of this.traces.values()) {
      trace.closed = true;
    }
    const traces = new Map(ids.map((id) => [id, new Trace(id)]));
    this.traces = traces;
    Promise.allSettled([...traces.values()].map((trace) => trace.load())).then(() => {
      if (this.traces === traces) {
        this.open();
      }
    });
    return [...traces.values()];
  }

  /** Reads a JSON resource; where nobody answers, again once something is heard. */
  async get(path) {
    for (;;) {
      try {
        return await get(path);
      } catch (error) {
        if (!error.away) {
          throw error;
        }
        await new Promise((heard) => this.addEventListener('alive', heard, { once: true }));
      }
    }
  }

  /** Opens the stream where the traces end; not where nobody looks: all tabs of a browser share a few connections. */
  open() {
    clearTimeout(this.again);
    clearTimeout(this.watchdog);
    this.source?.close();
    if (document.hidden) {
      return;
    }
    for (const [id, trace] of this.traces) {
      if (trace.missing) {
        this.traces.delete(id);
      }
    }
    const after = [...this.traces.values()].map((trace) => `${trace.id}:${trace.next}`).join(',');
    const source = new EventSource(`api/stream?after=${encodeURIComponent(after)}`);
    this.source = source;
    source.onmessage = (message) => this.heard(JSON.parse(message.data));
    source.addEventListener('beat', () => this.alive());
    source.onopen = () => this.alive(true);
    source.onerror = () => {
      if (this.source !== source) {
        return;
      }
      this.become('lost');
      // A browser comes back by itself where nobody answers, and not where somebody refuses.
      if (source.readyState === EventSource.CLOSED) {
        this.again = setTimeout(() => this.open(), AGAIN_MILLIS);
      }
    };
    this.watch();
  }

  /** Something is heard. Curves that the server refused are asked for again where it may be another: `opened`. */
  alive(opened = false) {
    this.become('live');
    for (const trace of this.traces.values()) {
      if (trace.stale && !trace.missing && (opened || !trace.problem)) {
        trace.reload();
      }
    }
    this.dispatchEvent(new Event('alive'));
    this.watch();
  }

  watch() {
    clearTimeout(this.watchdog);
    this.watchdog = setTimeout(() => {
      this.become('lost');
      this.open();
    }, SILENCE_MILLIS);
  }

  become(state) {
    if (this.state !== state) {
      this.state = state;
      this.dispatchEvent(new Event('state'));
    }
  }

  heard(update) {
    this.alive();
    if (update.runs) {
      for (const run of update.runs) {
        this.runs.set(run.id, run);
      }
      this.dispatchEvent(new CustomEvent('runs', { detail: { ids: update.runs.map((run) => run.id), complete: update.complete === true } }));
    }
    if (update.mesh) {
      this.mesh = update.mesh;
      this.dispatchEvent(new Event('mesh'));
    }
    for (const id of update.behind ?? []) {
      this.traces.get(id)?.reload();
    }
    for (const [id, events] of Object.entries(update.events ?? {})) {
      this.traces.get(id)?.apply(events);
    }
  }
}

export const live = new Live();
