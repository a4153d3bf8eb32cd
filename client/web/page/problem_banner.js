/** Says what went wrong in words a user understands. */
import { setText } from './dom.js';
import { problemText } from './strings.js';

/** Consequences: they never hide the banner that tells their cause. */
const CONSEQUENCES = new Set(['session_ended', 'connection_lost', 'not_connected']);

export class ProblemBanner {
  #root;
  #code = null;

  constructor(root) {
    this.#root = root;
    root.querySelector('button').addEventListener('click', () => this.clear());
  }

  /** @param error TalkpathError, or anything thrown */
  show(error) {
    const code = error.code ?? 'internal';
    if (code === 'cancelled') return;
    if (this.#code !== null && CONSEQUENCES.has(code)) return;
    this.#code = code;
    const { title, help } = problemText(code);
    setText(this.#root.querySelector('.problem-title'), title);
    setText(this.#root.querySelector('.problem-help'), help);
    const detail = this.#root.querySelector('.problem-detail');
    detail.hidden = !error.message || error.message === code;
    setText(detail, detail.hidden ? '' : `${code}: ${error.message}`);
    this.#root.dataset.code = code;
    this.#root.hidden = false;
  }

  /** @param code clears only this problem; without it whatever is shown */
  clear(code = this.#code) {
    if (code !== this.#code) return;
    this.#code = null;
    this.#root.hidden = true;
  }
}
