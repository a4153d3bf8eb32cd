/** The last day's minutes, in as many equal parts as a chart has room for. */

const MINUTE_MS = 60_000;

/** What a chart may show: its length in minutes, and the minutes of one part. */
export const SPANS = {
  hour: { minutes: 60, part: 1 },
  quarter: { minutes: 360, part: 5 },
  day: { minutes: 1_440, part: 10 },
};

/**
 * Parts of a span up to now, oldest first: `{at, live, calls, turns, p50Ms, p95Ms, modelErrors, toolErrors, costUsd}`,
 * `at` being its start in ms. Of a part's percentiles each minute weighs as many turns as it had.
 *
 * @param minutes as `GET /api/history` tells them; quiet ones are left out there
 * @param now ms since 1970
 */
export function partsOf(minutes, { minutes: length, part }, now) {
  const partMs = part * MINUTE_MS;
  // Parts begin at whole multiples, so that figures do not wander from one to the next.
  const end = (Math.floor(now / partMs) + 1) * partMs;
  const count = Math.ceil(length / part);
  const start = end - count * partMs;
  const parts = Array.from({ length: count }, (_, index) => emptyPart(start + index * partMs));
  for (const minute of minutes) {
    const into = parts[Math.floor((minute.at - start) / partMs)];
    if (into) add(into, minute);
  }
  fillGaps(parts, minutes, partMs);
  return parts.map(({ weights, ...rest }) => rest);
}

/** Sums and the peak of the parts; `p50Ms` is the median of the whole span, as near as its parts tell. */
export function totalsOf(parts) {
  const sum = (name) => parts.reduce((total, part) => total + part[name], 0);
  return {
    live: parts.at(-1)?.live ?? 0,
    peak: Math.max(0, ...parts.map((part) => part.live)),
    calls: sum('calls'),
    turns: sum('turns'),
    p50Ms: mean(parts, 'p50Ms'),
    p95Ms: mean(parts, 'p95Ms'),
    modelErrors: sum('modelErrors'),
    toolErrors: sum('toolErrors'),
    costUsd: sum('costUsd'),
  };
}

function emptyPart(at) {
  return { at, live: 0, calls: 0, turns: 0, p50Ms: null, p95Ms: null, modelErrors: 0, toolErrors: 0, costUsd: 0, weights: 0 };
}

function add(part, minute) {
  part.live = Math.max(part.live, minute.live);
  for (const name of ['calls', 'turns', 'modelErrors', 'toolErrors', 'costUsd']) part[name] += minute[name];
  if (minute.p50Ms === null || !minute.turns) return;
  const weights = part.weights + minute.turns;
  for (const name of ['p50Ms', 'p95Ms']) {
    part[name] = ((part[name] ?? 0) * part.weights + minute[name] * minute.turns) / weights;
  }
  part.weights = weights;
}

/** In minutes that were left out nothing happened: the calls of the next minute that is told, but for those that began in it. */
function fillGaps(parts, minutes, partMs) {
  for (let index = 1; index < minutes.length; index += 1) {
    const [before, next] = [minutes[index - 1], minutes[index]];
    const live = Math.max(0, next.live - next.calls);
    if (!live) continue;
    for (const part of parts) {
      const inGap = part.at + partMs > before.at + MINUTE_MS && part.at < next.at;
      if (inGap) part.live = Math.max(part.live, live);
    }
  }
}

function mean(parts, name) {
  const known = parts.filter((part) => part[name] !== null);
  const turns = known.reduce((total, part) => total + part.turns, 0);
  return turns ? known.reduce((total, part) => total + part[name] * part.turns, 0) / turns : null;
}
