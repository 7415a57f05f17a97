// Writes the JSON Schemas of study and settings files, for editors. Run after a build: node scripts/write-schemas.js
const { mkdirSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { jsonSchemas } = require('../dist/config/json-schemas.js');

const directory = join(__dirname, '..', 'schema');
mkdirSync(directory, { recursive: true });
for (const [name, schema] of Object.entries(jsonSchemas())) {
  writeFileSync(join(directory, name), `${JSON.stringify(schema, null, 2)}\n`);
}
