/** The charts of the last day. */
import { t } from '../page/strings.js';
import { Chart } from './chart.js';
import { count, milliseconds, money } from './format.js';
import { SPANS, partsOf, totalsOf } from './history.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const CHARTS = {
  live: { series: [{ key: 'live', kind: 'area', tone: 'accent' }], read: count, least: 4 },
  latency: {
    series: [
      { key: 'p95Ms', kind: 'line', tone: 'soft' },
      { key: 'p50Ms', kind: 'line', tone: 'agent' },
    ],
    read: milliseconds,
    least: 500,
  },
  troubles: {
    series: [
      { key: 'modelErrors', kind: 'bars', tone: 'bad' },
      { key: 'toolErrors', kind: 'bars', tone: 'warn' },
    ],
    read: count,
    least: 4,
  },
  cost: { series: [{ key: 'costUsd', kind: 'bars', tone: 'accent' }], read: money, least: 0.05 },
};

export class HistoryView {
  #radios;
  #chosen = false;
  #charts = {};
  #minutes = [];

  constructor(container, radios) {
    this.#radios = radios;
    for (const [name, shown] of Object.entries(CHARTS)) this.#charts[name] = new Chart(container, name, shown);
    radios.addEventListener('change', () => {
      this.#chosen = true;
      this.draw();
    });
  }

  /** The first minute that may have changed since, ms since 1970. */
  get since() {
    return this.#minutes.at(-1)?.at ?? 0;
  }

  /** @param told of `GET /api/history`, from `since` on */
  add(told) {
    const { since } = this;
    const minutes = [...this.#minutes.filter(({ at }) => at < since), ...told];
    const day = (minutes.at(-1)?.at ?? 0) - DAY_MS;
    this.#minutes = minutes.filter(({ at }) => at > day);
    // A gateway that runs for less than an hour has nothing to show in a day's chart.
    if (!this.#chosen) this.#choose(this.since - (this.#minutes[0]?.at ?? 0) < HOUR_MS ? 'hour' : 'day');
    this.draw();
  }

  clear() {
    this.#minutes = [];
  }

  draw() {
    const span = this.#radios.querySelector(':checked')?.value ?? 'day';
    // The gateway tells of this very minute in any case: its clock counts, not that of the browser.
    const parts = partsOf(this.#minutes, SPANS[span], this.since);
    const { live, peak, calls, turns, p50Ms, p95Ms, modelErrors, toolErrors, costUsd } = totalsOf(parts);
    const note = (name, values) => t(`dashboard.charts.${name}Note`, values);
    this.#charts.live.show(parts, count(live), note('live', { peak: count(peak), calls: count(calls) }));
    this.#charts.latency.show(parts, milliseconds(p50Ms), note('latency', { p95: milliseconds(p95Ms), turns: count(turns) }));
    const errors = { model: count(modelErrors), tool: count(toolErrors) };
    this.#charts.troubles.show(parts, count(modelErrors + toolErrors), note('troubles', errors));
    this.#charts.cost.show(parts, money(costUsd), note('cost', { each: money(calls ? costUsd / calls : null) }));
  }

  #choose(span) {
    for (const radio of this.#radios.querySelectorAll('input')) radio.checked = radio.value === span;
  }
}
