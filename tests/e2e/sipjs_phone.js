// A phone in a page, for tests: SIP.js, one call at a time. Its keys go by RFC 4733.

import * as SIP from 'sip.js';
import { Audio } from './phone_audio.js';

const audio = new Audio();
let phone, registerer, session, outcome, over;

function follow(call) {
  session = call;
  let hungUpBy = 'local';
  session.delegate = {
    onBye(bye) {
      hungUpBy = 'remote';
      bye.accept();
    },
    onSessionDescriptionHandler: (handler) => audio.listen(handler.peerConnection),
  };
  over = new Promise((resolve) =>
    session.stateChange.addListener((state) => state === SIP.SessionState.Terminated && resolve(hungUpBy)),
  );
}

function reinvite(hold) {
  session.sessionDescriptionHandlerOptionsReInvite = { hold };
  return new Promise((resolve, reject) =>
    session.invite({
      requestDelegate: { onAccept: () => resolve(), onReject: ({ message }) => reject(message.reasonPhrase) },
    }),
  );
}

globalThis.phone = {
  audio,
  // 'registered', or why not.
  async start(url, user, password) {
    await audio.start();
    phone = new SIP.UserAgent({
      uri: SIP.UserAgent.makeURI(`sip:${user}@talkpath.example`),
      transportOptions: { server: url },
      authorizationUsername: user,
      authorizationPassword: password,
      logLevel: 'error',
      sessionDescriptionHandlerFactory: SIP.Web.defaultSessionDescriptionHandlerFactory(async () => audio.microphone),
      sessionDescriptionHandlerFactoryOptions: { peerConnectionConfiguration: { iceServers: [] } },
      delegate: {
        onInvite(invitation) {
          follow(invitation);
          invitation.accept();
        },
      },
    });
    await phone.start();
    registerer = new SIP.Registerer(phone);
    return new Promise((resolve) =>
      registerer.register({
        requestDelegate: {
          onAccept: () => resolve('registered'),
          onReject: ({ message }) => resolve(message.reasonPhrase),
        },
      }),
    );
  },
  // 'confirmed', or why not.
  call(target) {
    audio.forget();
    const inviter = new SIP.Inviter(phone, SIP.UserAgent.makeURI(target));
    follow(inviter);
    outcome = new Promise((resolve) =>
      inviter.invite({
        requestDelegate: {
          onAccept: () => resolve('confirmed'),
          onReject: ({ message }) => resolve(message.reasonPhrase),
        },
      }),
    );
    return outcome;
  },
  press: (keys) => session.sessionDescriptionHandler.sendDtmf(keys),
  hold: () => reinvite(true),
  resume: () => reinvite(false),
  hangUp: () => session.bye(),
  // Who hung up: 'local' or 'remote'.
  over: () => over,
  stop: () => phone.stop(),
};
