/** Listening in on a call: audio comes, none goes. */
import { TalkpathError } from '../lib/errors.js';

const GATHERING_MS = 2_000;

export class Listener {
  #api;
  #audio;
  #changed;
  #peer = null;
  #location = null;
  /** Id of the call that is listened to; null: none. */
  id = null;

  /** @param audio element that plays it; @param changed told when `id` changed by itself */
  constructor(api, audio, changed) {
    this.#api = api;
    this.#audio = audio;
    this.#changed = changed;
  }

  /** Throws TalkpathError; nothing is left of the attempt then. */
  async start(id) {
    await this.stop();
    if (!globalThis.RTCPeerConnection) throw new TalkpathError('webrtc_unsupported');
    this.id = id;
    try {
      await this.#connect(id);
    } catch (error) {
      if (this.id === id) await this.stop();
      throw error;
    }
  }

  async stop() {
    const [peer, location] = [this.#peer, this.#location];
    this.#peer = this.#location = this.id = null;
    this.#audio.srcObject = null;
    // Asked for while there is something to end; the end of the peer connection would be enough.
    if (location) await this.#api.delete(location).catch(() => {});
    peer?.close();
  }

  async #connect(id) {
    const { iceServers } = await this.#api.get(`/sessions/${encodeURIComponent(id)}`);
    if (this.id !== id) return;
    const peer = new RTCPeerConnection({ iceServers });
    this.#peer = peer;
    peer.addTransceiver('audio', { direction: 'recvonly' });
    peer.ontrack = ({ track }) => (this.#audio.srcObject = new MediaStream([track]));
    peer.onconnectionstatechange = () => this.#look(peer);
    await peer.setLocalDescription();
    await gathered(peer);
    const { sdp, location } = await this.#api.offer(`/sessions/${encodeURIComponent(id)}/listen`, peer.localDescription.sdp);
    if (this.#peer !== peer) {
      // Stopped meanwhile.
      await this.#api.delete(location).catch(() => {});
      return;
    }
    this.#location = location;
    await peer.setRemoteDescription({ type: 'answer', sdp });
  }

  async #look(peer) {
    if (peer !== this.#peer || !['failed', 'closed'].includes(peer.connectionState)) return;
    await this.stop();
    this.#changed();
  }
}

/** With its candidates in it, or as many as there are after a while. */
function gathered(peer) {
  if (peer.iceGatheringState === 'complete') return Promise.resolve();
  return new Promise((resolve) => {
    setTimeout(resolve, GATHERING_MS);
    peer.addEventListener('icegatheringstatechange', () => peer.iceGatheringState === 'complete' && resolve());
  });
}
