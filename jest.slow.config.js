const { projects, ...config } = require('./jest.config.js');

/** Tests that take too long for `npm test`: `npm run test:slow`. @type {import('jest').Config} */
module.exports = {
  ...config,
  projects: [{ ...projects[0], displayName: 'slow', testMatch: ['<rootDir>/test/slow/**/*.test.ts'] }],
};
