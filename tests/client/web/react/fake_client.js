/** A Talkpath without a microphone and a gateway, neither of which Node has: the state that a call goes through. */
import { Emitter } from '../../../../client/web/lib/emitter.js';
import { TalkpathError } from '../../../../client/web/lib/errors.js';

export class FakeClient extends Emitter {
  state = 'connected';
  callState = 'idle';
  transport = 'webrtc';
  phase = 'listening';
  mode = 'hands-free';
  muted = false;
  talking = false;
  levels = { microphone: -100, agent: -100 };
  asked = [];
  refusal = null;

  become(changes, event) {
    Object.assign(this, changes);
    this.emit(event, {});
  }

  async startCall(options) {
    this.#ask('startCall', options);
    this.transport = options.transport;
    this.become({ callState: 'opening' }, 'call_state');
    await null;
    this.become({ callState: 'connected' }, 'call_state');
  }

  async hangUp() {
    this.#ask('hangUp');
    this.become({ callState: 'idle' }, 'call_state');
  }

  async mute(muted) {
    this.#ask('mute', muted);
    this.become({ muted }, 'turns');
  }

  async setMode(mode) {
    this.#ask('setMode', mode);
    this.become({ mode }, 'turns');
  }

  async pressToTalk() {
    this.#ask('pressToTalk');
    this.become({ talking: true }, 'turns');
  }

  async releaseToTalk() {
    this.#ask('releaseToTalk');
    this.become({ talking: false }, 'turns');
  }

  async setMicrophone(deviceId) {
    this.#ask('setMicrophone', deviceId);
  }

  async setSpeaker(deviceId) {
    this.#ask('setSpeaker', deviceId);
  }

  #ask(...asked) {
    this.asked.push(asked);
    if (this.refusal) throw new TalkpathError(this.refusal, 'no');
  }
}
