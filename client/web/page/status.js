/** Everything the page says about the state of session and call. */
import { byId, setText } from './dom.js';
import { t } from './strings.js';

const TONES = {
  connected: 'good',
  completed: 'good',
  connecting: 'busy',
  opening: 'busy',
  checking: 'busy',
  reconnecting: 'warn',
  disconnected: 'warn',
  failed: 'bad',
};

/**
 * @param talkpath the library's object
 * @param model 'connecting' | 'connected' of the latest session_status, null without a session
 * @param ice the latest iceConnectionState, null without a call
 */
export function showStates(talkpath, { model, ice }) {
  const { state, callState } = talkpath;
  pill('state-session', t(`session.${state}`), state === 'disconnected' ? 'off' : TONES[state]);
  pill('state-model', t(`model.${model ?? 'none'}`), TONES[model] ?? 'off');
  pill('state-call', t(`call.${callState}`), TONES[callState] ?? 'off');
  pill('state-ice', t(`ice.${ice ?? 'none'}`), TONES[ice] ?? 'off');
  announce(t(`session.${state}`), t(`call.${callState}`));
  byId('path').dataset.phase = pathPhase(talkpath);
  setText(byId('phase'), t(`phase.${phaseKey(talkpath, model)}`));
  const { sessionId } = talkpath;
  setText(byId('session-id'), sessionId ? t('conversation.sessionId', { id: sessionId }) : '');
}

/** @param seconds since the call was connected, null without one */
export function showTimer(seconds) {
  const two = (number) => String(number).padStart(2, '0');
  const text = seconds === null ? '' : `${two(Math.floor(seconds / 60))}:${two(Math.floor(seconds % 60))}`;
  setText(byId('timer'), text);
}

/** Spoken by screen readers. Whose turn it is, is not: the caller hears that, and would hear nothing else. */
function announce(session, call) {
  setText(byId('announcement'), t('announcement', { session, call }));
}

function pill(id, text, tone) {
  const node = byId(id);
  node.dataset.tone = tone;
  setText(node.querySelector('dd'), text);
}

function pathPhase({ callState, phase }) {
  if (callState === 'connected') return phase;
  return callState === 'idle' || callState === 'ended' ? 'idle' : 'calling';
}

function phaseKey({ state, callState, phase, mode, muted }, model) {
  if (state === 'reconnecting' || callState === 'reconnecting') return 'reconnecting';
  if (callState === 'opening' || callState === 'connecting') return callState;
  if (callState === 'connected') {
    if (model !== 'connected') return 'model';
    if (phase !== 'listening') return phase;
    if (mode === 'push-to-talk') return 'hold';
    return muted ? 'muted' : 'listening';
  }
  if (state === 'connecting') return 'joining';
  return state === 'connected' ? 'connected' : 'ready';
}
