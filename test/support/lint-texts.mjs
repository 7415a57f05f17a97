/*
 * Reads `[{"file": …, "text": …}]` from standard input and prints what the rules on imports have against each text as if it
 * stood in that file of the project: `[["rule: message", …], …]`. A process of its own, since ESLint imports its configuration,
 * which Jest does not.
 */
import { text } from 'node:stream/consumers';
import { ESLint } from 'eslint';
import tseslint from 'typescript-eslint';

const aboutImports = /^(import-x\/|no-restricted-imports$)/;

const eslint = new ESLint({
  // Types are of the files on disk where the environment says CI=true, and rules that look into them stumble over another text;
  // the rules on imports need none.
  overrideConfig: tseslint.configs.disableTypeChecked,
  ruleFilter: ({ ruleId }) => aboutImports.test(ruleId),
});
const answers = [];
for (const one of JSON.parse(await text(process.stdin))) {
  const results = await eslint.lintText(one.text, { filePath: one.file });
  answers.push(
    results.flatMap(({ messages }) => messages.map(({ ruleId, message }) => `${ruleId}: ${message}`)),
  );
}
console.log(JSON.stringify(answers));
