/** What the user should know that is no problem yet: the end of the session draws near, a device is gone. */
import { setText } from './dom.js';
import { reasonText, t } from './strings.js';

const PASSING_MS = 6_000;

export class Notice {
  #root;
  #ending = null;
  #passing = null;

  constructor(root) {
    this.#root = root;
    setInterval(() => this.#draw(), 1_000);
  }

  /** Feeds `session_status`: with `endsInMs` it is a warning, without it takes one back. */
  status({ reason, endsInMs }) {
    this.#ending = typeof endsInMs === 'number' ? { reason, at: performance.now() + endsInMs } : null;
    this.#draw();
  }

  /** Shown for a moment. */
  pass(key) {
    clearTimeout(this.#passing?.timer);
    this.#passing = { key, timer: setTimeout(() => this.#over(), PASSING_MS) };
    this.#draw();
  }

  #over() {
    this.#passing = null;
    this.#draw();
  }

  #draw() {
    const text = this.#text();
    this.#root.hidden = text === '';
    setText(this.#root, text);
  }

  #text() {
    if (this.#passing) return t(this.#passing.key);
    if (!this.#ending) return '';
    const seconds = Math.max(0, Math.ceil((this.#ending.at - performance.now()) / 1_000));
    return t('notice.ends', { seconds, reason: reasonText(this.#ending.reason) });
  }
}
