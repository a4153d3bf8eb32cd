/** The quality of the call: each figure as it is now, and as a small graph of the last minute. */
import { setText } from './dom.js';
import { t } from './strings.js';

/** `call_stats` come once a second. */
const KEPT = 60;
const WIDTH = 60;
const HEIGHT = 22;
const SVG = 'http://www.w3.org/2000/svg';

const ms = (value) => `${Math.round(value)} ms`;
const percent = (value) => `${Number(value.toFixed(1))} %`;

/** What is shown, how it reads, and the least that fills a graph: noise must not look like trouble. */
const FIGURES = {
  turnLatencyMs: { read: ms, full: 1_000 },
  rttMs: { read: ms, full: 100 },
  jitterMs: { read: ms, full: 40 },
  lossPercent: { read: percent, full: 5 },
  concealedPercent: { read: percent, full: 5 },
};

export class Graphs {
  #figures;

  constructor(list) {
    this.#figures = Object.entries(FIGURES).map(([name, shown]) => new Figure(list, name, shown));
  }

  /** @param stats `call_stats`; what is unknown shows as a dash, and as a gap's end in its graph */
  add(stats) {
    for (const figure of this.#figures) figure.add(stats[figure.name]);
  }

  /** Another call begins. */
  clear() {
    for (const figure of this.#figures) figure.clear();
  }

  /** After another language was chosen. */
  relabel() {
    for (const figure of this.#figures) figure.draw();
  }
}

class Figure {
  #values = [];
  #read;
  #full;
  #label = document.createElement('dt');
  #value = document.createElement('span');
  #graph = document.createElementNS(SVG, 'svg');
  #curve = document.createElementNS(SVG, 'polyline');

  constructor(list, name, { read, full }) {
    this.name = name;
    this.#read = read;
    this.#full = full;
    this.#value.className = 'value';
    this.#value.id = `stat-${name}`;
    this.#graph.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    this.#graph.setAttribute('preserveAspectRatio', 'none');
    this.#graph.setAttribute('class', 'spark');
    this.#graph.setAttribute('role', 'img');
    const ground = document.createElementNS(SVG, 'line');
    for (const [key, value] of Object.entries({ x1: 0, x2: WIDTH, y1: HEIGHT, y2: HEIGHT })) {
      ground.setAttribute(key, value);
    }
    this.#graph.append(ground, this.#curve);
    const shown = document.createElement('dd');
    shown.append(this.#value, this.#graph);
    const group = document.createElement('div');
    group.append(this.#label, shown);
    list.append(group);
    this.draw();
  }

  add(value) {
    if (typeof value === 'number') this.#values.push(value);
    else if (this.#values.length) this.#values = [];
    if (this.#values.length > KEPT) this.#values.shift();
    this.draw();
  }

  clear() {
    this.#values = [];
    this.draw();
  }

  draw() {
    const values = this.#values;
    const name = t(`stats.${this.name}`);
    const now = values.length ? this.#read(values.at(-1)) : '–';
    setText(this.#label, name);
    setText(this.#value, now);
    const top = Math.max(this.#full, ...values);
    const first = WIDTH - values.length;
    const at = (value, index) => `${first + index},${(HEIGHT - 1 - (value / top) * (HEIGHT - 2)).toFixed(1)}`;
    this.#curve.setAttribute('points', values.length > 1 ? values.map(at).join(' ') : '');
    const [least, most] = values.length ? [Math.min(...values), Math.max(...values)].map(this.#read) : ['–', '–'];
    this.#graph.setAttribute('aria-label', t('stats.graph', { name, now, least, most }));
  }
}
