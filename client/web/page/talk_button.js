/** Push-to-talk by pointer or by the space bar. */

/** Where a space is a space, or toggles the control itself. Buttons still answer to Enter. */
const TYPING = 'input, textarea, select, summary, [contenteditable]';

export class TalkButton {
  #button;
  #talkpath;
  #failed;

  constructor(button, talkpath, failed) {
    this.#button = button;
    this.#talkpath = talkpath;
    this.#failed = failed;
    button.addEventListener('pointerdown', (event) => this.#pointerDown(event));
    for (const name of ['pointerup', 'pointercancel', 'lostpointercapture']) {
      button.addEventListener(name, () => this.#release());
    }
    button.addEventListener('contextmenu', (event) => event.preventDefault());
    addEventListener('keydown', (event) => this.#key(event, () => event.repeat || this.#press()));
    addEventListener('keyup', (event) => this.#key(event, () => this.#release()));
    // The release of a key is never seen once another window has the keyboard.
    addEventListener('blur', () => this.#release());
  }

  #pointerDown(event) {
    if (event.button !== 0) return;
    this.#button.setPointerCapture(event.pointerId);
    this.#press();
  }

  #key(event, act) {
    if (event.code !== 'Space' || this.#button.hidden || this.#button.disabled) return;
    if (event.target instanceof Element && event.target.closest(TYPING)) return;
    // Otherwise the page scrolls, and the focused button is clicked.
    event.preventDefault();
    act();
  }

  #press() {
    this.#talkpath.pressToTalk().catch(this.#failed);
  }

  #release() {
    this.#talkpath.releaseToTalk().catch(this.#failed);
  }
}
