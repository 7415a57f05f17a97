// Writes the JSON Schemas of study and settings files, for editors. Run after a build: node scripts/write-schemas.js
const { mkdirSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const prettier = require('prettier');
const { jsonSchemas } = require('../dist/config/json-schemas.js');

const directory = join(__dirname, '..', 'schema');

async function main() {
  mkdirSync(directory, { recursive: true });
  const style = await prettier.resolveConfig(join(directory, 'study.schema.json'));
  for (const [name, schema] of Object.entries(jsonSchemas())) {
    const text = await prettier.format(JSON.stringify(schema), { ...style, parser: 'json' });
    writeFileSync(join(directory, name), text);
  }
}

void main();
