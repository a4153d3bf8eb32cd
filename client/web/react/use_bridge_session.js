import { useCallback, useEffect, useMemo, useState, useSyncExternalStore } from 'react';
import { Talkpath } from '../talkpath.js';
import { SessionStore } from './session_store.js';
import { storeOf } from './store.js';

/** A session with a gateway, for as long as the component is mounted. Types and use: index.d.ts. */
export function useBridgeSession(options = {}) {
  const { client: given, url, userId, agentSet, voice, instructions, language, token } = options;
  const [made] = useState(() => (given ? null : new Talkpath()));
  const client = given ?? made;
  const store = storeOf(SessionStore, client);
  const snapshot = useSyncExternalStore(store.subscribe, store.getSnapshot, store.getSnapshot);

  // StrictMode mounts twice: after `disconnect` a Talkpath can connect again.
  useEffect(() => () => void made?.disconnect(), [made]);

  const connect = useCallback(
    (wishes = {}) => {
      const profile = { url, userId, agentSet, voice, instructions, language, token, ...wishes };
      return store.attempt(() => store.connect(profile));
    },
    [store, url, userId, agentSet, voice, instructions, language, token],
  );
  const actions = useMemo(
    () => ({
      client,
      disconnect: () => store.attempt(() => client.disconnect()),
      sendText: (text) => store.attempt(() => client.sendText(text)),
      sendAudio: (recording, format) => store.attempt(() => client.sendAudio(recording, format)),
      commitAudio: () => store.attempt(() => client.commitAudio()),
      clearAudio: () => store.attempt(() => client.clearAudio()),
      interrupt: () => store.attempt(() => client.interrupt()),
      updateSession: (settings) => store.attempt(() => client.updateSession(settings)),
    }),
    [client, store],
  );
  return useMemo(() => ({ ...snapshot, ...actions, connect }), [snapshot, actions, connect]);
}
