import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { handleErrors } from '../process/handle-errors';
import { plainLines } from '../study/plain-text';
import { say } from './terminal';

interface Prompt {
  readonly text: string;
  readonly echo: boolean;
}

/**
 * Asks a person at the terminal, without showing what is typed where it is a secret. From a pipe, a line for each prompt.
 * @returns `null` where there is no more input
 */
export async function askPerson(question: {
  readonly about: string;
  readonly instructions: string;
  readonly prompts: readonly Prompt[];
}): Promise<readonly string[] | null> {
  if (question.instructions.trim() !== '') say(plainLines(question.instructions.trim()));
  const answers: string[] = [];
  for (const prompt of question.prompts) {
    const answer = await askOne(prompt);
    if (answer === null) return null;
    answers.push(answer);
  }
  return answers;
}

let typed: AsyncIterator<string> | undefined;

async function askOne({ text, echo }: Prompt): Promise<string | null> {
  const words = plainLines(text);
  process.stderr.write(words.endsWith(' ') ? words : `${words} `);
  if (process.stdin.isTTY) return fromTerminal(echo);
  typed ??= createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const line = await typed.next();
  process.stderr.write('\n');
  return line.done === true ? null : line.value;
}

function fromTerminal(echo: boolean): Promise<string | null> {
  const silent = handleErrors(
    new Writable({
      write(_part, _encoding, done) {
        done();
      },
    }),
  );
  const input = createInterface({
    input: process.stdin,
    output: echo ? process.stderr : silent,
    terminal: true,
  });
  return new Promise((done) => {
    input.once('SIGINT', () => {
      done(null);
      input.close();
    });
    input.once('close', () => {
      done(null);
    });
    input.question('', (answer) => {
      done(answer);
      input.close();
      if (!echo) process.stderr.write('\n');
    });
  });
}
