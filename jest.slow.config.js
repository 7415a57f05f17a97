const { projects, ...config } = require('./jest.config.js');

/** Tests that build or start so much that `npm test` leaves them out: `npm run test:slow`. @type {import('jest').Config} */
module.exports = {
  ...config,
  projects: [{ ...projects[0], displayName: 'slow', testMatch: ['<rootDir>/test/slow/**/*.test.ts'] }],
};
