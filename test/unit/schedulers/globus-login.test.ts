import { authorizeParameters, requiredScopes, wordsOf } from '../../../src/schedulers/globus/login/challenge';
import { Refusals } from '../../../src/schedulers/globus/login/refusals';
import { isFresh, tokenSetOf } from '../../../src/schedulers/globus/login/token-set';

describe('an answer of Globus Auth', () => {
  const compute = {
    access_token: 'c',
    refresh_token: 'rc',
    expires_in: 100,
    resource_server: 'funcx_service',
  };
  const other = {
    access_token: 'o',
    refresh_token: 'ro',
    expires_in: 200,
    resource_server: 'auth.globus.org',
  };

  test.each([
    ['at the top', { ...compute, other_tokens: [other] }],
    ['among the others', { ...other, other_tokens: [{ ...other, resource_server: 'x' }, compute] }],
  ])('has the token for Globus Compute %s', (_, answer) => {
    expect(tokenSetOf(answer, null, 1000)).toEqual({
      accessToken: 'c',
      refreshToken: 'rc',
      expiresAt: 101_000,
    });
  });

  test('without a refresh token leaves the old one', () => {
    const before = { accessToken: 'a', refreshToken: 'old', expiresAt: 0 };
    const { refresh_token: _, ...answer } = compute;
    expect(tokenSetOf(answer, before, 0)).toMatchObject({ accessToken: 'c', refreshToken: 'old' });
    expect(tokenSetOf(answer, null, 0)).toMatchObject({ refreshToken: null });
  });

  test.each([
    ['another service alone', other],
    ['no tokens', {}],
    ['a token that never ends', { ...compute, expires_in: null }],
    ['others that are none', { ...other, other_tokens: 'x' }],
  ])('with %s is no login', (_, answer) => {
    expect(tokenSetOf(answer, null)).toBeUndefined();
  });
});

test('a token is not used in its last minute', () => {
  const tokens = { accessToken: 'a', refreshToken: null, expiresAt: 100_000 };
  expect(isFresh(tokens, 39_999)).toBe(true);
  expect(isFresh(tokens, 40_000)).toBe(false);
});

describe('what the service wants of a login', () => {
  test('goes into the address of the page, and nothing else does', () => {
    const parameters = {
      session_message: 'MFA, please',
      session_required_identities: ['a', 'b'],
      session_required_single_domain: 'anl.gov',
      session_required_policies: [],
      session_required_mfa: true,
      prompt: 'login',
      redirect_uri: 'https://evil.example.org',
      scope: 'all',
      extra: { x: 1 },
    };
    expect(authorizeParameters({ message: '', parameters })).toEqual({
      session_message: 'MFA, please',
      session_required_identities: 'a,b',
      session_required_single_domain: 'anl.gov',
      session_required_mfa: 'true',
      prompt: 'login',
    });
    expect(authorizeParameters({ message: '', parameters: null })).toEqual({});
  });

  test('may be scopes, in a list or in one text', () => {
    expect(requiredScopes({ message: '', parameters: { required_scopes: ['a', 'b[c]'] } })).toEqual([
      'a',
      'b[c]',
    ]);
    expect(requiredScopes({ message: '', parameters: { required_scopes: 'a  b' } })).toEqual(['a', 'b']);
    expect(requiredScopes({ message: '', parameters: {} })).toEqual([]);
  });

  test('is told in one line', () => {
    expect(wordsOf({ message: 'no\u001b[31m\n entry', parameters: null })).toBe('no entry');
    expect(wordsOf({ message: 'x', parameters: { session_message: 'y' } })).toBe('y');
    expect(wordsOf({ message: 'z'.repeat(1000), parameters: null })).toHaveLength(300);
  });
});

describe('a token that was refused', () => {
  const plain = { message: 'Unauthorized', parameters: null };

  test('may be renewed once, and needs a login where that one is refused too', () => {
    const refusals = new Refusals();
    refusals.add('first', plain);
    expect(refusals.of('first')?.final).toBe(false);
    refusals.renewedAs('second');
    expect(refusals.of('second')).toBeUndefined();
    refusals.add('second', plain);
    expect(refusals.of('second')?.final).toBe(true);
  });

  test('for a session is not renewed', () => {
    const refusals = new Refusals();
    refusals.add('first', { ...plain, parameters: {} });
    expect(refusals.of('first')?.final).toBe(true);
  });

  test('is forgotten after many others', () => {
    const refusals = new Refusals();
    for (let i = 0; i < 30; i++) refusals.add(String(i), plain);
    expect(refusals.of('0')).toBeUndefined();
    expect(refusals.of('29')).toBeDefined();
  });
});
