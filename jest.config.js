const { join } = require('node:path');
const { testEnvironment } = require('./test/support/test-environment');

// The workers of jest and the programs that tests start inherit this environment.
const environment = testEnvironment(
  process.env,
  join(__dirname, 'node_modules', '.cache', 'test-environment'),
);
for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name];
Object.assign(process.env, environment);
// The workers of one run find by this id what the run has started.
process.env.PERDURE_TEST_RUN = String(process.pid);

const common = {
  transform: {
    '^.+\\.[jt]s$': [
      '@swc/jest',
      { jsc: { parser: { syntax: 'typescript' }, target: 'es2023' }, module: { type: 'commonjs' } },
    ],
  },
  // These packages have ES modules only.
  transformIgnorePatterns: ['/node_modules/(?!(openid-client|oauth4webapi|jose)/)'],
  testEnvironment: 'node',
};

// test/README.md says which command runs which projects.
/** @type {import('jest').Config} */
module.exports = {
  projects: [
    {
      ...common,
      displayName: 'unit',
      testMatch: ['<rootDir>/test/unit/**/*.test.ts'],
      testPathIgnorePatterns: ['<rootDir>/test/unit/workflows/'],
    },
    {
      ...common,
      displayName: 'workflows',
      testMatch: ['<rootDir>/test/unit/workflows/**/*.test.ts'],
      globalSetup: '<rootDir>/test/support/workflows/global-setup.ts',
      globalTeardown: '<rootDir>/test/support/workflows/global-teardown.ts',
    },
    { ...common, displayName: 'integration', testMatch: ['<rootDir>/test/integration/**/*.test.ts'] },
    { ...common, displayName: 'slow', testMatch: ['<rootDir>/test/slow/**/*.test.ts'] },
  ],
  // The last resort against a test that hangs. Each wait in a test has a shorter limit and an error that names what it waited for.
  testTimeout: 300_000,
};
