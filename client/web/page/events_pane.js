/** The last events of the gateway, for people who look under the hood. */
import { element, setText } from './dom.js';

const MAX_EVENTS = 200;
const MAX_CHARACTERS = 400;

export class EventsPane {
  #pane;
  #list;
  #count;
  #filter;
  #events = [];

  constructor({ pane, list, count, clear, filter }) {
    this.#pane = pane;
    this.#list = list;
    this.#count = count;
    this.#filter = filter;
    pane.addEventListener('toggle', (event) => event.target === pane && this.#drawAll());
    clear.addEventListener('click', () => this.#clear());
    filter.addEventListener('input', () => this.#drawAll());
  }

  add(name, data) {
    const json = JSON.stringify(data) ?? '';
    const event = { at: new Date(), name: data?.type ? `${name} · ${data.type}` : name, data, json };
    // One a second, and shown elsewhere: only the latest of a run is worth its place.
    const again = name === 'call_stats' && this.#events.at(-1)?.name === event.name;
    if (again) this.#events.pop();
    this.#events.push(event);
    if (this.#events.length > MAX_EVENTS) this.#events.shift();
    this.#tellCount();
    if (this.#pane.open) this.#append(event, again);
  }

  #append(event, again) {
    if (!this.#isWanted(event)) return;
    const atEnd = this.#isAtEnd;
    if (again) this.#list.lastElementChild?.remove();
    this.#list.append(row(event));
    while (this.#list.children.length > MAX_EVENTS) this.#list.firstElementChild.remove();
    if (atEnd) this.#list.scrollTop = this.#list.scrollHeight;
  }

  /** Who reads further up, or has opened an event, is not moved away from it. */
  get #isAtEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.#list;
    return scrollHeight - scrollTop - clientHeight < 40;
  }

  #isWanted({ name, json }) {
    const wanted = this.#filter.value.trim().toLowerCase();
    return wanted === '' || name.toLowerCase().includes(wanted) || json.toLowerCase().includes(wanted);
  }

  #drawAll() {
    const shown = this.#pane.open ? this.#events.filter((event) => this.#isWanted(event)) : [];
    this.#list.replaceChildren(...shown.map(row));
    this.#list.scrollTop = this.#list.scrollHeight;
    this.#tellCount();
  }

  #tellCount() {
    const all = this.#events.length;
    const wanted = this.#filter.value.trim() ? this.#events.filter((event) => this.#isWanted(event)).length : all;
    setText(this.#count, wanted === all ? String(all) : `${wanted} / ${all}`);
  }

  #clear() {
    this.#events = [];
    this.#drawAll();
  }
}

/** A line that opens on what the event carried. */
function row({ at, name, data, json }) {
  const shown = json.length > MAX_CHARACTERS ? `${json.slice(0, MAX_CHARACTERS)}…` : json;
  const summary = element(
    'summary',
    {},
    element('time', {}, at.toTimeString().slice(0, 8)),
    element('b', {}, name),
    element('code', {}, shown),
  );
  const details = element('details', {}, summary);
  details.addEventListener('toggle', () => {
    if (details.open && details.children.length === 1) {
      details.append(element('pre', {}, JSON.stringify(data, null, 2) ?? ''));
    }
  });
  return element('li', {}, details);
}
