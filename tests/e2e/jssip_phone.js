// A softphone in a page, for tests: one call at a time, and what became of it.

import * as JsSIP from 'jssip';

const events = [];
let phone, session, meter;

const until = async (holds) => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 20));
};

function listen(pc, context) {
  pc.addEventListener('track', ({ track }) => {
    const stream = new MediaStream([track]);
    // Chromium lets WebAudio hear a remote track only while an element plays it.
    const element = Object.assign(new Audio(), { srcObject: stream, muted: true });
    element.play();
    meter = new AnalyserNode(context, { fftSize: 2048 });
    context.createMediaStreamSource(stream).connect(meter);
    globalThis.held = { element };
  });
}

globalThis.softphone = {
  events,
  async register(url, password) {
    phone = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(url)],
      uri: 'sip:alice@talkpath.example',
      password,
      register: false,
      session_timers: false,
    });
    phone.start();
    await until(() => phone.isConnected());
  },
  async call(target) {
    const context = new AudioContext();
    await context.resume();
    const audio = { echoCancellation: false, noiseSuppression: false, autoGainControl: false };
    const mediaStream = await navigator.mediaDevices.getUserMedia({ audio });
    session = phone.call(target, { mediaStream, pcConfig: { iceServers: [] } });
    listen(session.connection, context);
    for (const name of ['confirmed', 'ended', 'failed']) {
      session.on(name, ({ originator, cause }) => events.push([name, originator, cause]));
    }
    await until(() => events.length > 0);
    return events[0];
  },
  async loudness(seconds) {
    const samples = new Float32Array(2048);
    const end = performance.now() + 1000 * seconds;
    let loudest = 0;
    while (performance.now() < end) {
      meter?.getFloatTimeDomainData(samples);
      loudest = Math.max(loudest, Math.hypot(...samples) / Math.sqrt(samples.length));
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return loudest;
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
