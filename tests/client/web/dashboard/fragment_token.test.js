import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { takeFragmentToken } from '../../../../client/web/page/fragment_token.js';

const replaceState = vi.fn();
const at = (hash) => ({ hash, pathname: '/dashboard', search: '?a=1' });

beforeEach(() => vi.stubGlobal('history', { state: 7, replaceState }));
afterEach(() => {
  vi.unstubAllGlobals();
  replaceState.mockClear();
});

it('takes the token out of the address', () => {
  expect(takeFragmentToken(at('#token=eyJ.abc-_%3D'))).toBe('eyJ.abc-_=');
  expect(replaceState).toHaveBeenCalledWith(7, '', '/dashboard?a=1');
});

it('leaves what else stands there', () => {
  expect(takeFragmentToken(at('#token=x&call=1'))).toBe('x');
  expect(replaceState).toHaveBeenCalledWith(7, '', '/dashboard?a=1#call=1');
});

it('does nothing without one', () => {
  expect(takeFragmentToken(at(''))).toBe(null);
  expect(takeFragmentToken(at('#section'))).toBe(null);
  expect(replaceState).not.toHaveBeenCalled();
  expect(takeFragmentToken(at('#token='))).toBe(null);
  expect(replaceState).toHaveBeenCalledOnce();
});
