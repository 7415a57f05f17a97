'use strict';
/* Bundles the compiled workflows, so that a worker starts without webpack. Part of `npm run build`. */
const { writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { bundleWorkflowCode, DefaultLogger } = require('@temporalio/worker');

/* The folder with the compiled sources. */
const dist = join(__dirname, '..', process.argv[2] ?? 'dist');
const logger = new DefaultLogger('WARN');
bundleWorkflowCode({ workflowsPath: join(dist, 'workflows'), logger }).then(
  ({ code }) => writeFileSync(join(dist, 'workflow-bundle.js'), code),
  (error) => {
    console.error(error);
    process.exitCode = 1;
  },
);
