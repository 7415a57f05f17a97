import type { Cleaning, Heap, HeapKind, NeededStudy } from '../study/site-upkeep';
import { heapKinds } from '../study/site-upkeep';
import { studyKey } from './job-key';

/** What lies at a site, by its path below the working directory. */
export interface Survey {
  /** Everything of ours that nobody has written to for the time that was asked for. */
  readonly old: readonly string[];
  /** Trials (`STUDY/NUMBER/…`) and blocks that something still runs in or waits for, whatever the ledger says. */
  readonly live: readonly string[];
  /** Blocks whose job is over. */
  readonly ended: readonly string[];
  /** The block with the highest number: the next one's number comes from it. */
  readonly lastBlock: string | null;
  /** Parts of Perdure that an attempt or a block there still names. */
  readonly shims: readonly string[];
}

/** A site's working directory, as far as it is cleaned. All paths are below it. */
export interface Storeroom {
  survey(olderThan: number): Promise<Survey>;
  /** Bytes on the disk. */
  weigh(paths: readonly string[]): Promise<number>;
  /**
   * Removes files and directories. Each gets another name first, so that a directory which is half removed is not
   * taken for one of a trial; one whose removal is cut off is `old` in the next survey.
   */
  remove(paths: readonly string[]): Promise<void>;
}

/** Paths that Perdure makes; nothing else is ever removed. */
const layout: readonly (readonly [HeapKind, RegExp])[] = [
  ['trials', /^[0-9a-f]{16}\/\d+$/],
  ['blocks', /^blocks\/b\d+$/],
  ['files', /^files\/[0-9a-f]{64}$/],
  ['shims', /^shim\/[0-9a-f]{16}$/],
  ['notes', /^(jobs\/\d[\w.:[\]-]*|news\/[0-9a-f]{16}\.\d+\.\d+)$/],
  ['leftovers', /^\.removed-[\w-]+$/],
];

/** Paths at once: weighing and removing many large directories takes its time. */
const batch = 100;

/** Removes what is old and nobody needs, or only says what that is. @returns what it was, without kinds that are empty */
export async function clean(storeroom: Storeroom, cleaning: Cleaning): Promise<readonly Heap[]> {
  const unneeded = choose(await storeroom.survey(cleaning.olderThan), cleaning.needed);
  const heaps: Heap[] = [];
  for (const kind of heapKinds) {
    const paths = unneeded.get(kind) ?? [];
    let bytes = 0;
    for (let at = 0; at < paths.length; at += batch) {
      const some = paths.slice(at, at + batch);
      bytes += await storeroom.weigh(some);
      if (!cleaning.dryRun) await storeroom.remove(some);
    }
    if (paths.length > 0) heaps.push({ kind, count: paths.length, bytes });
  }
  return heaps;
}

/**
 * What may go: of trials those that have ended or belong to no study of the ledger, as a whole, since their attempts share a
 * checkpoint; of anything else what no running study and no job names.
 */
export function choose(
  survey: Survey,
  needed: readonly NeededStudy[],
): ReadonlyMap<HeapKind, readonly string[]> {
  const open = new Set(
    needed.flatMap((study) => study.open.map((number) => `${studyKey(study.uuid)}/${String(number)}`)),
  );
  const live = new Set(survey.live.flatMap((path) => [path, path.split('/').slice(0, 2).join('/')]));
  const liveIds = new Set(survey.live.filter((path) => path.startsWith('jobs/')));
  const files = new Set(needed.flatMap((study) => study.files.map((sha256) => `files/${sha256}`)));
  const ended = new Set(survey.ended);
  const shims = new Set(survey.shims);
  const mayGo: Readonly<Record<HeapKind, (path: string) => boolean>> = {
    trials: (path) => !open.has(path) && !live.has(path),
    blocks: (path) => ended.has(path) && !live.has(path) && path !== survey.lastBlock,
    files: (path) => !files.has(path),
    shims: (path) => !shims.has(path),
    notes: (path) => !liveIds.has(path) && !isNewsOf(path, open),
    leftovers: () => true,
  };
  const chosen = new Map<HeapKind, string[]>();
  for (const path of survey.old) {
    const kind = layout.find(([, form]) => form.test(path))?.[0];
    if (kind === undefined || !mayGo[kind](path)) continue;
    const paths = chosen.get(kind);
    if (paths === undefined) chosen.set(kind, [path]);
    else paths.push(path);
  }
  return chosen;
}

function isNewsOf(path: string, open: ReadonlySet<string>): boolean {
  const [, study, number] = /^news\/([0-9a-f]+)\.(\d+)\./.exec(path) ?? [];
  return study !== undefined && number !== undefined && open.has(`${study}/${number}`);
}
