/** The hook's state and how often it is drawn. What it does with real audio is tested in a browser. */
import { act, cleanup, render, renderHook } from '@testing-library/react';
import { StrictMode } from 'react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { useBridgeAudio, useBridgeLevels } from '../../../../client/web/react/index.js';
import { FakeClient } from './fake_client.js';

class FakeDevices extends EventTarget {
  list = [
    { kind: 'audioinput', deviceId: 'm1', label: 'Headset' },
    { kind: 'audiooutput', deviceId: 's1', label: 'Room' },
  ];
  enumerateDevices = async () => this.list;
}

let client, devices;
beforeEach(() => {
  client = new FakeClient();
  devices = new FakeDevices();
  vi.stubGlobal('navigator', Object.assign(Object.create(navigator), { mediaDevices: devices }));
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

async function hooked(options) {
  const hook = renderHook(() => useBridgeAudio({ client }, options), { wrapper: StrictMode });
  await act(async () => {});
  return hook;
}

it('places a call in its mode, listens, mutes and hangs up', async () => {
  const { result } = await hooked({ mode: 'pcm', processing: false });
  expect(result.current).toMatchObject({ callState: 'idle', isListening: false, mode: 'pcm', micLevel: -100 });
  await act(async () => expect(await result.current.start()).toBe(true));
  expect(client.asked).toEqual([
    ['startCall', { deviceId: '', transport: 'pcm', processing: false, pcmRate: undefined }],
  ]);
  expect(result.current).toMatchObject({ callState: 'connected', isListening: true, transport: 'pcm' });
  await act(() => result.current.mute());
  expect(result.current).toMatchObject({ muted: true, isListening: false });
  await act(() => result.current.mute(false));
  expect(result.current.isListening).toBe(true);
  await act(() => result.current.stop());
  expect(result.current).toMatchObject({ callState: 'idle', isListening: false });
});

it('listens while the button is pressed in push-to-talk', async () => {
  const { result } = await hooked();
  await act(() => result.current.setTurnMode('push-to-talk'));
  await act(() => result.current.start());
  expect(result.current).toMatchObject({ turnMode: 'push-to-talk', isListening: false });
  await act(() => result.current.pushToTalk.press());
  expect(result.current).toMatchObject({ talking: true, isListening: true });
  await act(() => result.current.pushToTalk.release());
  expect(result.current.isListening).toBe(false);
});

it('lists devices, looks again when one is plugged in, and uses the one that is chosen', async () => {
  const { result } = await hooked();
  expect(result.current.devices.microphones).toEqual([{ deviceId: 'm1', label: 'Headset' }]);
  expect(result.current.devices.speakers).toEqual([{ deviceId: 's1', label: 'Room' }]);
  devices.list = [...devices.list, { kind: 'audioinput', deviceId: 'm2', label: 'Desk' }];
  await act(async () => devices.dispatchEvent(new Event('devicechange')));
  expect(result.current.devices.microphones).toHaveLength(2);

  await act(() => result.current.setMicrophone('m2'));
  expect(client.asked).toEqual([]);
  await act(() => result.current.start());
  expect(client.asked[0][1].deviceId).toBe('m2');
  await act(() => result.current.setMicrophone('m1'));
  expect(client.asked.at(-1)).toEqual(['setMicrophone', 'm1']);
  expect(result.current.microphone).toBe('m1');

  act(() => client.emit('microphone_lost', { label: 'Headset' }));
  expect(result.current).toMatchObject({ microphone: '', lostMicrophone: 'Headset' });
  await act(() => result.current.setMicrophone('m2'));
  expect(result.current.lostMicrophone).toBe(null);
});

it('tells failures as state', async () => {
  client.refusal = 'microphone_denied';
  const { result } = await hooked();
  await act(async () => expect(await result.current.start()).toBe(false));
  expect(result.current.error).toMatchObject({ code: 'microphone_denied' });
  client.refusal = null;
  await act(() => result.current.start());
  expect(result.current.error).toBe(null);
});

it('hangs up with the component that placed the call, and with no other', async () => {
  const placing = await hooked();
  const showing = await hooked();
  await act(() => placing.result.current.start());
  expect(showing.result.current.callState).toBe('connected');
  showing.unmount();
  expect(client.callState).toBe('connected');
  placing.unmount();
  expect(client.asked.at(-1)).toEqual(['hangUp']);
});

describe('levels', () => {
  it('draw nobody who did not ask for them', async () => {
    vi.useFakeTimers();
    const drawn = { controls: 0, meter: 0 };
    let shown;
    function Controls() {
      useBridgeAudio({ client });
      drawn.controls += 1;
      return null;
    }
    function Meter() {
      shown = useBridgeLevels({ client });
      drawn.meter += 1;
      return null;
    }
    const { unmount } = render(
      <>
        <Controls />
        <Meter />
      </>,
    );
    await act(async () => {});
    const before = { ...drawn };
    for (const microphone of [-40, -30, -20]) {
      client.levels = { microphone, agent: -50 };
      await act(async () => vi.advanceTimersByTime(100));
    }
    expect(shown).toEqual({ micLevel: -20, agentLevel: -50 });
    expect(drawn.meter - before.meter).toBe(3);
    expect(drawn.controls).toBe(before.controls);
    await act(async () => vi.advanceTimersByTime(1_000));
    expect(drawn.meter - before.meter).toBe(3);
    unmount();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('are part of the hook for those who want that', async () => {
    vi.useFakeTimers();
    const { result } = await hooked({ levels: true });
    client.levels = { microphone: -33, agent: -22 };
    await act(async () => vi.advanceTimersByTime(100));
    expect(result.current).toMatchObject({ micLevel: -33, agentLevel: -22 });
  });
});
