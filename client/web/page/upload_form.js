/** A recording of the user's as a turn of the conversation. */
import { setText } from './dom.js';
import { t } from './strings.js';

export class UploadForm {
  #form;
  #file;
  #format;
  #button;
  #told;
  #talkpath;
  #understood = null;
  #online = false;
  #sending = false;

  /** @param attempt runs what may fail, and tells of it */
  constructor({ form, file, format, button, told }, talkpath, attempt) {
    this.#form = form;
    this.#file = file;
    this.#format = format;
    this.#button = button;
    this.#told = told;
    this.#talkpath = talkpath;
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      attempt(() => this.#send());
    });
    file.addEventListener('change', () => this.#refresh());
  }

  /** @param online whether a session takes recordings now */
  set online(online) {
    this.#online = online;
    this.#refresh();
  }

  /** After another language was chosen. */
  relabel() {
    this.#refresh();
  }

  async #send() {
    const [file] = this.#file.files;
    if (!file || this.#sending) return;
    this.#sending = true;
    this.#understood = null;
    this.#refresh();
    try {
      // Without a name or a type that tells, the gateway looks at the first bytes.
      const format = this.#format.value || (file.type ? undefined : extension(file.name));
      this.#understood = await this.#talkpath.sendAudio(file, format);
      await this.#talkpath.commitAudio();
      this.#form.reset();
    } finally {
      this.#sending = false;
      this.#refresh();
    }
  }

  #refresh() {
    this.#button.disabled = !this.#online || this.#sending || !this.#file.files.length;
    setText(this.#told, this.#sending ? t('upload.sending') : this.#understood ? understoodText(this.#understood) : '');
  }
}

function extension(name) {
  return /\.(\w+)$/.exec(name)?.[1].toLowerCase() ?? 'pcm16';
}

function understoodText({ format, sampleRate, channels, durationMs }) {
  const seconds = (durationMs / 1000).toFixed(1);
  return t('upload.understood', { format, rate: sampleRate, channels, seconds });
}
