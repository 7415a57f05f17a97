/*
 * Reads `[{"file": …, "text": …}]` from standard input and prints what ESLint has against each text as if it stood in that file
 * of the project: `[["rule: message", …], …]`. A process of its own, since ESLint imports its configuration, which Jest does not.
 */
import { text } from 'node:stream/consumers';
import { ESLint } from 'eslint';

const eslint = new ESLint();
const answers = [];
for (const one of JSON.parse(await text(process.stdin))) {
  const results = await eslint.lintText(one.text, { filePath: one.file });
  answers.push(
    results.flatMap(({ messages }) => messages.map(({ ruleId, message }) => `${ruleId}: ${message}`)),
  );
}
console.log(JSON.stringify(answers));
