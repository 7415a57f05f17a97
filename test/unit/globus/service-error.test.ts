import { challengeOf, serviceError } from '../../../src/schedulers/globus/service-error';
import type { Json } from '../../../src/study/json';

function told(status: number, body: Json): string {
  const error = serviceError({ status, body, retryAfter: null }, 'the submission', 'far');
  return `${error.kind}: ${error.text}`;
}

test.each([
  [401, null, /^LoginRequired: site far: .*\n {2}perdure login far$/],
  [
    403,
    { detail: 'x', authorization_parameters: { session_message: 'y' } },
    /^LoginRequired: .*perdure login far$/s,
  ],
  [
    403,
    { code: 'ACCESS_FORBIDDEN', detail: 'not yours' },
    /^SubmitRejected: .*not yours\n.*may this identity use/s,
  ],
  [
    404,
    { code: 'ENDPOINT_NOT_FOUND', detail: 'no endpoint' },
    /^SubmitRejected: .*no endpoint\n.*endpoint_id/s,
  ],
  [413, { detail: 'too large' }, /^SubmitRejected: .*10 MB/s],
  [
    422,
    { detail: [{ loc: ['body', 'user_endpoint_config', 'account'], msg: 'field required' }] },
    /^SubmitRejected: .*user_endpoint_config\.account: field required\n.*user_config_schema/s,
  ],
  [429, null, /^Unavailable: .*too many requests/],
  [500, { reason: 'oops\n at x' }, /^Unavailable: .*oops at x/],
  [504, null, /^Unavailable: .*HTTP status 504/],
] as const)('HTTP %d with %j says what to do', (status, body, expected) => {
  expect(told(status, body as Json)).toMatch(expected);
});

test('what a new login has to bring is handed on, and a plain refusal asks for none', () => {
  const parameters = { session_required_mfa: true };
  const refusal = {
    status: 403,
    body: { detail: 'no', authorization_parameters: parameters },
    retryAfter: null,
  };
  expect(challengeOf(refusal)).toEqual({ message: 'no', parameters });
  expect(challengeOf({ status: 403, body: { detail: 'no' }, retryAfter: null })).toBeNull();
});
