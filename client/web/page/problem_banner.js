/** Says what went wrong in words a user understands. */
import { setText } from './dom.js';
import { problemText, reasonText, t } from './strings.js';

/** Consequences: they never hide the banner that tells their cause. */
const CONSEQUENCES = new Set(['session_ended', 'connection_lost', 'not_connected']);

export class ProblemBanner {
  #root;
  #code = null;

  #error = null;
  #remedies;

  /** @param remedies error code -> `{label, act}`: a button that may help */
  constructor(root, remedies = {}) {
    this.#root = root;
    this.#remedies = remedies;
    root.querySelector('.problem-dismiss').addEventListener('click', () => this.clear());
    root.querySelector('.problem-action').addEventListener('click', () => this.#remedy());
  }

  /** @param error TalkpathError, or anything thrown */
  show(error) {
    const code = error.code ?? 'internal';
    if (code === 'cancelled') return;
    if (this.#code !== null && CONSEQUENCES.has(code)) return;
    this.#code = code;
    this.#error = error;
    this.redraw();
    this.#root.dataset.code = code;
    this.#root.hidden = false;
  }

  /** After another language was chosen. */
  redraw() {
    if (this.#code === null) return;
    const [code, error] = [this.#code, this.#error];
    const { title, help } = problemText(code);
    setText(this.#root.querySelector('.problem-title'), title);
    setText(this.#root.querySelector('.problem-help'), help);
    const detail = this.#root.querySelector('.problem-detail');
    detail.hidden = !error.message || error.message === code;
    setText(detail, detail.hidden ? '' : `${code}: ${reasonText(error.message)}`);
    const remedy = this.#remedies[code];
    const action = this.#root.querySelector('.problem-action');
    action.hidden = !remedy;
    setText(action, remedy ? t(remedy.label) : '');
  }

  #remedy() {
    const { act } = this.#remedies[this.#code];
    this.clear();
    act();
  }

  /** @param code clears only this problem; without it whatever is shown */
  clear(code = this.#code) {
    if (code !== this.#code) return;
    this.#code = null;
    this.#root.hidden = true;
  }
}
