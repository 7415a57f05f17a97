import { InvalidArgumentError, type Command } from 'commander';
import type { Session } from '../../client/session';
import { parseDuration } from '../../config/duration';
import { askAnyWorker } from '../../control/any-worker';
import { PerdureError } from '../../study/error';
import type { Heap, HeapKind } from '../../study/site-upkeep';
import { nearSite } from '../../worker/near-site';
import { namedSite } from '../named-site';
import { neededStudies } from '../needed-studies';
import { askPerson } from '../secret-prompt';
import { print, say } from '../terminal';
import { withSession } from '../with-session';

interface CleanOptions {
  readonly olderThan: { readonly text: string; readonly milliseconds: number };
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** One of each kind, and several. */
const names: Readonly<Record<HeapKind, readonly [string, string]>> = {
  trials: ['trial', 'trials'],
  blocks: ['block', 'blocks'],
  files: ['file of studies', 'files of studies'],
  shims: ['earlier version of Perdure', 'earlier versions of Perdure'],
  notes: ['note on a job', 'notes on jobs'],
  leftovers: ['leftover of an interrupted cleaning', 'leftovers of interrupted cleanings'],
};

export function addClean(root: Command): void {
  root
    .command('clean')
    .description('remove from a site what no running study needs, after saying what')
    .argument('<site>')
    .requiredOption('--older-than <duration>', 'what has not been written to for so long: 30d, 12h', age)
    .option('--dry-run', 'only say what would be removed')
    .option('--yes', 'do not ask')
    .action(async (site: string, options: CleanOptions, command: Command) => {
      if (options.dryRun !== true && options.yes !== true && !process.stdin.isTTY) {
        throw new PerdureError('InvalidInput', 'nobody can be asked here whether to remove anything', {
          hint: 'look first with --dry-run, then say --yes',
        });
      }
      await withSession(command, (session) => cleanSite(session, site, options));
    });
}

async function cleanSite(
  session: Session,
  site: string,
  { olderThan, dryRun, yes }: CleanOptions,
): Promise<void> {
  if (yes !== true || dryRun === true) {
    const found = await sweep(session, site, olderThan.milliseconds, true);
    print(listed(found, `at ${site}, older than ${olderThan.text} and needed by no running study`));
    if (dryRun === true || found.length === 0) return;
    const question = { about: site, instructions: '', prompts: [{ text: 'remove this? [y/N]', echo: true }] };
    const [answer = ''] = (await askPerson(question)) ?? [];
    if (!/^y(es)?$/i.test(answer.trim())) {
      say('nothing was removed');
      return;
    }
  }
  print(listed(await sweep(session, site, olderThan.milliseconds, false), `removed from ${site}`));
}

/** What is needed is asked anew each time: a study may have gone on while a person was thinking. */
async function sweep(
  session: Session,
  site: string,
  olderThan: number,
  dryRun: boolean,
): Promise<readonly Heap[]> {
  const { settings, ledger } = session;
  const near = nearSite(namedSite(settings, site));
  const cleaning = { olderThan, dryRun, needed: await neededStudies(ledger) };
  return near === null
    ? askAnyWorker<'clean'>(settings.home, { do: 'clean', site, cleaning })
    : near.clean(cleaning);
}

function listed(heaps: readonly Heap[], heading: string): string {
  if (heaps.length === 0) return `${heading}: nothing`;
  const lines = heaps.map(({ kind, count, bytes }) => {
    const [one, several] = names[kind];
    return `  ${String(count).padStart(6)} ${(count === 1 ? one : several).padEnd(36)} ${sizeText(bytes)}`;
  });
  return [`${heading}:`, ...lines].join('\n');
}

function sizeText(bytes: number): string {
  const units = ['kB', 'MB', 'GB', 'TB', 'PB'];
  let amount = bytes / 1000;
  while (amount >= 1000 && units.length > 1) {
    amount /= 1000;
    units.shift();
  }
  return `${amount.toFixed(amount < 10 ? 1 : 0)} ${units[0] ?? ''}`;
}

function age(text: string): CleanOptions['olderThan'] {
  const milliseconds = parseDuration(text);
  if (milliseconds !== undefined) return { text, milliseconds };
  throw new InvalidArgumentError('Write a duration: 30d, 12h, 1d12h.');
}
