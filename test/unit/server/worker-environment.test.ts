import { resolve } from 'node:path';
import { workerEnvironment } from '../../../src/server/background-worker';

/* A worker in the background does not run where the command was typed. */

test('names of files in the environment are those that the command would read', () => {
  const env = {
    TEMPORAL_CONFIG_FILE: 'temporal.toml',
    NODE_EXTRA_CA_CERTS: './ca.pem',
    PGPASSFILE: '/home/me/.pgpass',
    SSL_CERT_FILE: '',
    PYTHONPATH: 'src',
  };
  expect(workerEnvironment({ home: '/state', file: 'perdure.yaml' }, env)).toEqual({
    ...env,
    TEMPORAL_CONFIG_FILE: resolve('temporal.toml'),
    NODE_EXTRA_CA_CERTS: resolve('ca.pem'),
    PERDURE_HOME: '/state',
    PERDURE_CONFIG: resolve('perdure.yaml'),
  });
});

test('without a settings file none is named', () => {
  expect(workerEnvironment({ home: '/state', file: null }, {})).toEqual({ PERDURE_HOME: '/state' });
});

test("a debugger of the command's is not the worker's", () => {
  const env = { NODE_OPTIONS: '--inspect-brk=9229 --max-old-space-size=900 --inspect' };
  expect(workerEnvironment({ home: '/home', file: null }, env)).toMatchObject({
    NODE_OPTIONS: '--max-old-space-size=900',
  });
});
