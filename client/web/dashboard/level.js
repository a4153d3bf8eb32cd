/** A lane that shows how loud a side was in the last second. */

/** What a lane shows from end to end; speech lies between -40 and -15 dBFS. */
const FLOOR_DBFS = -60;
const CEILING_DBFS = -10;
/** Of a side that speaks and whose level is not known. */
const SPEAKS = 0.6;

/** @param dbfs null: nothing comes, or it is not known */
export function showLevel(lane, dbfs, speaks) {
  const known = typeof dbfs === 'number';
  const share = known ? (dbfs - FLOOR_DBFS) / (CEILING_DBFS - FLOOR_DBFS) : speaks ? SPEAKS : 0;
  lane.style.setProperty('--level', Math.min(1, Math.max(0, share)).toFixed(3));
  if (lane.getAttribute('role') !== 'meter') return;
  const value = Math.round(Math.min(0, Math.max(FLOOR_DBFS, known ? dbfs : FLOOR_DBFS)));
  lane.setAttribute('aria-valuenow', String(value));
  lane.setAttribute('aria-valuetext', `${value} dB`);
}
