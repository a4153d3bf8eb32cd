/** The one call that is looked at: how it stands, what happened in it. */
import { byId, element, setText } from '../page/dom.js';
import { t } from '../page/strings.js';
import { toneOf, wordsOf } from './entries.js';
import { clock, count, milliseconds, money, percent, timeOfDay } from './format.js';
import { showLevel } from './level.js';
import { about, nameOf, phaseOf } from './naming.js';

import { TimeLine } from './time_line.js';

/** Lines that are listed; the time line draws them all. */
const LISTED = 200;

const FIGURES = {
  duration: (call) => clock(call.durationMs),
  turns: (call) => count(call.turns),
  reply: (call) => milliseconds(call.turnLatencyMs),
  bargeIns: (call) => count(call.bargeIns),
  tools: (call) => count(call.tools),
  cost: (call) => money(call.costUsd),
  rtt: ({ quality }) => milliseconds(quality?.rttMs),
  jitter: ({ quality }) => milliseconds(quality?.jitterMs),
  loss: ({ quality }) => percent(quality?.lossPercent),
  remoteLoss: ({ quality }) => percent(quality?.remoteLossPercent),
  concealed: ({ quality }) => percent(quality?.concealedPercent),
  errors: (call) => count(call.modelErrors + call.toolErrors),
};

/** The path's look (page/call.css) for each phase. */
const LOOK = { both: 'caller', quiet: 'listening', connecting: 'calling', lost: 'idle' };

export class CallView {
  #call = null;
  #over = false;
  #figures = {};
  #listed = '';

  #timeLine = new TimeLine({
    box: byId('lanes-box'),
    overview: byId('overview-box'),
    slider: byId('overview'),
    zoom: byId('zoom'),
    legend: byId('legend'),
  });

  constructor() {
    for (const name of Object.keys(FIGURES)) {
      const figure = { name: element('dt'), value: element('dd') };
      this.#figures[name] = figure;
      byId('figures').append(element('div', {}, figure.name, figure.value));
    }
  }

  /** The call that is shown; null: none. */
  get call() {
    return this.#call;
  }

  /** Whether it has ended since. */
  get over() {
    return this.#over;
  }

  /** @param call of `GET /api/sessions/{id}`, or of the list while its time line is not there yet; null: none */
  show(call, over = false) {
    if (call?.id !== this.#call?.id) {
      this.#timeLine.reset();
      this.#listed = '';
    }
    this.#call = call && { timeLine: [], ...call };
    this.#over = over;
    this.draw();
  }

  /** After another language was chosen. */
  relabel() {
    this.#listed = '';
    this.#timeLine.relabel();
    this.draw();
  }

  draw() {
    const call = this.#call;
    byId('call-empty').hidden = call !== null;
    byId('call-body').hidden = call === null;
    if (call === null) return;
    setText(byId('call-name'), nameOf(call));
    byId('call-name').title = nameOf(call);
    const facts = [about(call), t('dashboard.call.since', { time: timeOfDay(call.startedAt) }), call.id].join(' · ');
    setText(byId('call-about'), facts);
    byId('call-about').title = facts;
    byId('call-body').classList.toggle('over', this.#over);
    this.#drawNow(call);
    this.#timeLine.show(call.timeLine, call.durationMs);
    this.#list(call.timeLine);
  }

  #drawNow(call) {
    const phase = this.#over ? 'over' : phaseOf(call);
    byId('path').dataset.phase = this.#over ? 'idle' : (LOOK[phase] ?? phase);
    setText(byId('phase'), t(`dashboard.phase.${phase}`));
    showLevel(byId('level-caller'), this.#over ? null : call.levels.caller, call.callerSpeaks && !this.#over);
    showLevel(byId('level-agent'), this.#over ? null : call.levels.agent, call.agentSpeaks && !this.#over);
    for (const [name, figure] of Object.entries(this.#figures)) {
      setText(figure.name, t(`dashboard.figures.${name}`));
      setText(figure.value, FIGURES[name](call));
    }
    this.#figures.errors.value.classList.toggle('trouble', call.modelErrors + call.toolErrors > 0);
  }

  /** The same in words, the latest first; nothing is touched while nothing changes, for whoever reads it. */
  #list(entries) {
    const latest = entries.slice(-LISTED).toReversed();
    const lines = latest.map((entry) => [clock(entry.atMs), wordsOf(entry), toneOf(entry), entry.kind]);
    const listed = JSON.stringify(lines);
    if (listed === this.#listed) return;
    this.#listed = listed;
    byId('entries').replaceChildren(
      ...lines.map(([time, words, tone, kind]) =>
        element('li', { 'data-tone': tone, 'data-kind': kind }, element('time', {}, time), element('span', {}, words)),
      ),
    );
  }
}
