/** One figure over a span of time: its title, its value now, and its course, to be read by pointer, keys and ear. */
import { element, setText } from '../page/dom.js';
import { t } from '../page/strings.js';
import { timeOfDay } from './format.js';
import { onWidth, short, svg } from './svg.js';

const HEIGHT = 96;
const TOP = 15;
const BOTTOM = 18;
const FLOOR = HEIGHT - BOTTOM;
/** Between two labels of the time axis. */
const TICK_PX = 60;
const TICK_MINUTES = [10, 15, 30, 60, 120, 180, 240, 360, 720];

/** How each kind of series is drawn: `(points, {x, y, width}) => element`, points being `[index, value, base]`. */
const DRAW = {
  area: (points, { x, y, width }) => {
    const steps = points.map(([index, value]) => `V${short(y(value))}H${short(x(index) + width)}`).join('');
    return svg('path', { d: `M${short(x(points[0][0]))} ${FLOOR}${steps}V${FLOOR}Z` });
  },
  line: (points, { x, y, width }) => {
    const at = ([index, value]) => `${short(x(index) + width / 2)} ${short(y(value))}`;
    // What is alone between two holes is a dot: a line of no length with round ends.
    return svg('path', { d: runs(points).map((run) => `M${run.map(at).join('L')}${run.length > 1 ? '' : 'h.01'}`).join('') });
  },
  bars: (points, { x, y, width }) => {
    // On whole pixels, or neighbours of equal height look uneven.
    const gap = width < 3 ? 0 : 1;
    const bar = ([index, value, base]) => {
      const [left, right] = [Math.round(x(index)), Math.round(x(index) + width)];
      const height = Math.max(1.5, y(base) - y(base + value));
      return `M${left} ${short(y(base))}v${short(-height)}h${Math.max(1, right - left - gap)}v${short(height)}Z`;
    };
    return svg('path', { d: points.filter(([, value]) => value > 0).map(bar).join('') });
  },
};

export class Chart {
  #name;
  #series;
  #read;
  #least;
  #parts = [];
  #width = 0;
  #at = null;
  #root;
  #title = element('span', { class: 'chart-title' });
  #value = element('span', { class: 'chart-value' });
  #note = element('span', { class: 'chart-note' });
  #tip = element('p', { class: 'chart-tip', role: 'status' });
  #drawing = svg('svg', { class: 'chart-drawing', role: 'img', height: HEIGHT });

  /**
   * @param name key below `dashboard.charts`
   * @param series `[{key, kind, tone}]`; bars stand on one another
   * @param read how a value reads
   * @param least what fills the chart at least, so that noise does not look like trouble
   */
  constructor(container, name, { series, read, least }) {
    this.#name = name;
    this.#series = series;
    this.#read = read;
    this.#least = least;
    this.#root = element('figure', { class: 'card chart', id: `chart-${name}`, tabindex: '0' });
    const plot = element('div', { class: 'chart-plot' }, this.#drawing, this.#tip);
    const head = element('figcaption', {}, this.#title, this.#value, this.#note);
    this.#root.append(head, plot);
    container.append(this.#root);
    plot.addEventListener('pointermove', (event) => this.#point(event.clientX - plot.getBoundingClientRect().left));
    plot.addEventListener('pointerleave', () => this.#show(null));
    this.#root.addEventListener('keydown', (event) => this.#key(event));
    this.#root.addEventListener('blur', () => this.#show(null));
    onWidth(plot, (width) => {
      this.#width = width;
      this.#draw();
    });
  }

  /** @param parts as `partsOf` makes them; @param value, note what stands above the chart */
  show(parts, value, note) {
    this.#parts = parts;
    setText(this.#title, t(`dashboard.charts.${this.#name}`));
    setText(this.#value, value);
    setText(this.#note, note);
    this.#show(this.#at);
  }

  #draw() {
    const { length } = this.#parts;
    if (!length || !this.#width) return;
    const top = roundUp(Math.max(this.#least, ...this.#parts.map((part) => this.#height(part))));
    const width = this.#width / length;
    const scale = {
      width,
      x: (index) => index * width,
      y: (value) => FLOOR - (value / top) * (FLOOR - TOP),
    };
    this.#drawing.setAttribute('viewBox', `0 0 ${this.#width} ${HEIGHT}`);
    this.#drawing.setAttribute('width', this.#width);
    const label = t('dashboard.charts.label', {
      name: this.#title.textContent,
      value: this.#value.textContent,
      note: this.#note.textContent,
    });
    this.#drawing.setAttribute('aria-label', label);
    this.#drawing.replaceChildren(...this.#grid(top, scale), ...this.#curves(scale), ...this.#cursor(scale));
  }

  /** What bars stand on one another to, or the highest line. */
  #height(part) {
    const values = this.#series.map(({ key }) => part[key] ?? 0);
    return this.#series[0].kind === 'bars' ? values.reduce((sum, value) => sum + value, 0) : Math.max(...values);
  }

  #grid(top, { y }) {
    const line = (value, name) => svg('line', { class: name, x1: 0, x2: this.#width, y1: short(y(value)), y2: short(y(value)) });
    const most = svg('text', { class: 'chart-most', x: 0, y: TOP - 4 }, this.#read(top));
    return [line(top, 'chart-grid'), line(top / 2, 'chart-grid'), line(0, 'chart-floor'), most, ...this.#ticks()];
  }

  #ticks() {
    const [first, last] = [this.#parts[0].at, this.#parts.at(-1).at];
    const span = last - first + (this.#parts.length > 1 ? this.#parts[1].at - first : 0);
    const wanted = (span / this.#width) * TICK_PX;
    const step = 60_000 * (TICK_MINUTES.find((minutes) => minutes * 60_000 >= wanted) ?? TICK_MINUTES.at(-1));
    const offset = new Date(first).getTimezoneOffset() * 60_000;
    const ticks = [];
    for (let at = Math.ceil((first - offset) / step) * step + offset; at <= last; at += step) {
      const x = ((at - first) / span) * this.#width;
      if (x < 18 || x > this.#width - 18) continue;
      ticks.push(svg('text', { class: 'chart-tick', x: short(x), y: HEIGHT - 4 }, timeOfDay(at)));
    }
    return ticks;
  }

  #curves(scale) {
    const bases = this.#parts.map(() => 0);
    return this.#series.map(({ key, kind, tone }) => {
      const points = this.#parts.map((part, index) => [index, part[key], bases[index]]);
      if (kind === 'bars') this.#parts.forEach((part, index) => (bases[index] += part[key]));
      const known = points.filter(([, value]) => value !== null);
      const drawn = known.length ? DRAW[kind](known, scale) : svg('g');
      drawn.setAttribute('class', `chart-${kind}`);
      drawn.setAttribute('data-tone', tone);
      return drawn;
    });
  }

  // --- reading it ---------------------------------------------------------------------------------------------------

  #cursor({ x, width }) {
    if (this.#at === null) return [];
    const middle = short(x(this.#at) + width / 2);
    return [svg('line', { class: 'chart-cursor', x1: middle, x2: middle, y1: TOP, y2: FLOOR })];
  }

  #point(x) {
    const { length } = this.#parts;
    if (length) this.#show(Math.min(length - 1, Math.max(0, Math.floor((x / this.#width) * length))));
  }

  #key(event) {
    const { length } = this.#parts;
    const now = this.#at ?? length;
    const to = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: length - 1 }[event.key];
    if (event.key === 'Escape') this.#show(null);
    if (to === undefined || !length) return;
    event.preventDefault();
    this.#show(Math.min(length - 1, Math.max(0, to)));
  }

  #show(index) {
    this.#at = index;
    const part = this.#parts[index];
    this.#tip.classList.toggle('shown', Boolean(part));
    setText(this.#tip, part ? this.#words(part) : '');
    if (part) {
      // Beside the cursor, on the side with more room.
      const share = (index + 0.5) / this.#parts.length;
      this.#tip.style.left = share < 0.5 ? `${share * 100}%` : 'auto';
      this.#tip.style.right = share < 0.5 ? 'auto' : `${(1 - share) * 100}%`;
    }
    this.#draw();
  }

  #words(part) {
    const figures = this.#series.map(({ key }) => `${t(`dashboard.series.${key}`)} ${this.#read(part[key])}`);
    return [timeOfDay(part.at), ...figures].join(' · ');
  }
}

/** Neighbours among the points, in runs. */
function runs(points) {
  const found = [];
  for (const point of points) {
    const run = found.at(-1);
    if (run && run.at(-1)[0] === point[0] - 1) run.push(point);
    else found.push([point]);
  }
  return found;
}

/** The next number of the kind 1, 2, 5, 10. */
function roundUp(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  return unit * [1, 2, 3, 4, 5, 6, 8, 10].find((factor) => factor * unit >= value * (1 - 1e-9));
}
