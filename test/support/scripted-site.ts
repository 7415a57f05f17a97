import type { RunOptions, RunResult, StreamOptions, Transport } from '../../src/transports/transport';

/** What the site answers to one call of `trial/pbs_site.sh`: lines, and data by name. */
export interface Said {
  readonly lines?: readonly string[];
  readonly data?: Readonly<Record<string, string>>;
}

/** A site without a machine behind it: a test says what each call finds there, and when an answer arrives. */
export class ScriptedSite {
  /** Every call, by its words, in the order in which they came. */
  readonly calls: string[][] = [];
  private readonly held: PromiseWithResolvers<undefined>[] = [];
  private readonly waiting: PromiseWithResolvers<undefined>[] = [];

  constructor(private readonly answer: (call: readonly string[]) => Said) {}

  /** The answer to the next request is made when it comes, and is on its way until `arrive` is called. */
  holdNext(): { readonly begun: Promise<undefined>; readonly arrive: () => void } {
    const [asked, arrived] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    this.waiting.push(asked);
    this.held.push(arrived);
    return {
      begun: asked.promise,
      arrive: () => {
        arrived.resolve(undefined);
      },
    };
  }

  get transport(): Transport {
    return {
      description: 'a scripted site',
      run: (_command, options) => this.run(options),
      stream: (_command, options) => untilAborted(options),
      put: () => Promise.resolve(),
      get: () => Promise.resolve(null),
      list: () => Promise.resolve(null),
      close: () => Promise.resolve(),
    };
  }

  private async run({ input }: RunOptions): Promise<RunResult> {
    const [, nonce = '', calls = ''] =
      /^say perdure-begin-(\S+)\ncheck_pbs\n(.*)^say perdure-end-/ms.exec(String(input)) ?? [];
    const said = calls
      .trim()
      .split('\n')
      .map((line) => this.said(line.split(' ')));
    this.waiting.shift()?.resolve(undefined);
    await this.held.shift()?.promise;
    const text = `perdure-begin-${nonce}\n${said.join('')}perdure-end-${nonce}\n`;
    return { status: 0, stdout: Buffer.from(text), stderr: '' };
  }

  private said(call: string[]): string {
    const [name = '', number = ''] = call;
    if (name === 'say') return `now ${call[2] ?? ''} ${String(Math.floor(Date.now() / 1000))}\n`;
    this.calls.push(call);
    const { lines = [], data = {} } = this.answer(call);
    const texts = lines.map((line) => {
      const [word = '', ...rest] = line.split(' ');
      return `${[word, number, ...rest].join(' ')}\n`;
    });
    const parts = Object.entries(data).map(
      ([part, text]) => `data ${number} ${part} ${String(Buffer.byteLength(text))}\n${text}\n`,
    );
    return [...texts, ...parts].join('');
  }
}

async function untilAborted({ signal }: StreamOptions): Promise<void> {
  if (signal.aborted) return;
  await new Promise((done) => {
    signal.addEventListener('abort', done, { once: true });
  });
}

/** What qstat prints of a job. */
export function listed(
  id: string,
  state: string,
  more: Readonly<Record<string, string | number>> = {},
): Said {
  const attributes = Object.entries({ job_state: state, substate: 42, ...more });
  const text = attributes.map(([name, value]) => `    ${name} = ${String(value)}\n`).join('');
  return { data: { listing: `Job Id: ${id}\n${text}\nperdure-code 0\n` } };
}

/** What qstat prints where the server does not know a job. */
export function notListed(id: string): Said {
  return { data: { listing: 'perdure-code 153\n', 'listing-error': `qstat: Unknown Job Id ${id}\n` } };
}
