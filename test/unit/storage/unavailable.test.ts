import { asOpeningError, asUnavailable } from '../../../src/storage/unavailable';

const failed = (message: string, code?: string): Error =>
  Object.assign(new Error(message), code === undefined ? {} : { code });

test.each([
  ['a user who may not make tables', failed('permission denied for schema public', '42501')],
  ['a database that is not there', failed('database "x" does not exist', '3D000')],
  [
    'a password that is missing',
    failed('SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string'),
  ],
  ['encryption that the server does not have', failed('The server does not support SSL connections')],
  ['a certificate that nobody vouches for', failed('self-signed certificate', 'DEPTH_ZERO_SELF_SIGNED_CERT')],
  [
    'a certificate that is not there',
    failed("ENOENT: no such file or directory, open '/nope.pem'", 'ENOENT'),
  ],
  ['PgBouncer without its setting', failed('unsupported startup parameter: options', '08P01')],
])('%s is bad input where a ledger is opened, in one sentence', (_, error) => {
  expect(asOpeningError(error, 'postgresql://h/x')).toMatchObject({
    kind: 'InvalidInput',
    message: expect.stringContaining(error.message) as string,
  });
});

test.each([
  ['a lost connection', failed('x', '08006')],
  ['a refused one', failed('connect ECONNREFUSED', 'ECONNREFUSED')],
  ['a standby that takes over', failed('cannot execute INSERT in a read-only transaction', '25006')],
  ['a lock that is not free', failed('canceling statement due to lock timeout', '55P03')],
  ['a statement that takes too long', failed('canceling statement due to statement timeout', '57014')],
  ['a transaction that waited too long', failed('terminating connection due to idle', '25P03')],
  [
    'a connection that was closed so',
    failed('Client has encountered a connection error and is not queryable'),
  ],
])('%s passes', (_, error) => {
  expect(asUnavailable(error, 'postgresql://h/x')).toMatchObject({ kind: 'Unavailable' });
});

test('a certificate that is out of date ends no study that runs', () => {
  const expired = failed('certificate has expired', 'CERT_HAS_EXPIRED');
  expect(asUnavailable(expired, 'postgresql://h/x')).toBe(expired);
});

test('a mistake of ours stays what it is', () => {
  const mistake = failed('syntax error at or near "SELEC"', '42601');
  expect(asOpeningError(mistake, 'postgresql://h/x')).toBe(mistake);
});
