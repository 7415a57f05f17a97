import type { Command } from 'commander';
import type { Settings } from '../../config/settings';
import type { Ledger } from '../../storage/ledger';
import { plainLine, plainLines } from '../../study/plain-text';
import { siteStates, type SiteState } from '../site-states';
import { print, printJson } from '../terminal';
import { plainTable } from '../plain-table';
import { withSession } from '../with-session';

export function addSites(root: Command): void {
  root
    .command('sites')
    .description('how each site is: whether it takes trials, needs a login, has room')
    .option('--json', 'as JSON')
    .action(async ({ json }: { json?: boolean }, command: Command) => {
      const show = async (settings: Settings, ledger: Ledger | null): Promise<void> => {
        const states = await siteStates(settings, ledger);
        if (json === true) printJson(states);
        else print(sitesText(states));
      };
      await withSession(
        command,
        ({ settings, ledger }) => show(settings, ledger),
        (settings) => show(settings, null),
      );
    });
}

function sitesText(states: readonly SiteState[]): string {
  const table = plainTable(
    ['site', 'scheduler', 'state', 'free', 'queued', 'running', 'since'],
    states.map(({ site, scheduler, state, free, queued, running, since }) => [
      site,
      scheduler,
      state,
      state === 'ok' && free === null ? 'no limit' : number(free),
      number(queued),
      number(running),
      since === null ? '' : since.replace('T', ' ').replace(/\.\d+Z$/, ' UTC'),
    ]),
  );
  const notes = states.flatMap(({ site, state, reason, heard, log }) => [
    ...(reason === '' ? [] : ['', `${site} (${state}): ${plainLines(reason)}`]),
    ...(heard === null ? [] : ['', `${site}'s endpoint was heard of ${ago(heard)}`]),
    ...(log.length === 0
      ? []
      : ['', `last lines of ${site}'s log:`, ...log.map((line) => `  ${plainLine(line, 300)}`)]),
  ]);
  return [table, ...notes].join('\n');
}

function ago(at: string): string {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(at)) / 1000));
  return seconds < 120 ? `${String(seconds)} s ago` : `${String(Math.round(seconds / 60))} minutes ago`;
}

function number(value: number | null): string {
  return value === null ? '' : String(value);
}
