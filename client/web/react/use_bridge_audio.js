import { useCallback, useEffect, useMemo, useRef, useSyncExternalStore } from 'react';
import { watchDevices } from '../lib/devices.js';
import { AudioStore, LevelStore, NO_LEVELS } from './audio_store.js';
import { storeOf } from './store.js';

/** The call of a session, and its audio. Types and use: index.d.ts. */
export function useBridgeAudio({ client }, { mode = 'webrtc', processing, pcmRate, levels = false } = {}) {
  const store = storeOf(AudioStore, client);
  const snapshot = useSyncExternalStore(store.subscribe, store.getSnapshot, store.getSnapshot);
  const read = useLevels(client, levels);
  const started = useRef(false);

  useEffect(() => {
    void store.lookForDevices();
    return watchDevices((devices) => store.set({ devices }));
  }, [store]);

  // Whoever placed the call ends it; another component that only shows it does not.
  useEffect(
    () => () => {
      if (started.current) client.hangUp().catch(() => {});
      started.current = false;
    },
    [client],
  );

  const start = useCallback(() => {
    started.current = true;
    return store.attempt(() => store.start({ transport: mode, processing, pcmRate }));
  }, [store, mode, processing, pcmRate]);

  const actions = useMemo(
    () => ({
      stop: () => store.attempt(() => client.hangUp()),
      mute: (muted = true) => store.attempt(() => client.mute(muted)),
      setTurnMode: (turnMode) => store.attempt(() => client.setMode(turnMode)),
      pushToTalk: {
        press: () => store.attempt(() => client.pressToTalk()),
        release: () => store.attempt(() => client.releaseToTalk()),
      },
      setMicrophone: (deviceId) => store.attempt(() => store.setMicrophone(deviceId)),
      setSpeaker: (deviceId) => store.attempt(() => client.setSpeaker(deviceId)),
      setCodec: (codec) => store.attempt(() => client.setCodec(codec)),
      resumeAudio: () => store.attempt(() => client.resumeAudio()),
    }),
    [client, store],
  );
  return useMemo(() => ({ ...snapshot, ...read, ...actions, mode, start }), [snapshot, read, actions, mode, start]);
}

/** Levels alone, for a meter that is drawn ten times a second while the rest of the page is not. */
export function useBridgeLevels({ client }) {
  return useLevels(client, true);
}

function useLevels(client, wanted) {
  const store = wanted ? storeOf(LevelStore, client) : NO_LEVELS;
  return useSyncExternalStore(store.subscribe, store.getSnapshot, store.getSnapshot);
}
