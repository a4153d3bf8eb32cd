/** The list of live calls: a row a call, which stays where it is while its figures change. */
import { element, setText } from '../page/dom.js';
import { t } from '../page/strings.js';
import { clock, count, milliseconds, money } from './format.js';
import { showLevel } from './level.js';
import { about, nameOf, phaseOf } from './naming.js';
import { SignalMark } from './signal_mark.js';

export class CallsView {
  #body;
  #table;
  #count;
  #empty;
  #filter;
  #pick;
  #rows = new Map();
  #calls = null;
  #picked = null;

  /** @param pick `(id) => …`: a call is to be looked at */
  constructor({ body, table, count: shownCount, empty, filter }, pick) {
    this.#body = body;
    this.#table = table;
    this.#count = shownCount;
    this.#empty = empty;
    this.#filter = filter;
    this.#pick = pick;
    filter.addEventListener('input', () => this.draw());
    body.addEventListener('keydown', (event) => this.#key(event));
  }

  /** @param calls of `GET /api/sessions`; @param picked id of the one that is looked at, or null */
  show(calls, picked) {
    this.#calls = calls;
    this.#picked = picked;
    this.draw();
  }

  /** The call that is looked at stays the same, and is marked. */
  mark(picked) {
    this.#picked = picked;
    for (const [id, row] of this.#rows) row.mark(id === picked);
  }

  draw() {
    const calls = this.#calls ?? [];
    const wanted = this.#filter.value.trim().toLowerCase();
    const shown = calls.filter((call) => !wanted || searchable(call).includes(wanted));
    const ids = new Set(shown.map(({ id }) => id));
    for (const [id, row] of this.#rows) {
      if (ids.has(id)) continue;
      row.remove();
      this.#rows.delete(id);
    }
    shown.forEach((call, index) => this.#place(call, index));
    this.#table.hidden = !shown.length;
    this.#filter.hidden = calls.length < 2 && !wanted;
    setText(this.#count, calls.length ? count(calls.length) : '');
    this.#tellEmpty(shown.length, calls.length);
  }

  #place(call, index) {
    let row = this.#rows.get(call.id);
    if (!row) {
      row = new Row(() => this.#pick(call.id));
      this.#rows.set(call.id, row);
    }
    row.show(call);
    row.mark(call.id === this.#picked);
    if (this.#body.children[index] !== row.root) this.#body.insertBefore(row.root, this.#body.children[index] ?? null);
  }

  #tellEmpty(shown, all) {
    this.#empty.hidden = shown > 0 || this.#calls === null;
    const key = all ? 'noMatch' : 'none';
    setText(this.#empty.querySelector('.empty-title'), t(`dashboard.calls.${key}`));
    setText(this.#empty.querySelector('.empty-help'), t(`dashboard.calls.${key}Help`));
  }

  #key(event) {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const row = event.target.closest?.('tr');
    if (!step || !row) return;
    event.preventDefault();
    const next = step > 0 ? row.nextElementSibling : row.previousElementSibling;
    next?.querySelector('button').focus();
  }
}

class Row {
  #name = element('span', { class: 'call-row-name' });
  #about = element('span', { class: 'call-row-about' });
  #button = element('button', { type: 'button', class: 'call-row-button' }, this.#name, this.#about);
  #voices = { caller: lane('up'), agent: lane('down') };
  #phase = element('span', { class: 'visually-hidden' });
  #reply = element('td', { class: 'number reply' });
  #duration = element('span', { class: 'duration' });
  #cost = element('span', { class: 'cost' });
  #signal = new SignalMark();

  constructor(pick) {
    this.#button.addEventListener('click', pick);
    const voices = element('div', { class: 'row-lanes' }, this.#voices.caller, this.#voices.agent, this.#phase);
    this.root = element(
      'tr',
      { class: 'call-row' },
      element('th', { scope: 'row' }, this.#button),
      element('td', { class: 'voices' }, voices),
      this.#reply,
      element('td', { class: 'number' }, this.#duration, this.#cost),
      element('td', { class: 'quality' }, this.#signal.root),
    );
  }

  show(call) {
    setText(this.#name, nameOf(call));
    setText(this.#about, about(call));
    this.#name.title = nameOf(call);
    this.#about.title = about(call);
    this.root.dataset.call = call.id;
    const phase = phaseOf(call);
    this.root.dataset.phase = phase;
    setText(this.#phase, t(`dashboard.phase.${phase}`));
    showLevel(this.#voices.caller, call.levels.caller, call.callerSpeaks);
    showLevel(this.#voices.agent, call.levels.agent, call.agentSpeaks);
    setText(this.#reply, milliseconds(call.turnLatencyMs));
    setText(this.#cost, call.costUsd === null ? '' : money(call.costUsd));
    setText(this.#duration, clock(call.durationMs));
    this.#signal.show(call.quality);
  }

  mark(picked) {
    if (picked) this.#button.setAttribute('aria-current', 'true');
    else this.#button.removeAttribute('aria-current');
    this.root.classList.toggle('picked', picked);
  }

  remove() {
    this.root.remove();
  }
}

const lane = (way) => element('span', { class: `lane ${way}` }, element('span'));

const searchable = (call) => `${nameOf(call)} ${about(call)} ${call.id}`.toLowerCase();
