/** The dashboard: joins what the gateway tells its operators and what is on the screen. */
import { AgentsView } from './dashboard/agents_view.js';
import { Api } from './dashboard/api.js';
import { CallView } from './dashboard/call_view.js';
import { CallsView } from './dashboard/calls_view.js';
import { HistoryView } from './dashboard/history_view.js';
import { Listener } from './dashboard/listener.js';
import { nameOf } from './dashboard/naming.js';
import { Poll } from './dashboard/poll.js';
import * as en from './dashboard/strings_en.js';
import * as ko from './dashboard/strings_ko.js';
import { OperatorToken } from './dashboard/token.js';
import { byId, element, fillInTexts, setText } from './page/dom.js';
import { ProblemBanner } from './page/problem_banner.js';
import { loadSettings, saveSettings } from './page/settings.js';
import { LANGUAGES, addTexts, language, preferredLanguage, t, useLanguage } from './page/strings.js';

const CALLS_EVERY_MS = 1_000;
const HISTORY_EVERY_MS = 5_000;
const AGENTS_EVERY_MS = 5_000;
const HEALTH_EVERY_MS = 10_000;
const NOTE_MS = 4_000;
const WIDE = '(min-width: 1081px)';

/** Codes that another token helps against. */
const SHUT = ['unauthorized', 'forbidden'];

const TONES = { live: 'good', waiting: 'busy', draining: 'warn', degraded: 'warn', partial: 'warn', away: 'bad', shut: 'warn' };

addTexts({ en, ko });

const token = new OperatorToken();
const api = new Api(() => token.value);
const problem = new ProblemBanner(byId('problem'));
const listener = new Listener(api, byId('overheard'), () => refresh());
const history = new HistoryView(byId('charts'), byId('span'));
const agents = new AgentsView({ rows: byId('agent-rows'), empty: byId('agents-empty') });
const callView = new CallView();
const callsView = new CallsView(
  {
    body: byId('calls'),
    table: byId('calls-table'),
    count: byId('calls-count'),
    empty: byId('calls-empty'),
    filter: byId('filter'),
  },
  (id) => look(id),
);

let gateway = 'waiting';
/** Of `GET /health`. */
let health = { status: 'ok' };
/** Code of what keeps the gateway from being asked. */
let obstacle = null;
let calls = null;
/** Id of the call that is looked at. */
let picked = null;
let note = null;

const polls = {
  calls: new Poll(CALLS_EVERY_MS, askCalls, failed),
  history: new Poll(HISTORY_EVERY_MS, async () => history.add((await api.get(`/history?since=${history.since}`)).minutes)),
  agents: new Poll(AGENTS_EVERY_MS, async () => agents.show((await api.get('/agents')).agents)),
  health: new Poll(HEALTH_EVERY_MS, async () => (health = await api.health())),
};

// --- from the gateway to the screen ---------------------------------------------------------------------------------

/** One request tells of all calls, and of the one that is looked at its time line as well. */
async function askCalls() {
  const [wanted, shown] = [picked, token.value];
  const told = await api.get(wanted === null ? '/sessions' : `/sessions?timeLine=${encodeURIComponent(wanted)}`);
  // An answer to somebody who signed out meanwhile is for nobody.
  if (shown !== token.value) return;
  // Of several gateways some may not have told their calls (docs/scaling.md): these are as they were.
  const isWhole = told.silent === undefined || told.silent?.length === 0;
  const ids = new Set(told.sessions.map(({ id }) => id));
  // A call that begins or ends is in the day's figures at once.
  if (calls?.length !== ids.size) polls.history.now();
  calls = isWhole ? told.sessions : [...told.sessions, ...(calls ?? []).filter(({ id }) => !ids.has(id))];
  opened(isWhole);
  pickFirst();
  if (picked !== wanted) polls.calls.now();
  else if (picked !== null) showPicked();
  refresh();
}

function showPicked() {
  const call = calls.find(({ id }) => id === picked);
  if (call) callView.show(call);
  else ended();
}

function ended() {
  callView.show(callView.call, true);
  if (listener.id === picked) listener.stop();
  if (byId('confirm').open) byId('confirm').close();
}

/** Where there is room for it, some call is looked at. */
function pickFirst() {
  if (picked === null && calls.length && matchMedia(WIDE).matches) pick(calls[0].id);
}

function opened(isWhole) {
  gateway = isWhole ? 'live' : 'partial';
  byId('access').hidden = true;
  if (obstacle) problem.clear(obstacle);
  obstacle = null;
  for (const poll of Object.values(polls)) poll.resume();
}

function failed(error) {
  if (SHUT.includes(error.code)) {
    shut(error);
    return;
  }
  gateway = error.code === 'gateway_unreachable' ? 'away' : 'waiting';
  // Told once, so that it can be dismissed.
  if (obstacle !== error.code) problem.show(error);
  obstacle = error.code;
  refresh();
}

/** A token is needed, or another one. */
function shut({ message }) {
  gateway = 'shut';
  for (const poll of Object.values(polls)) poll.stop();
  setText(byId('access-told'), token.value ? t('dashboard.access.refused', { message }) : '');
  token.set('');
  problem.clear();
  leave();
  calls = null;
  callsView.show([], null);
  history.clear();
  agents.show([]);
  byId('access').hidden = false;
  byId('token').focus();
  refresh();
}

function refresh() {
  const inside = calls !== null;
  byId('board').dataset.inside = String(inside);
  const standing = gateway === 'live' && health.status in TONES ? health.status : gateway;
  byId('state-gateway').dataset.tone = TONES[standing];
  const parts = (health.degraded ?? []).join(', ');
  setText(byId('state-gateway').querySelector('dd'), t(`dashboard.gateway.${standing}`, { parts }));
  byId('forget').hidden = !token.value || !inside;
  if (inside) callsView.show(calls, picked);
  document.title = calls?.length ? t('dashboard.pageLive', { count: calls.length }) : t('dashboard.page');
  refreshActions();
}

function refreshActions() {
  const { call, over } = callView;
  const listening = call !== null && listener.id === call.id;
  for (const id of ['listen', 'hang-up', 'text']) byId(id).disabled = over;
  byId('prompt').querySelector('button').disabled = over;
  byId('listen').setAttribute('aria-pressed', String(listening));
  setText(byId('listen').querySelector('span'), t(`dashboard.call.${listening ? 'listening' : 'listen'}`));
  const words = over ? t('dashboard.call.over') : (note ?? (listening ? t('dashboard.call.heard') : ''));
  byId('call-note').hidden = words === '';
  byId('call-note').dataset.tone = listening && !over ? 'listening' : 'soft';
  setText(byId('call-note'), words);
}

// --- from the operator to the gateway -------------------------------------------------------------------------------

/** Runs what a control asks for; a failure is told, never thrown away. */
async function attempt(action) {
  try {
    await action();
  } catch (error) {
    if (SHUT.includes(error.code)) shut(error);
    else problem.show(error);
  }
  refresh();
}

/** Another call, by the operator's own wish: on a small screen it takes the list's place. */
function look(id) {
  pick(id);
  byId('live').dataset.shows = 'call';
  if (matchMedia(WIDE).matches) return;
  byId('one-call').focus({ preventScroll: true });
  scrollTo(0, 0);
}

function pick(id) {
  if (id === picked) return;
  picked = id;
  if (listener.id !== null) attempt(() => listener.stop());
  const listed = calls.find((call) => call.id === id);
  callView.show(listed);
  callsView.mark(picked);
  refreshActions();
  polls.calls.now();
}

function leave() {
  picked = null;
  byId('live').dataset.shows = 'list';
  if (listener.id !== null) listener.stop();
  callView.show(null);
}

const path = () => `/sessions/${encodeURIComponent(picked)}`;

async function listenOrStop() {
  if (listener.id === picked) {
    await listener.stop();
    return;
  }
  const starting = listener.start(picked);
  refreshActions();
  await starting;
}

async function hangUp() {
  setText(byId('confirm-title'), t('dashboard.hangUp.title', { name: nameOf(callView.call) }));
  const [dialog, asked] = [byId('confirm'), path()];
  dialog.returnValue = '';
  dialog.showModal();
  await new Promise((resolve) => dialog.addEventListener('close', resolve, { once: true }));
  if (dialog.returnValue !== 'yes') return;
  await api.post(`${asked}/hangup`);
  polls.calls.now();
}

async function prompt() {
  const field = byId('text');
  const text = field.value.trim();
  if (!text) return;
  field.value = '';
  try {
    await api.post(`${path()}/text`, { text });
    tell(t('dashboard.prompt.sent'));
  } catch (error) {
    // What could not be sent is not lost, unless something else was typed meanwhile.
    field.value ||= text;
    throw error;
  }
}

function tell(words) {
  note = words;
  setTimeout(() => {
    if (note === words) note = null;
    refreshActions();
  }, NOTE_MS);
}

function changeLanguage(name) {
  useLanguage(name);
  document.documentElement.lang = language();
  fillInTexts(document);
  for (const part of [history, agents, callsView]) part.draw();
  callView.relabel();
  problem.redraw();
  refresh();
}

byId('access').addEventListener('submit', (event) => {
  event.preventDefault();
  token.set(byId('token').value.trim());
  byId('token').value = '';
  polls.calls.start();
});
byId('forget').addEventListener('click', () => {
  token.set('');
  shut({ message: '' });
});
byId('back').addEventListener('click', () => {
  const row = document.querySelector(`[data-call="${CSS.escape(picked)}"] button`);
  leave();
  callsView.mark(null);
  row?.focus();
});
byId('listen').addEventListener('click', () => attempt(listenOrStop));
byId('hang-up').addEventListener('click', () => attempt(hangUp));
byId('prompt').addEventListener('submit', (event) => {
  event.preventDefault();
  attempt(prompt);
});
byId('language').addEventListener('change', ({ target }) => {
  changeLanguage(target.value);
  saveSettings({ ...loadSettings(), language: language() });
});
addEventListener('hashchange', () => {
  if (token.takeFromAddress()) polls.calls.start();
});
addEventListener('pagehide', () => listener.stop());

for (const [name, title] of Object.entries(LANGUAGES)) {
  byId('language').append(element('option', { value: name, lang: name }, title));
}
changeLanguage(loadSettings().language ?? preferredLanguage());
byId('language').value = language();
polls.calls.start();
