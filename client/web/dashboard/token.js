/** The operator's token: of the address's fragment or of the form, kept for this tab, never in an address. */
import { takeFragmentToken } from '../page/fragment_token.js';

const KEY = 'talkpath.operator';

export class OperatorToken {
  #value = '';

  constructor() {
    try {
      this.#value = sessionStorage.getItem(KEY) ?? '';
    } catch {
      // Storage may be switched off; the token lives as long as the page then.
    }
    this.takeFromAddress();
  }

  /** Whether the address had one. */
  takeFromAddress() {
    const given = takeFragmentToken();
    if (given) this.set(given);
    return given !== null;
  }

  get value() {
    return this.#value;
  }

  /** @param value empty: it is forgotten */
  set(value) {
    this.#value = value;
    try {
      if (value) sessionStorage.setItem(KEY, value);
      else sessionStorage.removeItem(KEY);
    } catch {
      // As above.
    }
  }
}
