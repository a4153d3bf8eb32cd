/** How well a call carries, as one mark of four bars. */

/** The most of each figure that four, three and two bars allow; docs/dashboard.md has the table. */
const BOUNDS = {
  lossPercent: [1, 3, 8],
  remoteLossPercent: [1, 3, 8],
  concealedPercent: [1, 3, 8],
  jitterMs: [20, 40, 80],
  rttMs: [150, 300, 500],
};

/**
 * 4 (nothing to hear) to 1 (hard to understand), by the worst figure; null: nothing is known.
 * @param quality of a live call; figures may be null
 */
export function bars(quality) {
  const known = Object.entries(BOUNDS).filter(([name]) => typeof quality?.[name] === 'number');
  if (!known.length) return null;
  return Math.min(...known.map(([name, bounds]) => 4 - bounds.filter((most) => quality[name] > most).length));
}
