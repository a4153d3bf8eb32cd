/** One call over time: caller and agent in a lane each, tools below, stages of each wait before its answer. */
import { element, setText } from '../page/dom.js';
import { t } from '../page/strings.js';
import { STAGES, drawable, toneOf, wordsOf } from './entries.js';
import { clock, milliseconds } from './format.js';
import { onWidth, short, svg } from './svg.js';

const GUTTER = 58;
const LANES = { caller: [6, 24], agent: [38, 24], work: [70, 12] };
const AXIS = 90;
const HEIGHT = 108;
const OVERVIEW_HEIGHT = 26;
const TICK_PX = 64;
const STEPS_S = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200];
/** Of each zoom; the whole call has none of its own. */
const SPANS_MS = { minute: 60_000, minutes: 600_000 };

export class TimeLine {
  #box;
  #overview;
  #slider;
  #zoom;
  #legend;
  #drawing = svg('svg', { class: 'time-drawing', height: HEIGHT, 'aria-hidden': 'true' });
  #small = svg('svg', { class: 'overview-drawing', height: OVERVIEW_HEIGHT, 'aria-hidden': 'true', preserveAspectRatio: 'none' });
  #tip = element('p', { class: 'chart-tip', 'aria-hidden': 'true' });
  #width = 0;
  #entries = [];
  #now = 0;
  /** Where the shown window ends; null: it goes along with the call. */
  #end = null;
  #pieces = [];

  constructor({ box, overview, slider, zoom, legend }) {
    this.#box = box;
    this.#overview = overview;
    this.#slider = slider;
    this.#zoom = zoom;
    this.#legend = legend;
    box.append(this.#drawing, this.#tip);
    overview.prepend(this.#small);
    onWidth(box, (width) => {
      this.#width = width;
      this.draw();
    });
    zoom.addEventListener('change', () => this.draw());
    slider.addEventListener('input', () => this.#slide());
    box.addEventListener('pointermove', (event) => this.#point(event));
    box.addEventListener('pointerdown', (event) => this.#point(event));
    box.addEventListener('pointerleave', () => this.#tip.classList.remove('shown'));
  }

  /** @param entries of a call's `timeLine`; @param now its duration, ms */
  show(entries, now) {
    this.#entries = entries;
    this.#now = now;
    this.draw();
  }

  /** Another call is looked at. */
  reset() {
    this.#end = null;
    this.#tip.classList.remove('shown');
  }

  /** After another language was chosen. */
  relabel() {
    this.#drawLegend();
    this.draw();
  }

  #span() {
    const zoom = this.#zoom.querySelector(':checked').value;
    return SPANS_MS[zoom] ?? Math.max(this.#now, 10_000);
  }

  draw() {
    if (!this.#width) return;
    const span = this.#span();
    const whole = Math.max(this.#now, span);
    const end = Math.min(this.#end ?? whole, whole);
    const start = Math.max(0, end - span);
    const found = drawable(this.#entries, this.#now);
    this.#drawLanes(found, start, start + span);
    this.#overview.hidden = this.#now <= span;
    if (!this.#overview.hidden) this.#drawOverview(found, start, span);
  }

  #drawLanes(found, start, end) {
    const scale = (this.#width - GUTTER) / (end - start);
    const x = (at) => GUTTER + (at - start) * scale;
    const inside = ({ from, to }) => to >= start && from <= end;
    this.#pieces = [];
    const box = ({ from, to, entry }, [y, height], attributes, least = 2) => {
      const left = Math.max(GUTTER, x(from));
      const right = Math.min(this.#width, Math.max(x(to), left + least));
      this.#pieces.push(entry);
      return svg('rect', { ...attributes, x: short(left), y, width: short(Math.max(right - left, 1)), height, 'data-piece': this.#pieces.length - 1 });
    };
    const waits = found.waits.filter(inside).map((wait) => box(wait, [LANES.agent[0] + 8, 8], { class: 'wait', 'data-stage': wait.stage }, 1));
    const voices = found.voices.filter(inside).flatMap((voice) => {
      const [y, height] = LANES[voice.side];
      const drawn = box(voice, [y, height], { class: 'voice', 'data-side': voice.side, rx: 4 });
      if (!voice.cut || voice.to > end) return [drawn];
      const cut = short(Math.min(this.#width - 1, Number(drawn.getAttribute('x')) + Number(drawn.getAttribute('width'))));
      return [drawn, svg('line', { class: 'cut-stroke', x1: cut, x2: cut, y1: y - 3, y2: y + height + 3 })];
    });
    const work = found.work.filter(inside).map((tool) => box(tool, LANES.work, { class: 'work', 'data-ok': tool.ok, rx: 3 }, 4));
    const marks = found.marks.filter(({ at }) => at >= start && at <= end).map((mark) => this.#mark(mark, x(mark.at)));
    this.#drawing.setAttribute('viewBox', `0 0 ${this.#width} ${HEIGHT}`);
    this.#drawing.setAttribute('width', this.#width);
    this.#drawing.replaceChildren(...this.#ground(start, end, x), ...marks, ...waits, ...voices, ...work);
  }

  #ground(start, end, x) {
    const names = ['caller', 'agent', 'work'].map((lane) => {
      const [y, height] = LANES[lane];
      return svg('text', { class: 'lane-name', x: 0, y: y + height / 2 + 4 }, t(`dashboard.timeLine.${lane}`));
    });
    const grounds = Object.values(LANES).map(([y, height]) =>
      svg('rect', { class: 'lane-ground', x: GUTTER, y, width: this.#width - GUTTER, height, rx: 4 }),
    );
    const wanted = ((end - start) / (this.#width - GUTTER)) * TICK_PX;
    const step = 1_000 * (STEPS_S.find((seconds) => seconds * 1_000 >= wanted) ?? STEPS_S.at(-1));
    const ticks = [];
    for (let at = Math.ceil(start / step) * step; at <= end; at += step) {
      const place = short(x(at));
      ticks.push(svg('line', { class: 'time-grid', x1: place, x2: place, y1: 2, y2: AXIS - 4 }));
      if (x(at) < this.#width - 14) ticks.push(svg('text', { class: 'chart-tick', x: place, y: HEIGHT - 4 }, clock(at)));
    }
    const now = x(this.#now);
    if (this.#now <= end) ticks.push(svg('line', { class: 'time-now', x1: short(now), x2: short(now), y1: 2, y2: AXIS - 4 }));
    return [...grounds, ...ticks, ...names];
  }

  #mark({ entry }, x) {
    this.#pieces.push(entry);
    const group = svg('g', { class: 'mark', 'data-tone': toneOf(entry), 'data-piece': this.#pieces.length - 1 });
    group.append(
      svg('line', { x1: short(x), x2: short(x), y1: 2, y2: AXIS - 4 }),
      svg('path', { d: `M${short(x)} ${AXIS - 9}l5 5-5 5-5-5Z` }),
    );
    return group;
  }

  #drawOverview({ voices }, start, span) {
    const width = this.#width - GUTTER;
    const x = (at) => short((at / this.#now) * width);
    this.#small.setAttribute('viewBox', `0 0 ${width} ${OVERVIEW_HEIGHT}`);
    const lane = (side, y) =>
      svg('path', {
        class: 'overview-voices',
        'data-side': side,
        d: voices.filter((voice) => voice.side === side).map(({ from, to }) => `M${x(from)} ${y}h${short(Math.max(1, ((to - from) / this.#now) * width))}`).join(''),
      });
    const view = svg('rect', { class: 'overview-view', x: x(start), y: 0.5, width: short((span / this.#now) * width), height: OVERVIEW_HEIGHT - 1, rx: 5 });
    this.#small.replaceChildren(lane('caller', 9), lane('agent', 17), view);
    const travel = this.#now - span;
    if (this.#end === null) this.#slider.value = this.#slider.max;
    else this.#slider.value = String(Math.round((start / travel) * 1_000));
    this.#slider.setAttribute('aria-valuetext', `${clock(start)} – ${clock(start + span)}`);
  }

  #slide() {
    const span = this.#span();
    const share = Number(this.#slider.value) / Number(this.#slider.max);
    this.#end = share >= 1 ? null : share * (this.#now - span) + span;
    this.draw();
  }

  #point(event) {
    const piece = event.target.closest?.('[data-piece]');
    this.#tip.classList.toggle('shown', Boolean(piece));
    if (!piece) return;
    const entry = this.#pieces[Number(piece.dataset.piece)];
    const { stage } = piece.dataset;
    const words = stage ? `${t(`dashboard.stages.${stage}`)} · ${milliseconds(entry[stage])}` : wordsOf(entry);
    setText(this.#tip, `${clock(entry.atMs)} · ${words}`);
    const x = event.clientX - this.#box.getBoundingClientRect().left;
    const left = x < this.#width / 2;
    this.#tip.style.left = left ? `${x}px` : 'auto';
    this.#tip.style.right = left ? 'auto' : `${this.#width - x}px`;
  }

  #drawLegend() {
    const item = (name, key) => element('li', { class: `legend-${name}` }, t(key));
    this.#legend.replaceChildren(
      ...STAGES.map((stage) => {
        const shown = item('wait', `dashboard.stages.${stage}`);
        shown.dataset.stage = stage;
        return shown;
      }),
      item('cut', 'dashboard.timeLine.cut'),
      item('work', 'dashboard.timeLine.tool'),
      item('mark', 'dashboard.timeLine.mark'),
    );
  }
}
