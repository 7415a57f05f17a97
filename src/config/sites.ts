import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { appendAll } from '../study/lists';
import type { Problem } from '../study/problem';
import { globusBlockName, globusSiteOf } from './globus-site';
import { pbsSiteOf } from './pbs-site';
import { procProblem } from './proc-place';
import type { LocalSiteSettings, PbsSiteSettings, Settings, SiteSettings } from './settings';
import type { SettingsFile } from './settings-schema';

/** What sites depend on beside the settings file. */
export interface SiteCircumstances {
  /** The state directory. */
  readonly home: string;
  /** A path of this machine, made absolute. */
  readonly absolute: (path: string) => string;
  /** Where the SSH agent listens, if there is one. */
  readonly agent: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  /** Problems are added here. */
  readonly problems: Problem[];
}

/** The sites of a settings file with every default filled in, and the local one, which is always there. */
export function sitesOf(data: SettingsFile, circumstances: SiteCircumstances): Settings['sites'] {
  const { home, absolute, problems } = circumstances;
  const named = Object.entries(data.sites ?? {}).flatMap(([name, site]): [string, SiteSettings][] => {
    appendAll(problems, nameProblems(name, site.scheduler));
    if (site.scheduler === 'pbs') {
      const settings = pbsSiteOf(name, site, data, circumstances);
      return settings === undefined ? [] : [[name, settings]];
    }
    if (site.scheduler === 'globus_compute') {
      const settings = globusSiteOf(['sites', name], site, data, circumstances);
      return settings === undefined ? [] : [[name, settings]];
    }
    const { slots = defaultSlots(), working_dir } = site;
    const workingDir = working_dir === undefined ? join(home, 'jobs', name) : absolute(working_dir);
    const misplaced = procProblem(workingDir, 'the working directory');
    if (misplaced !== undefined) problems.push({ path: ['sites', name, 'working_dir'], ...misplaced });
    return [[name, { scheduler: 'local', slots, workingDir }]];
  });
  const local: LocalSiteSettings = {
    scheduler: 'local',
    slots: defaultSlots(),
    workingDir: join(home, 'jobs', 'local'),
  };
  const sites = { local, ...Object.fromEntries(named), ...globusBlockSite(data, circumstances) };
  appendAll(problems, sharedInboxes(sites));
  return sites;
}

/** Where studies run that name no sites: the settings' own endpoint of Globus Compute with PBS behind it, else this machine. */
export function defaultSites({ globus_compute }: SettingsFile, sites: Settings['sites']): readonly string[] {
  if (globus_compute?.enabled !== true) return ['local'];
  const behind = Object.entries(sites).flatMap(([name, { scheduler }]) =>
    scheduler === 'pbs' ? [name] : [],
  );
  return [globusBlockName, ...behind];
}

/** The site that the block `globus_compute` defines, where it is enabled. */
function globusBlockSite(data: SettingsFile, circumstances: SiteCircumstances): Settings['sites'] {
  const block = data.globus_compute;
  if (block?.enabled !== true) return {};
  const path = [globusBlockName];
  if (Object.hasOwn(data.sites ?? {}, globusBlockName)) {
    const message = `'sites' has a site '${globusBlockName}' already, and this block defines another`;
    circumstances.problems.push({ path, message, hint: 'leave out one of them' });
  }
  const settings = globusSiteOf(path, block, data, circumstances);
  return settings === undefined ? {} : { [globusBlockName]: settings };
}

/** A study's `parallel` is what a person chose; this only keeps a mistake there from felling the machine. */
function defaultSlots(): number {
  return Math.max(16, availableParallelism());
}

function nameProblems(name: string, scheduler: SiteSettings['scheduler']): readonly Problem[] {
  const path = ['sites', name];
  // It becomes part of a directory and of a task queue.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) {
    const hint = 'use letters, digits, - and _, 64 at most';
    return [{ path, message: `'${name}' can't be the name of a site`, hint }];
  }
  if (name !== 'local' || scheduler === 'local') return [];
  return [{ path, message: "the site 'local' is this machine", hint: 'give this site another name' }];
}

/** Blocks take whatever lies ready in their site's directory: two sites with blocks can't share one. */
function sharedInboxes(sites: Settings['sites']): readonly Problem[] {
  const taken = new Map<string, string>();
  return Object.entries(sites).flatMap(([name, site]): readonly Problem[] => {
    if (site.scheduler !== 'pbs' || site.blocks === null) return [];
    const inbox = `${machineOf(site)}\n${site.workingDir}`;
    const other = taken.get(inbox);
    taken.set(inbox, name);
    if (other === undefined) return [];
    const message = `'${name}' and '${other}' have blocks and the same working directory`;
    const hint = `give one of them another: working_dir: ${join(site.workingDir, name)}`;
    return [{ path: ['sites', name], message, hint }];
  });
}

function machineOf({ transport }: PbsSiteSettings): string {
  return transport.type === 'local' ? '' : transport.host;
}
