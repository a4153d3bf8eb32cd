/** The media element that plays the agent, whichever way the voice came. */
import { TalkpathError, asTalkpathError } from './errors.js';

/** Plays `stream`. Rejects with `playback_blocked` where the browser wants the user to touch the page first. */
export async function playThrough(audio, stream) {
  audio.srcObject = stream;
  try {
    await audio.play();
  } catch (error) {
    // AbortError: the call ended before the first sound.
    if (error.name !== 'AbortError') throw asTalkpathError(error, 'playback_blocked');
  }
}

/** Another loudspeaker, where the browser lets a page choose one. Empty: the system's default. */
export async function chooseSpeaker(audio, deviceId) {
  if (!audio.setSinkId) throw new TalkpathError('speaker_failed', 'this browser does not let pages choose');
  try {
    await audio.setSinkId(deviceId);
  } catch (thrown) {
    throw asTalkpathError(thrown, 'speaker_failed');
  }
}
