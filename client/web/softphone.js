/** The softphone page: joins the phone and what is on the screen. */
import { byId, element, fillInTexts, setText } from './page/dom.js';
import { KeypadPanel } from './page/keypad.js';
import { loadSettings, saveSettings } from './page/settings.js';
import { Ringer } from './page/ringer.js';
import { SipPhone } from './page/sip_phone.js';
import { showTimer } from './page/status.js';
import { LANGUAGES, language, preferredLanguage, t, useLanguage } from './page/strings.js';

const TONES = {
  online: 'good',
  connecting: 'busy',
  registered: 'good',
  registering: 'busy',
  refused: 'bad',
};

const CAUSES = ['authentication', 'unknown', 'busy', 'microphone', 'media', 'connection', 'target'];

const phone = new SipPhone(byId('agent-audio'));
const keypad = new KeypadPanel(byId('keypad'), press);
const ringer = new Ringer();
let connectedAt = null;

function press(key) {
  phone.press(key);
  byId('keys').append(key);
}

const account = () => ({ name: byId('name').value, password: byId('password').value });

function refresh() {
  pill('state-line', t(`line.${phone.line}`), phone.line);
  pill('state-registration', t(`registration.${phone.registration}`), phone.registration);
  const cause = CAUSES.includes(phone.cause) ? t(`sipCause.${phone.cause}`) : phone.cause;
  const { caller } = phone;
  setText(byId('phase'), t(`sipCall.${phone.call}`, { cause, caller }));
  const ringing = phone.call === 'ringing';
  if (ringing) ringer.start();
  else ringer.stop();
  byId('ringing').hidden = !ringing;
  byId('talking').hidden = ringing;
  document.title = ringing || phone.call === 'missed' ? byId('phase').textContent : t('softphone.page');
  refreshTimer();
  const { inCall, connected } = phone;
  const action = connected ? 'hangUp' : inCall ? 'cancel' : 'call';
  byId('call').dataset.action = { hangUp: 'hang-up' }[action] ?? action;
  setText(byId('call').querySelector('.caption'), t(`controls.${action}`));
  toggle('mute', connected, phone.muted);
  toggle('hold', connected, phone.call === 'held');
  keypad.disabled = !connected;
  const registered = phone.registration === 'registered';
  for (const id of ['name', 'password']) byId(id).disabled = inCall || registered;
  byId('target').disabled = inCall;
  byId('register').disabled = inCall;
  setText(byId('register'), t(`softphone.${registered ? 'unregister' : 'register'}`));
  setText(byId('account-value'), byId('name').value);
}

function refreshTimer() {
  if (!phone.connected) connectedAt = null;
  else connectedAt ??= performance.now();
  showTimer(connectedAt === null ? null : (performance.now() - connectedAt) / 1000);
}

function pill(id, text, state) {
  byId(id).dataset.tone = TONES[state] ?? 'off';
  setText(byId(id).querySelector('dd'), text);
}

function toggle(id, enabled, pressed) {
  byId(id).disabled = !enabled;
  byId(id).setAttribute('aria-pressed', String(pressed));
}

function changeLanguage(name) {
  useLanguage(name);
  document.documentElement.lang = language();
  fillInTexts(document);
  keypad.relabel();
  refresh();
}

phone.on('change', refresh);
byId('dial').addEventListener('submit', (event) => {
  event.preventDefault();
  if (phone.inCall) {
    phone.hangUp();
    return;
  }
  byId('keys').textContent = '';
  phone.dial(byId('target').value.trim(), account());
});
byId('answer').addEventListener('click', () => {
  byId('keys').textContent = '';
  phone.answer();
});
byId('decline').addEventListener('click', () => phone.hangUp());
byId('mute').addEventListener('click', () => phone.toggleMute());
byId('hold').addEventListener('click', () => phone.toggleHold());
byId('account').addEventListener('submit', (event) => {
  event.preventDefault();
  if (phone.registration === 'registered') phone.unregister();
  else phone.register(account());
});
byId('language').addEventListener('change', ({ target }) => {
  changeLanguage(target.value);
  saveSettings({ ...loadSettings(), language: language() });
});
addEventListener('pagehide', () => {
  ringer.stop();
  phone.stop();
});
setInterval(refreshTimer, 250);

for (const [name, title] of Object.entries(LANGUAGES)) {
  byId('language').append(element('option', { value: name, lang: name }, title));
}
changeLanguage(loadSettings().language ?? preferredLanguage());
byId('language').value = language();
