/** The charts of the last day. */
import { t } from '../page/strings.js';
import { Chart } from './chart.js';
import { count, milliseconds, money } from './format.js';
import { SPANS, partsOf, totalsOf } from './history.js';

const HOUR_MS = 3_600_000;

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

  /** @param minutes of `GET /api/history` */
  show(minutes) {
    this.#minutes = minutes;
    // A gateway that runs for less than an hour has nothing to show in a day's chart.
    if (!this.#chosen) this.#choose(Date.now() - (minutes[0]?.at ?? 0) < HOUR_MS ? 'hour' : 'day');
    this.draw();
  }

  draw() {
    const span = this.#radios.querySelector(':checked')?.value ?? 'day';
    const parts = partsOf(this.#minutes, SPANS[span], Date.now());
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
