/** Figures as people read them. What is unknown is a dash. */
import { language, t } from '../page/strings.js';

export const UNKNOWN = '–';

const isNumber = (value) => typeof value === 'number' && Number.isFinite(value);
const two = (number) => String(number).padStart(2, '0');

/** `348 ms`, `1.2 s` */
export function milliseconds(value) {
  if (!isNumber(value)) return UNKNOWN;
  if (value < 1_000) return t('dashboard.unit.ms', { value: Math.round(value) });
  return seconds(value);
}

/** `0.4 s`, `12 s` */
export function seconds(ms) {
  if (!isNumber(ms)) return UNKNOWN;
  const value = ms / 1_000;
  return t('dashboard.unit.s', { value: value < 9.95 ? value.toFixed(1) : Math.round(value) });
}

/** `1:05`, `2:03:09` of a duration in ms. */
export function clock(ms) {
  const whole = Math.max(0, Math.floor(ms / 1_000));
  const [hours, minutes] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60];
  return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

export function percent(value) {
  return isNumber(value) ? t('dashboard.unit.percent', { value: Number(value.toFixed(1)) }) : UNKNOWN;
}

export function count(value) {
  return isNumber(value) ? new Intl.NumberFormat(language()).format(value) : UNKNOWN;
}

/** US dollars; small sums keep four places, as a call costs cents. */
export function money(value) {
  if (!isNumber(value)) return UNKNOWN;
  const places = value > 0 && value < 0.1 ? 4 : 2;
  return `$${value.toLocaleString(language(), { minimumFractionDigits: places, maximumFractionDigits: places })}`;
}

/** The time of day, to the minute. */
export function timeOfDay(ms) {
  return new Date(ms).toLocaleTimeString(language(), { hour: '2-digit', minute: '2-digit', hour12: false });
}
