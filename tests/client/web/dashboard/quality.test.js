import { expect, it } from 'vitest';
import { bars } from '../../../../client/web/dashboard/quality.js';

const good = { rttMs: 20, jitterMs: 2, lossPercent: 0, remoteLossPercent: 0, concealedPercent: 0 };

it('goes by the worst figure', () => {
  expect(bars(good)).toBe(4);
  expect(bars({ ...good, lossPercent: 1 })).toBe(4);
  expect(bars({ ...good, lossPercent: 1.1 })).toBe(3);
  expect(bars({ ...good, rttMs: 301 })).toBe(2);
  expect(bars({ ...good, rttMs: 301, concealedPercent: 9 })).toBe(1);
});

it('knows nothing of a call without figures', () => {
  expect(bars(null)).toBe(null);
  expect(bars({ rttMs: null, lossPercent: null })).toBe(null);
  expect(bars({ rttMs: null, lossPercent: 2, bufferMs: 5_000 })).toBe(3);
});
