import { describe, expect, it } from 'vitest';
import { SPANS, partsOf, totalsOf } from '../../../../client/web/dashboard/history.js';

const MINUTE = 60_000;
const NOON = Date.UTC(2026, 0, 5, 12);

const minute = (ago, figures = {}) => ({
  at: NOON - ago * MINUTE,
  calls: 0,
  live: 0,
  turns: 0,
  p50Ms: null,
  p95Ms: null,
  modelErrors: 0,
  toolErrors: 0,
  costUsd: 0,
  ...figures,
});

describe('parts of a span', () => {
  it('are as many as it has room for, the last one being now', () => {
    for (const span of Object.values(SPANS)) {
      const parts = partsOf([minute(0, { calls: 3 })], span, NOON + 5_000);
      expect(parts.length).toBe(span.minutes / span.part);
      expect(parts.at(-1).calls).toBe(3);
      expect(parts[1].at - parts[0].at).toBe(span.part * MINUTE);
    }
  });

  it('leave out what is older', () => {
    const parts = partsOf([minute(61, { calls: 1 }), minute(59, { calls: 2 })], SPANS.hour, NOON);
    expect(totalsOf(parts).calls).toBe(2);
  });

  it('add up, and weigh percentiles by turns', () => {
    const told = [
      minute(9, { turns: 1, p50Ms: 100, p95Ms: 200, costUsd: 0.5, toolErrors: 1, live: 2 }),
      minute(8, { turns: 3, p50Ms: 500, p95Ms: 600, costUsd: 0.25, modelErrors: 1, live: 5 }),
    ];
    const part = partsOf(told, SPANS.day, NOON - 1).at(-1);
    expect(part).toMatchObject({ turns: 4, p50Ms: 400, p95Ms: 500, costUsd: 0.75, toolErrors: 1, modelErrors: 1, live: 5 });
    expect(part).not.toHaveProperty('weights');
  });

  it('carry calls that went on while nothing happened', () => {
    const told = [minute(30, { calls: 2, live: 2 }), minute(10, { calls: 1, live: 3 })];
    const live = partsOf(told, SPANS.hour, NOON).map((part) => part.live);
    expect(live.slice(-31)).toEqual([2, ...Array(19).fill(2), 3, ...Array(10).fill(0)]);
    expect(live.slice(0, 29)).toEqual(Array(29).fill(0));
  });
});

it('totals of nothing are nothing', () => {
  const totals = totalsOf(partsOf([], SPANS.day, NOON));
  expect(totals).toMatchObject({ live: 0, peak: 0, calls: 0, p50Ms: null, costUsd: 0 });
});
