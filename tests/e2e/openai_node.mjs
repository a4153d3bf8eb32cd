// OpenAI's packages for JavaScript in Node: nothing of them is changed but their URL. Says what it saw, as JSON.
//
// node openai_node.mjs agents URL TOOL SPEECH   SPEECH: PCM16, 24 kHz, with silence at its end
// node openai_node.mjs openai URL CALL_ID SPEECH

import { readFile } from 'node:fs/promises';
import { RealtimeAgent, RealtimeSession, tool } from '@openai/agents-realtime';
import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';

const [what, url, argument, file] = process.argv.slice(2);
const speech = await readFile(file);
const BYTES = 4_800;
const pieces = Array.from({ length: Math.ceil(speech.length / BYTES) }, (_, n) => speech.subarray(n * BYTES, (n + 1) * BYTES));
const key = 'any';

async function until(found) {
  for (;;) {
    const it = found();
    if (it) return it;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function agents() {
  const ran = [];
  const errors = [];
  const [samples, interrupted] = [[], []];
  let history = [];
  const parameters = { type: 'object', properties: {}, required: [], additionalProperties: true };
  const execute = (given) => {
    ran.push(given);
    return 'Nobody knows.';
  };
  const tools = [tool({ name: argument, description: 'Says what to say.', parameters, strict: false, execute })];
  const session = new RealtimeSession(new RealtimeAgent({ name: 'front', instructions: 'Greet the caller.', tools }), {
    transport: 'websocket',
    model: 'any',
  });
  session.on('error', (error) => errors.push(JSON.stringify(error)));
  session.on('history_updated', (items) => (history = items));
  session.on('audio', ({ data }) => samples.push(data.byteLength / 2));
  session.on('audio_interrupted', () => interrupted.push(true));
  let ends = 0;
  session.on('agent_end', () => ends++);
  const words = (role) =>
    history
      .filter((item) => item.role === role && item.status !== 'in_progress')
      .map(({ content }) => content.map((part) => part.transcript ?? part.text ?? '').join(' ').trim())
      .filter((line) => line);

  await session.connect({ apiKey: key, url: `${url.replace('http', 'ws')}/v1/realtime?model=any` });
  for (const piece of pieces) session.sendAudio(piece.buffer.slice(piece.byteOffset, piece.byteOffset + piece.length));
  const user = await until(() => words('user')[0]);
  const assistant = await until(() => words('assistant')[0]);
  const heard = samples.reduce((sum, each) => sum + each, 0);

  await until(() => ends >= 1);
  session.sendMessage('Why is my bill so high?');
  await until(() => ran.length && words('assistant').length >= 2);
  const runs = ran.length;
  await until(() => ends >= 3);
  const before = samples.length;
  session.sendMessage('Tell me a story.');
  await until(() => samples.length > before);
  session.interrupt();
  await until(() => interrupted.length);
  session.close();
  return { user, assistant, heard, ran: runs, errors };
}

async function openai() {
  const client = new OpenAI({ apiKey: key, baseURL: `${url}/v1`, maxRetries: 0 });
  const events = [];
  const connected = (options) => {
    const socket = new OpenAIRealtimeWS(options, client);
    socket.on('event', (event) => events.push(event));
    socket.on('error', () => {});
    return socket;
  };
  const first = (type) => until(() => events.find((event) => event.type === type));
  const failure = async (promise) => {
    try {
      await promise;
    } catch ({ status, code, requestID }) {
      return { status, code, hasRequestId: Boolean(requestID) };
    }
    return null;
  };

  const secret = await client.realtime.clientSecrets.create({ session: { type: 'realtime', instructions: 'Hi.' } });
  const socket = connected({ model: 'any' });
  await first('session.created');
  const input = { turn_detection: null, transcription: { model: 'any' } };
  socket.send({ type: 'session.update', session: { type: 'realtime', audio: { input } } });
  await first('session.updated');
  for (const piece of pieces) socket.send({ type: 'input_audio_buffer.append', audio: piece.toString('base64') });
  socket.send({ type: 'input_audio_buffer.commit' });
  socket.send({ type: 'response.create' });
  const { transcript } = await first('conversation.item.input_audio_transcription.completed');
  const answered = (await first('response.done')).response.status;
  socket.close();

  const unknown = await failure(client.realtime.calls.hangup('rtc_unknown'));
  const passedOn = await failure(client.realtime.calls.refer(argument, { target_uri: 'sip:bob@127.0.0.1' }));
  events.length = 0;
  const sideband = connected({ callID: argument });
  await first('session.created');
  const closed = new Promise((resolve) => sideband.socket.on('close', resolve));
  await client.realtime.calls.hangup(argument);
  return { key: secret.value.slice(0, 3), transcript, answered, unknown, passedOn, code: await closed };
}

const result = await { agents, openai }[what]();
console.log(JSON.stringify(result));
