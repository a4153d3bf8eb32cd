/** The keys of a telephone. */
import { element } from './dom.js';
import { t } from './strings.js';

const KEYS = '123A456B789C*0#D';
const NAMED = { '*': 'keypad.star', '#': 'keypad.pound' };

export class KeypadPanel {
  #buttons;

  /** @param press takes a key */
  constructor(root, press) {
    this.#buttons = [...KEYS].map((key) => {
      const button = element('button', { type: 'button', 'data-key': key }, key);
      button.addEventListener('click', () => press(key));
      return button;
    });
    root.append(...this.#buttons);
    this.relabel();
  }

  set disabled(disabled) {
    for (const button of this.#buttons) button.disabled = disabled;
  }

  /** After another language was chosen. */
  relabel() {
    for (const button of this.#buttons) {
      const { key } = button.dataset;
      button.setAttribute('aria-label', t(NAMED[key] ?? 'keypad.key', { key }));
    }
  }
}
