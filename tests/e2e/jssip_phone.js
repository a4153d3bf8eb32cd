// A phone in a page, for tests: JsSIP, one call at a time. Its keys go by INFO.

import * as JsSIP from 'jssip';
import { Audio } from './phone_audio.js';

const audio = new Audio();
const withoutServers = { iceServers: [] };
let phone, session;

function follow(call) {
  session = call;
  phone.outcome = new Promise((resolve) => {
    for (const name of ['confirmed', 'failed']) session.on(name, ({ cause }) => resolve(cause ?? name));
  });
  phone.over = new Promise((resolve) => session.on('ended', ({ originator }) => resolve(originator)));
  const listen = ({ peerconnection }) => audio.listen(peerconnection);
  if (session.connection) audio.listen(session.connection);
  else session.on('peerconnection', listen);
}

globalThis.phone = {
  audio,
  // 'registered', or why not.
  async start(url, user, password) {
    await audio.start();
    phone = new JsSIP.UA({
      sockets: [new JsSIP.WebSocketInterface(url)],
      uri: `sip:${user}@talkpath.example`,
      password,
    });
    phone.on('newRTCSession', ({ session: call, originator }) => {
      follow(call);
      if (originator === 'remote') {
        call.answer({ mediaStream: audio.microphone, pcConfig: withoutServers });
      }
    });
    const registered = new Promise((resolve) => {
      phone.on('registered', () => resolve('registered'));
      phone.on('registrationFailed', ({ cause }) => resolve(cause));
    });
    phone.start();
    return registered;
  },
  // 'confirmed', or why not.
  call(target) {
    audio.forget();
    phone.call(target, { mediaStream: audio.microphone, pcConfig: withoutServers });
    return phone.outcome;
  },
  press: (keys) => session.sendDTMF(keys, { transportType: 'INFO', interToneGap: 100 }),
  hold: () => new Promise((resolve) => session.hold({}, resolve)),
  resume: () => new Promise((resolve) => session.unhold({}, resolve)),
  hangUp: () => session.terminate(),
  // Who hung up: 'local' or 'remote'.
  over: () => phone.over,
  stop: () => phone.stop(),
};
