// Workers of one run find by it what the run has started.
process.env.PERDURE_TEST_RUN = String(process.pid);
// A job begins in a login shell. Where the profile starts pyenv and a test kills it just then, its lock stays, and every later
// shell would wait a minute for it.
process.env.PYENV_REHASH_TIMEOUT ??= '1';

// These are modules of the new kind alone.
const transformIgnorePatterns = ['/node_modules/(?!(openid-client|oauth4webapi|jose)/)'];
const transform = {
  '^.+\\.[jt]s$': [
    '@swc/jest',
    { jsc: { parser: { syntax: 'typescript' }, target: 'es2023' }, module: { type: 'commonjs' } },
  ],
};
/** @type {import('jest').Config} */
module.exports = {
  projects: [
    {
      displayName: 'unit',
      testMatch: ['<rootDir>/test/unit/**/*.test.ts'],
      testPathIgnorePatterns: ['<rootDir>/test/unit/workflows/'],
      transform,
      transformIgnorePatterns,
      testEnvironment: 'node',
    },
    {
      displayName: 'workflows',
      testMatch: ['<rootDir>/test/unit/workflows/**/*.test.ts'],
      globalSetup: '<rootDir>/test/support/workflows/bundle-workflows.ts',
      globalTeardown: '<rootDir>/test/support/workflows/remove-bundle.ts',
      transform,
      transformIgnorePatterns,
      testEnvironment: 'node',
    },
    {
      displayName: 'integration',
      testMatch: ['<rootDir>/test/integration/**/*.test.ts'],
      transform,
      transformIgnorePatterns,
      testEnvironment: 'node',
    },
  ],
  // It ends what hangs. What a test waits for has a limit of its own, and says what it was.
  testTimeout: 300_000,
};
