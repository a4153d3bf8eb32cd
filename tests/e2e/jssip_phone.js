// A softphone in a page, for tests: one call at a time, and what became of it.

import * as JsSIP from 'jssip';

const events = [];
let phone, registration, session, element;

const until = async (holds) => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 20));
};

// Chromium decodes what an element plays.
function listen(pc) {
  pc.addEventListener('track', ({ track }) => {
    element = Object.assign(new Audio(), { srcObject: new MediaStream([track]) });
    element.play();
  });
}

// Energy and duration of what was heard so far (W3C totalAudioEnergy, totalSamplesDuration).
async function heard() {
  const reports = [...(await session.connection.getStats()).values()];
  return reports.find(({ type }) => type === 'inbound-rtp');
}

globalThis.softphone = {
  events,
  version: JsSIP.version,
  async connect(url, password, register) {
    phone = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(url)],
      uri: 'sip:alice@talkpath.example',
      password,
      register,
      session_timers: false,
    });
    phone.on('registered', () => (registration = 'registered'));
    phone.on('registrationFailed', ({ cause }) => (registration = cause));
    phone.start();
    await until(() => phone.isConnected());
  },
  // 'registered', or why not.
  async registered() {
    await until(() => registration);
    return registration;
  },
  async call(target) {
    const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    const mediaStream = await navigator.mediaDevices.getUserMedia({ audio });
    session = phone.call(target, { mediaStream, pcConfig: { iceServers: [] } });
    listen(session.connection);
    for (const name of ['confirmed', 'ended', 'failed']) {
      session.on(name, ({ originator, cause }) => events.push([name, originator, cause]));
    }
    await until(() => events.length > 0);
    return events[0];
  },
  // RMS of what is heard meanwhile, of full scale; 0 if nothing comes.
  async loudness(seconds) {
    const before = await heard();
    await new Promise((resolve) => setTimeout(resolve, 1000 * seconds));
    const after = await heard();
    const energy = (after?.totalAudioEnergy ?? 0) - (before?.totalAudioEnergy ?? 0);
    return Math.sqrt(energy / seconds);
  },
  press: (keys) => session.sendDTMF(keys, { transportType: 'INFO', interToneGap: 100 }),
  hold: () => new Promise((resolve) => session.hold({}, resolve)),
  unhold: () => new Promise((resolve) => session.unhold({}, resolve)),
  hangUp: () => session.terminate(),
  async over() {
    await until(() => events.some(([name]) => name === 'ended'));
    return events.find(([name]) => name === 'ended');
  },
  stop: () => phone.stop(),
};
