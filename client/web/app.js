/** The test page: joins the library and what is on the screen. */
import { byId, element, fillInTexts, setText } from './page/dom.js';
import { DevicePicker } from './page/devices.js';
import { EventsPane } from './page/events_pane.js';
import { takeFragmentToken } from './page/fragment_token.js';
import { CallRecorder } from './page/call_recorder.js';
import { Graphs } from './page/graphs.js';
import { KeypadPanel } from './page/keypad.js';
import { Meters } from './page/meters.js';
import { Notice } from './page/notice.js';
import { ProblemBanner } from './page/problem_banner.js';
import { SaveMenu } from './page/save_menu.js';
import { loadSettings, saveSettings } from './page/settings.js';
import { listenForShortcuts } from './page/shortcuts.js';
import { showStates, showTimer } from './page/status.js';
import { LANGUAGES, language, preferredLanguage, t, useLanguage } from './page/strings.js';
import { TalkButton } from './page/talk_button.js';
import { Transcript } from './lib/transcript.js';
import { TranscriptView } from './page/transcript_view.js';
import { UploadForm } from './page/upload_form.js';
import { Talkpath } from './talkpath.js';

const PUSH_TO_TALK = 'push-to-talk';

const remembered = loadSettings();
useLanguage(remembered.language ?? preferredLanguage());
fillInTexts(document);

const talkpath = new Talkpath({ audioElement: byId('agent-audio') });
const problem = new ProblemBanner(byId('problem'), {
  playback_blocked: { label: 'problem.sound', act: () => attempt(() => talkpath.resumeAudio()) },
});
const notice = new Notice(byId('notice'));
const graphs = new Graphs(byId('stats'));
const keypad = new KeypadPanel(byId('keypad'), (key) => attempt(() => talkpath.sendDtmf(key)));
const upload = new UploadForm(
  {
    form: byId('upload'),
    file: byId('file'),
    format: byId('format'),
    button: byId('upload-send'),
    told: byId('upload-told'),
  },
  talkpath,
  attempt,
);
const view = new TranscriptView(byId('log'), byId('empty'));
const transcript = new Transcript(() => view.schedule(transcript));
const events = new EventsPane({
  pane: byId('events'),
  list: byId('event-list'),
  count: byId('event-count'),
  clear: byId('clear-events'),
  filter: byId('event-filter'),
});
const devices = new DevicePicker({
  microphone: byId('microphone'),
  speaker: byId('speaker'),
  speakerField: byId('speaker-field'),
  audio: byId('agent-audio'),
});
navigator.mediaDevices?.addEventListener('devicechange', () => attempt(listDevices));
const meters = new Meters(
  { microphone: byId('level-microphone'), agent: byId('level-agent') },
  () => talkpath.levels,
);

let model = null;
let ice = null;
let connectedAt = null;
let recorder = null;

new SaveMenu(
  { root: byId('save'), text: byId('save-text'), json: byId('save-json'), audio: byId('save-audio') },
  () => transcript.lines,
  () => recorder,
);

/** Runs what a control asks for; a failure is told, never thrown away. */
async function attempt(action) {
  try {
    await action();
  } catch (error) {
    problem.show(error);
  }
}

// --- from the gateway to the screen ---------------------------------------------------------------------------------

talkpath.on('message', (message) => transcript.message(message));
talkpath.on('transcript_delta', (delta) => transcript.delta(delta));
talkpath.on('audio_interrupted', (cut) => transcript.interrupted(cut));
talkpath.on('realtime_event', (event) => transcript.observe(event));
talkpath.on('call_stats', (stats) => graphs.add(stats));
talkpath.on('event', ({ name, data }) => events.add(name, data));
talkpath.on('error', (error) => problem.show(error));
talkpath.on('microphone_lost', () => notice.pass('notice.unplugged'));
talkpath.on('speaker_lost', () => notice.pass('notice.unplugged'));
talkpath.on('session_status', (session) => {
  const { status } = session;
  notice.status(session);
  model = { CONNECTING: 'connecting', CONNECTED: 'connected' }[status] ?? null;
  if (model === 'connected') problem.clear('upstream_unavailable');
  refresh();
});
talkpath.on('state', ({ state }) => {
  if (state === 'disconnected') {
    model = null;
    notice.status({});
  }
  // The address is of no more interest once it worked.
  if (state === 'connected' || state === 'disconnected') byId('gateway-setup').open = state === 'disconnected';
  refresh();
});
talkpath.on('phase', () => refresh());
talkpath.on('turns', () => refresh());
talkpath.on('call_state', (state) => {
  ice = state.call === 'ended' ? null : state.ice;
  if (state.call === 'connected') callUp();
  if (state.call === 'ended') callOver();
  else meters.start();
  refresh();
});

function callUp() {
  if (connectedAt === null) {
    connectedAt = performance.now();
    graphs.clear();
    recorder = new CallRecorder();
    attempt(() => recorder.start());
  }
  recordStreams();
}

function recordStreams() {
  if (connectedAt !== null) recorder.use(talkpath.microphoneStream, talkpath.remoteStream);
}

function callOver() {
  connectedAt = null;
  meters.stop();
  recorder?.stop();
}

// --- what is enabled, and what it says ------------------------------------------------------------------------------

function refresh() {
  const { state, callState, mode, muted, talking } = talkpath;
  const calling = callState !== 'idle' && callState !== 'ended';
  const inCall = callState === 'connected' || callState === 'reconnecting';
  showStates(talkpath, { model, ice });
  refreshCallButton(state, calling, inCall);
  byId('mute').disabled = !inCall || mode === PUSH_TO_TALK;
  byId('mute').setAttribute('aria-pressed', String(muted));
  byId('interrupt').disabled = state !== 'connected';
  byId('talk').hidden = mode !== PUSH_TO_TALK;
  byId('talk').disabled = !inCall;
  byId('talk').setAttribute('aria-pressed', String(talking));
  byId('processing').disabled = calling;
  byId('stats').hidden = !inCall;
  for (const radio of document.querySelectorAll('[name=mode]')) radio.checked = radio.value === mode;
  for (const id of ['text', 'send']) byId(id).disabled = state !== 'connected';
  keypad.disabled = state !== 'connected';
  upload.online = state === 'connected';
  byId('transport').disabled = calling;
  byId('codec-field').hidden = byId('transport').value === 'pcm';
  refreshAudioValue(inCall);
  refreshConnection(state);
}

function refreshCallButton(state, calling, inCall) {
  const waiting = (calling && !inCall) || state === 'connecting';
  byId('call').dataset.action = inCall ? 'hang-up' : waiting ? 'cancel' : 'call';
  setText(byId('call').querySelector('.caption'), t(`controls.${inCall ? 'hangUp' : waiting ? 'cancel' : 'call'}`));
  byId('call').disabled = state === 'reconnecting' && !calling;
}

function refreshAudioValue(inCall) {
  const transport = t(`audio.${talkpath.transport}`);
  const { codecInUse } = talkpath;
  const codec = codecInUse === 'opus' ? 'Opus' : codecInUse;
  const inUse = codec ? t('audio.inUse', { transport, codec }) : transport;
  setText(byId('audio-value'), inCall ? inUse : devices.microphoneName);
}

function refreshConnection(state) {
  setText(byId('gateway-value'), byId('url').value.replace(/^https?:\/\//, ''));
  const key = { disconnected: 'connect', connecting: 'cancel' }[state] ?? 'disconnect';
  setText(byId('connect'), t(`connection.${key}`));
  byId('connect').classList.toggle('primary', state === 'disconnected');
  for (const field of byId('connection').querySelectorAll('input, textarea')) {
    const changeable = ['agent-set', 'voice', 'instructions'].includes(field.id) && state === 'connected';
    field.disabled = state !== 'disconnected' && !changeable;
  }
  byId('apply').hidden = state !== 'connected';
  if (state !== 'connected') setText(byId('applied'), '');
}

// --- from the user to the gateway -----------------------------------------------------------------------------------

async function connect() {
  problem.clear();
  const fields = new FormData(byId('connection'));
  transcript.clear();
  remember();
  await talkpath.connect(Object.fromEntries(fields));
}

async function call() {
  if (talkpath.state === 'disconnected') await connect();
  problem.clear();
  try {
    await talkpath.startCall({
      transport: byId('transport').value,
      deviceId: byId('microphone').value,
      processing: byId('processing').checked,
    });
  } finally {
    // Names of devices become visible with the permission.
    await listDevices();
  }
}

async function listDevices() {
  await devices.refresh();
  refresh();
}

async function changeMicrophone(deviceId) {
  if (talkpath.callState !== 'idle') await talkpath.setMicrophone(deviceId);
  recordStreams();
  refresh();
}

/** In a running call a codec that cannot be had leaves the one before. */
async function changeCodec() {
  try {
    await talkpath.setCodec(byId('codec').value || null);
    remember();
  } finally {
    byId('codec').value = talkpath.codec ?? '';
    recordStreams();
    refresh();
  }
}

/** Changes the agents, the voice or the instructions of a session that runs; an empty field changes nothing. */
async function applySettings() {
  const fields = { agentSet: 'agent-set', voice: 'voice', instructions: 'instructions' };
  const filled = Object.entries(fields).map(([name, id]) => [name, byId(id).value.trim()]);
  const changes = Object.fromEntries(filled.filter(([, value]) => value));
  if (!Object.keys(changes).length) return;
  await talkpath.updateSession(changes);
  setText(byId('applied'), t('connection.applied'));
}

async function callOrHangUp() {
  if (talkpath.callState !== 'idle') await talkpath.hangUp();
  else if (talkpath.state === 'connecting') await talkpath.disconnect();
  else await call();
}

async function send() {
  const text = byId('text').value.trim();
  if (!text) return;
  byId('text').value = '';
  try {
    await talkpath.sendText(text);
  } catch (error) {
    // What could not be sent is not lost, unless something else was typed meanwhile.
    byId('text').value ||= text;
    throw error;
  }
}

async function changeMode(mode) {
  try {
    await talkpath.setMode(mode);
    remember();
  } finally {
    refresh();
  }
}

function remember() {
  saveSettings({
    url: byId('url').value,
    userId: byId('user-id').value,
    mode: talkpath.mode,
    processing: byId('processing').checked,
    transport: byId('transport').value,
    codec: talkpath.codec,
    language: language(),
  });
}

function changeLanguage(name) {
  useLanguage(name);
  document.documentElement.lang = name;
  fillInTexts(document);
  for (const part of [graphs, keypad, upload]) part.relabel();
  problem.redraw();
  view.redraw(transcript);
  attempt(listDevices);
  refresh();
}

byId('connection').addEventListener('submit', (event) => {
  event.preventDefault();
  attempt(() => (talkpath.state === 'disconnected' ? connect() : talkpath.disconnect()));
});
byId('composer').addEventListener('submit', (event) => {
  event.preventDefault();
  attempt(send);
});
byId('call').addEventListener('click', () => attempt(callOrHangUp));
byId('mute').addEventListener('click', () => attempt(() => talkpath.mute(!talkpath.muted)));
byId('interrupt').addEventListener('click', () => attempt(() => talkpath.interrupt()));
byId('mode').addEventListener('change', (event) => attempt(() => changeMode(event.target.value)));
byId('microphone').addEventListener('change', (event) => attempt(() => changeMicrophone(event.target.value)));
byId('speaker').addEventListener('change', (event) => attempt(() => talkpath.setSpeaker(event.target.value)));
byId('transport').addEventListener('change', () => {
  remember();
  refresh();
});
byId('codec').addEventListener('change', () => attempt(changeCodec));
byId('apply').addEventListener('click', () => attempt(applySettings));
byId('language').addEventListener('change', ({ target }) => {
  changeLanguage(target.value);
  remember();
});
addEventListener('pagehide', () => talkpath.disconnect());
listenForShortcuts({ KeyM: byId('mute'), Escape: byId('interrupt') });
new TalkButton(byId('talk'), talkpath, (error) => problem.show(error));

setInterval(() => showTimer(connectedAt === null ? null : (performance.now() - connectedAt) / 1000), 250);

for (const [name, title] of Object.entries(LANGUAGES)) {
  byId('language').append(element('option', { value: name, lang: name }, title));
}
byId('language').value = language();
document.documentElement.lang = language();
byId('transport').value = remembered.transport ?? 'webrtc';
byId('codec').value = remembered.codec ?? '';
if (remembered.codec) attempt(changeCodec);
byId('url').value = remembered.url || location.origin;
byId('token').value = takeFragmentToken() ?? '';
byId('user-id').value = remembered.userId ?? '';
byId('processing').checked = remembered.processing ?? true;
if (remembered.mode === PUSH_TO_TALK) attempt(() => talkpath.setMode(PUSH_TO_TALK));
attempt(listDevices);
refresh();
