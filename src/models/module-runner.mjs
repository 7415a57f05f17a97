/*
 * Runs a user's proposer once, in a process of its own: `node module-runner.mjs FILE`. The question comes as JSON on standard
 * input; the answer, or what went wrong, goes to file descriptor 3, so that the proposer may print what it likes.
 */
import { Buffer } from 'node:buffer';
import { writeSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

/** @param {object} answer */
function reply(answer) {
  const bytes = Buffer.from(JSON.stringify(answer));
  for (let at = 0; at < bytes.length;) at += writeSync(3, bytes, at);
}

try {
  let text = '';
  for await (const part of process.stdin.setEncoding('utf8')) text += String(part);
  const module = await import(pathToFileURL(String(process.argv[2])).href);
  // A CommonJS module's exports are its default; a TypeScript one compiled to it has another inside.
  const propose = [module.default?.default, module.default, module.propose, module.default?.propose].find(
    (one) => typeof one === 'function',
  );
  if (propose === undefined)
    throw new Error('it exports no function: export default async function (question) { … }');
  reply({ answer: (await propose(JSON.parse(text))) ?? null });
} catch (error) {
  reply({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
}
process.exit(0);
