/** The mark of a call's quality: four bars, and in words what they stand for. */
import { element } from '../page/dom.js';
import { t } from '../page/strings.js';
import { milliseconds, percent } from './format.js';
import { bars } from './quality.js';
import { svg } from './svg.js';

const BARS = 4;

export class SignalMark {
  #shown = [];

  constructor() {
    const drawing = svg('svg', { viewBox: '0 0 20 16', width: 20, height: 16, 'aria-hidden': 'true' });
    for (let index = 0; index < BARS; index += 1) {
      const height = 4 + index * 4;
      const bar = svg('rect', { x: index * 5, y: 16 - height, width: 3.5, height, rx: 1 });
      this.#shown.push(bar);
      drawing.append(bar);
    }
    this.root = element('span', { class: 'signal', role: 'img' }, drawing);
  }

  /** @param quality of a call, or null */
  show(quality) {
    const lit = bars(quality) ?? 0;
    this.root.dataset.bars = String(lit);
    this.#shown.forEach((bar, index) => bar.setAttribute('class', index < lit ? 'lit' : ''));
    const words = lit ? t(`dashboard.quality.bars${lit}`) : t('dashboard.quality.unknown');
    const figures = lit ? [`${t('stats.lossPercent')} ${percent(quality.lossPercent)}`, `${t('stats.rttMs')} ${milliseconds(quality.rttMs)}`] : [];
    const label = [words, ...figures].join(', ');
    if (this.root.title === label) return;
    this.root.title = label;
    this.root.setAttribute('aria-label', label);
  }
}
