/** The hook over the real library and a real Socket.IO connection. */
import { act, cleanup, render, renderHook, waitFor } from '@testing-library/react';
import { StrictMode, version } from 'react';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { useBridgeSession } from '../../../../client/web/react/index.js';
import { Talkpath } from '../../../../client/web/talkpath.js';
import { Gateway } from './gateway.js';

let gateway;
beforeEach(async () => (gateway = await new Gateway().start()));
afterEach(async () => {
  cleanup();
  await gateway.stop();
});

/** The hook, joined; in StrictMode, as everything here. */
async function joined(options = {}) {
  const hook = renderHook(() => useBridgeSession({ url: gateway.url, ...options }), { wrapper: StrictMode });
  await act(() => hook.result.current.connect());
  return hook;
}

const line = (id, role, content, more = {}) => ({ id, type: 'audio', role, content, timestamp: 1, ...more });
const item = (id, role, previous) => ({
  type: 'conversation.item.added',
  item: { id, type: 'message', role },
  previous_item_id: previous,
});

it('runs with the React that this run is about', ({ task }) => {
  expect(task.file.projectName).toBe(`react ${version.split('.')[0]}`);
});

it('joins with its options and tells where it stands', async () => {
  const { result } = renderHook(() => useBridgeSession({ url: gateway.url, userId: 'ann' }), { wrapper: StrictMode });
  expect(result.current).toMatchObject({ status: 'disconnected', sessionId: null, messages: [], error: null });
  await act(async () => expect(await result.current.connect({ voice: 'marin' })).toBe(true));
  expect(gateway.requested('join_session')).toEqual([{ userId: 'ann', voice: 'marin' }]);
  const { status, sessionId, userId, agentSet } = result.current;
  expect([status, sessionId, userId, agentSet]).toEqual(['connected', 'sess_1', 'ann', 'chat_supervisor']);
  await act(() => result.current.disconnect());
  expect(result.current.status).toBe('disconnected');
  expect(gateway.requested('disconnect_session')).toHaveLength(1);
});

it('shows the conversation in its order, deltas merged and cuts marked', async () => {
  const { result } = await joined();
  gateway.emit('realtime_event', item('u1', 'user', null));
  gateway.emit('realtime_event', item('a1', 'assistant', 'u1'));
  gateway.emit('transcript_delta', { itemId: 'a1', role: 'assistant', delta: 'It is ' });
  gateway.emit('transcript_delta', { itemId: 'a1', role: 'assistant', delta: 'noon, and' });
  gateway.emit('message', line('u1', 'user', 'What time is it?'));
  await waitFor(() => expect(result.current.messages[1]?.content).toBe('It is noon, and'));
  const [question, answer] = result.current.messages;
  expect(question).toMatchObject({ id: 'u1', role: 'user', content: 'What time is it?', streaming: false });
  expect(answer).toMatchObject({ id: 'a1', role: 'assistant', streaming: true, interrupted: false });

  gateway.emit('audio_interrupted', { itemId: 'a1', audioEndMs: 700 });
  gateway.emit('message', line('a1', 'assistant', 'It is', { data: { interrupted: true, audioEndMs: 700 } }));
  await waitFor(() => expect(result.current.messages[1].content).toBe('It is'));
  expect(result.current.messages[1]).toMatchObject({ streaming: false, interrupted: true, audioEndMs: 700 });
  expect(result.current.messages[0]).toBe(question);
});

it('comes back after a lost connection, and shows no line twice', async () => {
  const { result } = await joined();
  const told = [];
  result.current.client.on('message', ({ id }) => told.push(id));
  gateway.emit('message', line('u1', 'user', 'Hello?'));
  await waitFor(() => expect(result.current.messages).toHaveLength(1));
  act(() => gateway.dropConnections());
  await waitFor(() => expect(gateway.requested('join_session')).toHaveLength(2));
  expect(gateway.requested('join_session')[1]).toMatchObject({ sessionId: 'sess_1', resumeToken: 'resume_1' });
  await waitFor(() => expect(result.current.status).toBe('connected'));
  gateway.emit('message', line('u1', 'user', 'Hello?'));
  gateway.emit('message', line('a1', 'assistant', 'Hello.'));
  await waitFor(() => expect(result.current.messages.map(({ id }) => id)).toEqual(['u1', 'a1']));
  expect(told).toEqual(['u1', 'a1']);
});

it('passes on what the user wants, and tells failures as state', async () => {
  const { result } = await joined();
  await act(async () => {
    expect(await result.current.sendText('hello')).toBe(true);
    await result.current.interrupt();
    await result.current.updateSession({ voice: 'cedar' });
    expect(await result.current.sendAudio(Uint8Array.of(82, 73), 'wav')).toMatchObject({ format: 'wav' });
  });
  const names = gateway.requests.map(([name]) => name);
  expect(names).toEqual(['join_session', 'send_text', 'interrupt', 'update_session', 'send_audio']);
  expect(gateway.requests.at(-1)).toEqual(['send_audio', Buffer.of(82, 73), 'wav']);

  gateway.refusals.send_text = { code: 'too_large', message: 'a text may have 32768 characters' };
  await act(async () => expect(await result.current.sendText('x')).toBe(false));
  expect(result.current.error).toMatchObject({ code: 'too_large' });
  gateway.emit('agent_response', { id: 'a', agent: 'supervisor', content: 'Hi.', metadata: {} });
  await waitFor(() => expect(result.current.agent).toBe('supervisor'));
});

it('tells why it could not join, and forgets that with the next attempt', async () => {
  gateway.refusals.join_session = { code: 'capacity', message: 'full' };
  const { result } = await joined();
  expect(result.current).toMatchObject({ status: 'disconnected', error: { code: 'capacity' } });
  gateway.refusals = {};
  await act(() => result.current.connect());
  expect(result.current).toMatchObject({ status: 'connected', error: null });
});

it('ends the session when the component goes, whenever that is', async () => {
  const { unmount } = await joined();
  unmount();
  await waitFor(() => expect(gateway.requested('disconnect_session')).toHaveLength(1));

  const early = renderHook(() => useBridgeSession({ url: gateway.url }), { wrapper: StrictMode });
  const connecting = early.result.current.connect();
  early.unmount();
  expect(await connecting).toBe(false);
  expect(early.result.current.error).toBe(null);
});

it('leaves a Talkpath of your own to you', async () => {
  const client = new Talkpath();
  const { unmount, result } = await joined({ client });
  expect(result.current.client).toBe(client);
  unmount();
  expect(client.state).toBe('connected');
  await client.disconnect();
});

it('gives the same functions every time', async () => {
  const seen = [];
  function Page() {
    seen.push(useBridgeSession({ url: gateway.url }));
    return null;
  }
  const { rerender } = render(<Page />);
  rerender(<Page />);
  expect(seen.at(-1)).toBe(seen[0]);
});
