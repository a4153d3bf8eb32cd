// A page for tests that calls by OpenAI's Agents SDK: nothing of it is changed but its URL.

import { OpenAIRealtimeWebRTC, RealtimeAgent, RealtimeSession, tool } from '@openai/agents-realtime';
import { Audio } from './phone_audio.js';

const audio = new Audio();
const heard = [];
let session, history, ran;

async function until(found) {
  for (;;) {
    const it = await found();
    if (it) return it;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function follow() {
  history = [];
  ran = [];
  session.on('history_updated', (items) => (history = items));
  session.on('error', ({ error }) => heard.push({ type: 'error', error: JSON.stringify(error) }));
  session.transport.on('*', (event) => heard.push(event));
}

const text = ({ content }) => content.map((part) => part.transcript ?? part.text ?? '').join(' ');

globalThis.call = {
  audio,
  start: () => audio.start(),
  // Ms until the session may be used.
  async connect(url, key, toolName) {
    const parameters = { type: 'object', properties: {}, required: [], additionalProperties: true };
    const execute = (given) => {
      ran.push(given);
      return 'Nobody knows.';
    };
    const tools = [tool({ name: toolName, description: 'Says what to say.', parameters, strict: false, execute })];
    session = new RealtimeSession(new RealtimeAgent({ name: 'front', instructions: 'Greet the caller.', tools }), {
      transport: new OpenAIRealtimeWebRTC({ baseUrl: `${url}/v1/realtime/calls`, mediaStream: audio.microphone }),
      model: 'any',
    });
    follow();
    const begun = performance.now();
    await session.connect({ apiKey: key });
    const took = performance.now() - begun;
    audio.listen(session.transport.connectionState.peerConnection);
    return took;
  },
  // As a page does that gets its key from its own server, plays by an element of its own, and shows all events.
  async connectAsDemo(url, codec, format) {
    const answer = await fetch(`${url}/api/session`);
    const key = (await answer.json()).client_secret.value;
    const audioElement = Object.assign(document.createElement('audio'), { autoplay: true });
    const guardrail = { name: 'moderation', execute: async () => ({ tripwireTriggered: false, outputInfo: {} }) };
    session = new RealtimeSession(new RealtimeAgent({ name: 'front', instructions: 'Greet the caller.' }), {
      transport: new OpenAIRealtimeWebRTC({
        audioElement,
        mediaStream: audio.microphone,
        changePeerConnection: async (connection) => {
          audio.listen(connection);
          const { codecs } = RTCRtpSender.getCapabilities('audio');
          const chosen = codecs.find(({ mimeType }) => mimeType.toLowerCase() === `audio/${codec}`);
          for (const transceiver of connection.getTransceivers()) transceiver.setCodecPreferences([chosen]);
          return connection;
        },
      }),
      model: 'gpt-4o-mini-realtime-preview-2024-06-03',
      config: {
        inputAudioFormat: format,
        outputAudioFormat: format,
        inputAudioTranscription: { model: 'gpt-4o-mini-transcribe' },
      },
      outputGuardrails: [guardrail],
      context: { companyName: 'newTelco' },
    });
    follow();
    await session.connect({ apiKey: key, url: `${url}/v1/realtime/calls` });
  },
  send: (event) => session.transport.sendEvent(event),
  type: (words) => session.sendMessage(words),
  interrupt: () => session.interrupt(),
  interruptTransport: () => session.transport.interrupt(),
  mute: (muted) => session.mute(muted),
  isMuted: () => session.muted,
  close: () => session.close(),
  events: (type) => heard.filter((event) => event.type === type),
  ran: () => ran,
  told: (type, least) => until(() => heard.filter((event) => event.type === type).length >= least),
  // The words of the role's latest line, once there are as many that are complete.
  line: (role, least) =>
    until(() => {
      const lines = history.filter((item) => item.role === role && item.status !== 'in_progress' && text(item).trim());
      return lines.length >= least && text(lines.at(-1));
    }),
  quiet: () => until(async () => (await audio.loudness(0.3)) < 0.001),
};
