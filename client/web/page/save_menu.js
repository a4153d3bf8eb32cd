/** The menu of what can be kept of a call. */
import { fileName, save, transcriptJson, transcriptText } from './downloads.js';

export class SaveMenu {
  #root;
  #buttons;
  #lines;
  #recording;

  /**
   * @param lines `() -> lines` of the transcript
   * @param recording `() -> CallRecorder`, or null before the first call
   */
  constructor({ root, text, json, audio }, lines, recording) {
    this.#root = root;
    this.#buttons = { text, json, audio };
    this.#lines = lines;
    this.#recording = recording;
    text.addEventListener('click', () => this.#save('transcript', 'txt', [transcriptText(lines())], 'text/plain'));
    json.addEventListener('click', () => this.#save('transcript', 'json', [transcriptJson(lines())], 'application/json'));
    audio.addEventListener('click', () => this.#done(() => save(fileName('call', 'wav'), recording().wav())));
    root.addEventListener('toggle', () => this.#refresh());
    addEventListener('click', ({ target }) => root.contains(target) || this.#close());
    root.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape' || !root.open) return;
      event.stopPropagation();
      this.#close();
      root.querySelector('summary').focus();
    });
  }

  #refresh() {
    const said = this.#lines().length > 0;
    this.#buttons.text.disabled = this.#buttons.json.disabled = !said;
    this.#buttons.audio.disabled = !((this.#recording()?.seconds ?? 0) > 0);
  }

  #save(kind, extension, parts, type) {
    this.#done(() => save(fileName(kind, extension), new Blob(parts, { type })));
  }

  #done(act) {
    act();
    this.#close();
  }

  #close() {
    this.#root.open = false;
  }
}
