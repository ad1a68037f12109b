/** Turns the curves of a run into lines of a plot. */

const DASH = [6, 5];

/** Lines over the steps of the run, one per phase and name; `named` says how a curve is called. */
export function overSteps(trace, measures, named, colours) {
  return trace.series
    .filter((one) => measures.includes(one.measure))
    .map((one) => ({
      label: named(one),
      colour: colours(one),
      dash: one.measure === 'term' ? DASH : undefined,
      x: one.step,
      y: one.mean,
      low: one.low,
      high: one.high,
    }));
}

/** Puts curves of one name together that follow each other in phases of one track. */
export function joined(lines) {
  const byLabel = new Map();
  for (const line of lines) {
    const known = byLabel.get(line.label);
    if (!known) {
      byLabel.set(line.label, { ...line, low: line.low ?? line.y, high: line.high ?? line.y, banded: Boolean(line.low) });
    } else {
      const [first, second] = known.x[0] < line.x[0] ? [known, line] : [line, known];
      for (const column of ['x', 'y']) {
        known[column] = [...first[column], ...second[column]];
      }
      known.banded ||= Boolean(line.low);
      known.low = [...(first.low ?? first.y), ...(second.low ?? second.y)];
      known.high = [...(first.high ?? first.y), ...(second.high ?? second.y)];
    }
  }
  return [...byLabel.values()].map(({ banded, ...line }) => (banded ? line : { ...line, low: undefined, high: undefined }));
}

/** Accuracy over the epochs of each track. */
export function accuracy(trace, label, colours) {
  return trace.of('accuracy').map((one) => {
    const start = trace.start(one.track);
    const ratio = trace.epochsPerStep[one.track] ?? 0;
    return { label: label(one), colour: colours(one), points: true, x: one.step.map((step) => (step + 1 - start) * ratio), y: one.mean };
  });
}

/** Mean agreement of all taps, in steps of the track. */
export function meanAgreement(trace, track) {
  const phases = new Map();
  for (const one of trace.of('agreement').filter((curve) => curve.track === track)) {
    phases.set(one.phase, [...(phases.get(one.phase) ?? []), one]);
  }
  return [...phases.values()].map((taps) => ({
    measure: 'agreement',
    track,
    phase: taps[0].phase,
    name: '',
    step: taps[0].step,
    mean: taps[0].step.map((step, i) => taps.reduce((sum, tap) => sum + (tap.mean[i] ?? NaN), 0) / taps.length),
  }));
}
