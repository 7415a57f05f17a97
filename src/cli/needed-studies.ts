import { endedStates } from '../study/progress';
import type { Ledger } from '../storage/ledger';
import type { NeededStudy } from '../study/site-upkeep';
import { startedBy } from '../study/outcome';
import { isFinal } from '../study/trial';

/** As an attribute has them. */
const endings: ReadonlySet<unknown> = endedStates;

/** What the studies of the ledger need at their sites, as it is now. */
export async function neededStudies(ledger: Ledger): Promise<readonly NeededStudy[]> {
  const needed: NeededStudy[] = [];
  for (const { name, perdure, attrs } of await ledger.listStudies()) {
    if (perdure === null) continue;
    const trials = await ledger.readTrials(name, { attrs: false, reports: false });
    // Trials that Optuna started have nothing at a site.
    const own = new Set(await ledger.proposedNumbers(name));
    const open = trials
      .filter((trial) => !isFinal(trial.state) && startedBy(trial, own) !== 'optuna')
      .map(({ number }) => number);
    // A study's end is noted when its last trials may still be on their way.
    const ended = endings.has(attrs['perdure:state']) && open.length === 0;
    const files = ended ? [] : perdure.spec.trial.files.map(({ sha256 }) => sha256);
    needed.push({ uuid: perdure.uuid, ended, open, files });
  }
  return [...needed, ...(await neededBatches(ledger))];
}

/** Jobs without a study lie at their site as trials do. */
async function neededBatches({ batches }: Ledger): Promise<readonly NeededStudy[]> {
  const needed: NeededStudy[] = [];
  for (const { uuid } of await batches.list()) {
    const jobs = await batches.readJobs(uuid, { open: true });
    const files = new Set(jobs.flatMap(({ spec }) => spec.trial.files.map(({ sha256 }) => sha256)));
    needed.push({
      uuid,
      ended: jobs.length === 0,
      open: jobs.map(({ number }) => number),
      files: [...files],
    });
  }
  return needed;
}
