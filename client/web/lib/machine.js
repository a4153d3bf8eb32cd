/**
 * A state machine written as a table: `{state: {input: nextState}}`.
 * An input the present state does not list is ignored, so that late events do no harm.
 */
export class Machine {
  #table;
  #state;
  #changed;

  /** @param changed called with the new state after every transition */
  constructor(table, initial, changed) {
    this.#table = table;
    this.#state = initial;
    this.#changed = changed;
  }

  get state() {
    return this.#state;
  }

  /** Feeds one input; true if it moved the machine. */
  handle(input) {
    const next = this.#table[this.#state][input];
    if (next === undefined) return false;
    this.#state = next;
    this.#changed(next);
    return true;
  }
}
