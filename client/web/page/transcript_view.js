/** Draws a Transcript into the log, reusing the element of each line. */
import { element, setText } from './dom.js';
import { language, t } from './strings.js';

/** Closer to the end than this, the log follows what is said; further up, somebody is reading. */
const FOLLOW_PX = 80;

export class TranscriptView {
  #log;
  #empty;
  #rows = new Map();
  #scheduled = false;
  #following = true;
  #top = 0;

  constructor(log, empty) {
    this.#log = log;
    this.#empty = empty;
    log.addEventListener('scroll', () => this.#scrolled());
    new ResizeObserver(() => this.#follow()).observe(log);
  }

  /** Draws at most once per frame, however many deltas arrive. */
  schedule(transcript) {
    if (this.#scheduled) return;
    this.#scheduled = true;
    // A background tab has no animation frames, but its transcript must go on.
    const later = document.hidden ? (draw) => setTimeout(draw, 0) : requestAnimationFrame;
    later(() => {
      this.#scheduled = false;
      this.#draw(transcript.lines);
    });
  }

  /** After another language was chosen. */
  redraw(transcript) {
    this.#draw(transcript.lines);
  }

  #draw(lines) {
    this.#empty.hidden = lines.length > 0;
    this.#removeAllBut(new Set(lines.map((line) => line.id)));
    let after = this.#empty;
    for (const line of lines) {
      const row = this.#row(line);
      row.update(line);
      if (after.nextElementSibling !== row.node) after.after(row.node);
      after = row.node;
    }
    this.#follow();
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#log;
    if (scrollHeight - scrollTop - clientHeight < FOLLOW_PX) this.#following = true;
    // A log that shrinks moves away from its end as well; only a reader moves up.
    else if (scrollTop < this.#top) this.#following = false;
    this.#top = scrollTop;
  }

  #follow() {
    if (this.#following) this.#log.scrollTop = this.#log.scrollHeight;
  }

  #row(line) {
    if (!this.#rows.has(line.id)) this.#rows.set(line.id, new Row(line));
    return this.#rows.get(line.id);
  }

  #removeAllBut(ids) {
    for (const [id, row] of this.#rows) {
      if (ids.has(id)) continue;
      row.node.remove();
      this.#rows.delete(id);
    }
  }
}

class Row {
  #speaker = element('span', { class: 'speaker' });
  #time = element('time', {});
  #text = element('span', { class: 'text' });
  #waiting = element('span', { class: 'waiting', 'aria-hidden': 'true' }, element('i'), element('i'), element('i'));
  #cut = element('span', { class: 'cut' });

  constructor({ id }) {
    const head = element('div', { class: 'line-head' }, this.#speaker, this.#time);
    const body = element('p', { class: 'line-body' }, this.#text, this.#waiting, ' ', this.#cut);
    this.node = element('article', { class: 'line', 'data-item': id }, head, body);
  }

  update(line) {
    const classes = ['line', line.role, line.kind, line.live && 'live', line.interrupted && 'interrupted'];
    this.node.className = classes.filter(Boolean).join(' ');
    // Screen readers wait for the whole line instead of reading every delta.
    this.node.setAttribute('aria-busy', String(line.live));
    setText(this.#speaker, t(line.role === 'user' ? 'conversation.you' : 'conversation.agent'));
    setText(this.#time, line.timestamp ? clock(line.timestamp) : '');
    setText(this.#text, line.unclear ? t('conversation.unclear') : line.text);
    this.#text.classList.toggle('faint', line.unclear);
    this.#waiting.hidden = !line.live || line.text !== '';
    setText(this.#cut, line.interrupted ? cutText(line) : '');
    this.#cut.hidden = !line.interrupted;
  }
}

function cutText({ audioEndMs }) {
  if (typeof audioEndMs !== 'number') return t('conversation.interruptedUnknown');
  return t('conversation.interrupted', { seconds: (audioEndMs / 1000).toFixed(1) });
}

function clock(timestamp) {
  return new Date(timestamp).toLocaleTimeString(language(), { hour: '2-digit', minute: '2-digit' });
}
