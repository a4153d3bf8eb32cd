/** The last events of the gateway, for people who look under the hood. */
import { element, setText } from './dom.js';

const MAX_EVENTS = 200;
const MAX_CHARACTERS = 400;

export class EventsPane {
  #pane;
  #list;
  #count;
  #events = [];

  constructor({ pane, list, count, clear }) {
    this.#pane = pane;
    this.#list = list;
    this.#count = count;
    pane.addEventListener('toggle', () => this.#drawAll());
    clear.addEventListener('click', () => this.#clear());
  }

  add(name, data) {
    const event = { at: new Date(), name: data?.type ? `${name} · ${data.type}` : name, data };
    // One a second, and shown elsewhere: only the latest of a run is worth its place.
    const again = name === 'call_stats' && this.#events.at(-1)?.name === event.name;
    if (again) this.#events.pop();
    this.#events.push(event);
    if (this.#events.length > MAX_EVENTS) this.#events.shift();
    setText(this.#count, String(this.#events.length));
    if (this.#pane.open) this.#append(event, again);
  }

  #append(event, again) {
    if (again) this.#list.lastElementChild?.remove();
    this.#list.append(row(event));
    while (this.#list.children.length > MAX_EVENTS) this.#list.firstElementChild.remove();
    this.#list.scrollTop = this.#list.scrollHeight;
  }

  #drawAll() {
    this.#list.replaceChildren(...(this.#pane.open ? this.#events.map(row) : []));
    this.#list.scrollTop = this.#list.scrollHeight;
  }

  #clear() {
    this.#events = [];
    setText(this.#count, '0');
    this.#drawAll();
  }
}

function row({ at, name, data }) {
  const json = JSON.stringify(data) ?? '';
  const shown = json.length > MAX_CHARACTERS ? `${json.slice(0, MAX_CHARACTERS)}…` : json;
  return element(
    'li',
    {},
    element('time', {}, at.toTimeString().slice(0, 8)),
    element('b', {}, name),
    element('code', {}, shown),
  );
}
