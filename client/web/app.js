/** The test page: joins the library and what is on the screen. */
import { byId, fillInTexts, setText } from './page/dom.js';
import { DevicePicker } from './page/devices.js';
import { EventsPane } from './page/events_pane.js';
import { Meters } from './page/meters.js';
import { ProblemBanner } from './page/problem_banner.js';
import { loadSettings, saveSettings } from './page/settings.js';
import { showStates, showStats, showTimer } from './page/status.js';
import { t } from './page/strings.js';
import { TalkButton } from './page/talk_button.js';
import { Transcript } from './lib/transcript.js';
import { TranscriptView } from './page/transcript_view.js';
import { Talkpath } from './talkpath.js';

const PUSH_TO_TALK = 'push-to-talk';

fillInTexts(document);

const talkpath = new Talkpath({ audioElement: byId('agent-audio') });
const problem = new ProblemBanner(byId('problem'));
const view = new TranscriptView(byId('log'), byId('empty'));
const transcript = new Transcript(() => view.schedule(transcript));
const events = new EventsPane({
  pane: byId('events'),
  list: byId('event-list'),
  count: byId('event-count'),
  clear: byId('clear-events'),
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
talkpath.on('call_stats', (stats) => showStats(stats));
talkpath.on('event', ({ name, data }) => events.add(name, data));
talkpath.on('error', (error) => problem.show(error));
talkpath.on('session_status', ({ status }) => {
  model = { CONNECTING: 'connecting', CONNECTED: 'connected' }[status] ?? null;
  if (model === 'connected') problem.clear('upstream_unavailable');
  refresh();
});
talkpath.on('state', ({ state }) => {
  if (state === 'disconnected') model = null;
  // The address is of no more interest once it worked.
  if (state === 'connected' || state === 'disconnected') byId('gateway-setup').open = state === 'disconnected';
  refresh();
});
talkpath.on('phase', () => refresh());
talkpath.on('turns', () => refresh());
talkpath.on('call_state', (state) => {
  ice = state.call === 'ended' ? null : state.ice;
  if (state.call === 'connected') connectedAt ??= performance.now();
  if (state.call === 'ended') callOver();
  else meters.start();
  refresh();
});

function callOver() {
  connectedAt = null;
  meters.stop();
  showStats({});
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
  refreshConnection(state);
}

function refreshCallButton(state, calling, inCall) {
  const waiting = (calling && !inCall) || state === 'connecting';
  byId('call').dataset.action = inCall ? 'hang-up' : waiting ? 'cancel' : 'call';
  setText(byId('call').querySelector('.caption'), t(`controls.${inCall ? 'hangUp' : waiting ? 'cancel' : 'call'}`));
  byId('call').disabled = state === 'reconnecting' && !calling;
}

function refreshConnection(state) {
  setText(byId('gateway-value'), byId('url').value.replace(/^https?:\/\//, ''));
  const key = { disconnected: 'connect', connecting: 'cancel' }[state] ?? 'disconnect';
  setText(byId('connect'), t(`connection.${key}`));
  byId('connect').classList.toggle('primary', state === 'disconnected');
  for (const field of byId('connection').querySelectorAll('input, textarea')) {
    field.disabled = state !== 'disconnected';
  }
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
    await talkpath.startCall({ deviceId: byId('microphone').value, processing: byId('processing').checked });
  } finally {
    // Names of devices become visible with the permission.
    await listDevices();
  }
}

async function listDevices() {
  await devices.refresh();
  setText(byId('audio-value'), devices.microphoneName);
}

async function changeMicrophone(deviceId) {
  setText(byId('audio-value'), devices.microphoneName);
  if (talkpath.callState !== 'idle') await talkpath.setMicrophone(deviceId);
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
  });
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
addEventListener('pagehide', () => talkpath.disconnect());
new TalkButton(byId('talk'), talkpath, (error) => problem.show(error));

setInterval(() => showTimer(connectedAt === null ? null : (performance.now() - connectedAt) / 1000), 250);

const remembered = loadSettings();
byId('url').value = remembered.url || location.origin;
byId('user-id').value = remembered.userId ?? '';
byId('processing').checked = remembered.processing ?? true;
if (remembered.mode === PUSH_TO_TALK) attempt(() => talkpath.setMode(PUSH_TO_TALK));
attempt(listDevices);
refresh();
