/** The microphone and speaker choices. */
import { listDevices } from '../talkpath.js';
import { element } from './dom.js';
import { t } from './strings.js';

/** Chromium lists the system's choice a second time under these names. */
const ALIASES = new Set(['default', 'communications']);

export class DevicePicker {
  #microphone;
  #speaker;
  #speakerField;

  constructor({ microphone, speaker, speakerField, audio }) {
    this.#microphone = microphone;
    this.#speaker = speaker;
    this.#speakerField = speakerField;
    this.canChooseSpeaker = typeof audio.setSinkId === 'function';
    this.#fill(microphone, [], 'audio.unnamedMicrophone');
  }

  /** Name of the chosen microphone. */
  get microphoneName() {
    return this.#microphone.selectedOptions[0].textContent;
  }

  /** Lists the devices anew; names appear once a microphone was allowed. */
  async refresh() {
    if (!navigator.mediaDevices) return;
    const { microphones, speakers } = await listDevices();
    this.#fill(this.#microphone, microphones, 'audio.unnamedMicrophone');
    this.#fill(this.#speaker, speakers, 'audio.unnamedSpeaker');
    this.#speakerField.hidden = !this.canChooseSpeaker || this.#speaker.options.length < 2;
  }

  #fill(select, devices, unnamed) {
    const chosen = select.value;
    const own = devices.filter(({ deviceId }) => !ALIASES.has(deviceId));
    const options = own.map(({ deviceId, label }, index) =>
      element('option', { value: deviceId }, label || t(unnamed, { number: index + 1 })),
    );
    select.replaceChildren(element('option', { value: '' }, t('audio.systemDefault')), ...options);
    // A device that is gone falls back to the system's default.
    select.value = own.some(({ deviceId }) => deviceId === chosen) ? chosen : '';
  }
}
