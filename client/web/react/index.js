/** React hooks for Talkpath, by the names of the bridge that it replaces. Types and use: index.d.ts. */
export { useBridgeAudio, useBridgeLevels } from './use_bridge_audio.js';
export { useBridgeSession } from './use_bridge_session.js';
