/** The microphones and speakers of this browser. */
import { requireMediaDevices } from './microphone.js';

/** `{microphones, speakers}`: arrays of `{deviceId, label}`. Labels are empty until a microphone was opened once. */
export async function listDevices() {
  requireMediaDevices();
  const devices = await navigator.mediaDevices.enumerateDevices();
  const ofKind = (kind) =>
    devices
      .filter((device) => device.kind === kind && device.deviceId !== '')
      .map(({ deviceId, label }) => ({ deviceId, label }));
  return { microphones: ofKind('audioinput'), speakers: ofKind('audiooutput') };
}

/**
 * Calls `changed` with what `listDevices` tells after a device was plugged in or pulled out.
 * Returns a function that stops it. Without devices to watch (an insecure origin) it never calls.
 */
export function watchDevices(changed) {
  const { mediaDevices } = navigator;
  let watching = true;
  const look = async () => {
    const devices = await listDevices();
    if (watching) changed(devices);
  };
  mediaDevices?.addEventListener('devicechange', look);
  return () => {
    watching = false;
    mediaDevices?.removeEventListener('devicechange', look);
  };
}
