/** Numbers and times for people. */

export const percent = (share, digits = 1) =>
  share === null || share === undefined ? '–' : `${(100 * share).toFixed(digits)} %`;

export function number(value) {
  if (value === null || value === undefined || !Number.isFinite(value)) {
    return '–';
  }
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) {
    return value.toExponential(2);
  }
  return size >= 100 ? value.toFixed(1) : value.toFixed(4);
}

/** A number at an axis: no digits that say nothing. */
export const tick = (value) => String(Number(value.toPrecision(3)));

export const count = (value) => value.toLocaleString('en');

export function bytes(value) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? value.toFixed(0) : value.toFixed(1)} ${units[unit]}`;
}

export function duration(seconds) {
  if (!Number.isFinite(seconds) || seconds < 0) {
    return '–';
  }
  const whole = Math.round(seconds);
  const two = (part) => String(part).padStart(2, '0');
  const days = Math.floor(whole / 86400);
  const hours = Math.floor(whole / 3600) % 24;
  const minutes = Math.floor(whole / 60) % 60;
  if (days > 0) {
    return `${days} d ${hours} h`;
  }
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' });
const CLOCK = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

export const day = (millis) => DAY.format(millis);
export const clock = (millis) => CLOCK.format(millis);

/** `succeeded` and the other states as a word with a sign before it, so that colour is never alone. */
export const STATES = {
  pending: ['○', 'Pending'],
  running: ['▶', 'Running'],
  succeeded: ['✓', 'Succeeded'],
  failed: ['✕', 'Failed'],
  cancelled: ['■', 'Cancelled'],
};

/** Share of a run that is done, 0 to 1. */
export function progress(run) {
  if (run.state === 'succeeded') {
    return 1;
  }
  return run.totalSteps > 0 ? Math.min(1, run.steps / run.totalSteps) : 0;
}
