/** What each agent did since the gateway's start. */
import { element, setText } from '../page/dom.js';
import { t } from '../page/strings.js';
import { count, milliseconds, money } from './format.js';

/** Fields, their headings below `dashboard.agents`, and how they read. */
const FIGURES = [
  ['answers', 'answers', count],
  ['tools', 'tools', count],
  ['toolErrors', 'toolErrors', count],
  ['fillerMs', 'filler', milliseconds],
  ['costUsd', 'cost', money],
];

export class AgentsView {
  #rows;
  #empty;
  #table;
  #agents = [];

  constructor({ rows, empty }) {
    this.#rows = rows;
    this.#empty = empty;
    this.#table = rows.closest('table');
  }

  /** @param agents of `GET /api/agents` */
  show(agents) {
    this.#agents = agents;
    this.draw();
  }

  draw() {
    this.#empty.hidden = this.#agents.length > 0;
    this.#table.hidden = !this.#agents.length;
    this.#rows.replaceChildren(...this.#agents.map((agent) => this.#row(agent)));
  }

  #row(agent) {
    const row = element('tr', {}, element('th', { scope: 'row', title: agent.name }, agent.name), this.#split(agent));
    for (const [name, heading, read] of FIGURES) {
      const trouble = name === 'toolErrors' && agent.toolErrors > 0;
      const look = trouble ? 'number trouble' : 'number';
      row.append(element('td', { class: look, 'data-heading': t(`dashboard.agents.${heading}`) }, read(agent[name])));
    }
    return row;
  }

  /** Answers of its own and by its supervisor, as two parts of one bar. */
  #split({ answers, direct, bySupervisor }) {
    const bar = element('span', { class: 'split', 'aria-hidden': 'true' });
    const parts = { direct, supervisor: bySupervisor };
    for (const [name, value] of Object.entries(parts)) {
      const part = element('i', { class: name });
      part.style.flexGrow = String(value);
      if (value) bar.append(part);
    }
    const words = element('span', { class: 'split-words' });
    setText(words, answers ? t('dashboard.agents.shares', { direct: count(direct), supervisor: count(bySupervisor) }) : '');
    return element('td', {}, bar, words);
  }
}
