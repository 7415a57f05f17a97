import { quote } from '../../transports/quote';
import { attemptPath } from '../job-key';
import { lines, wrapped } from '../remote/run-script';
import type { Shim } from '../remote/shim';
import type { JobRequest } from '../scheduler';
import type { PbsSite } from './pbs-site';

/** The PBS job of one trial. */
export function trialJob(site: PbsSite, shim: Shim, name: string, request: JobRequest): string {
  const directory = `${site.workingDir}/${attemptPath(request.key)}`;
  const program = wrapped(site, request.key).map(quote).join(' ');
  return jobScript(site, { name, nodes: request.trial.nodes ?? 1 }, [
    `exec /bin/sh ${quote(`${site.workingDir}/${shim.path}/wrapper.sh`)} --leave-group ${quote(directory)} ${program}`,
  ]);
}

/** A PBS job: directives first, which end at the first line that is none. */
export function jobScript(
  site: PbsSite,
  job: { readonly name: string; readonly nodes: number },
  commands: readonly string[],
): string {
  const directives = [
    `-N ${job.name}`,
    '-j oe',
    // Written where it belongs while the job runs.
    '-k doe',
    // A job that PBS ran again would find the fence closed.
    '-r n',
    ...(site.account === null ? [] : [`-A ${site.account}`]),
    ...(site.queue === null ? [] : [`-q ${site.queue}`]),
    ...(site.select === null && job.nodes === 1
      ? []
      : [`-l select=${selectOf(site.select ?? '1', job.nodes)}`]),
    ...(site.walltime === null ? [] : [`-l walltime=${clock(site.walltime)}`]),
    ...(site.filesystems === null ? [] : [`-l filesystems=${site.filesystems}`]),
    ...site.directives,
  ];
  return lines(['#!/bin/bash -l', ...directives.map((directive) => `#PBS ${directive}`), ...commands]);
}

/** A trial of several nodes has its own number of them; what follows it in the site's selection stays. */
function selectOf(select: string, nodes: number): string {
  if (nodes === 1) return select;
  const [, rest = ''] = /^(?:\d+:?)?(.*)$/.exec(select) ?? [];
  return rest === '' ? String(nodes) : `${String(nodes)}:${rest}`;
}

/** `HH:MM:SS` of seconds. */
function clock(seconds: number): string {
  const part = (n: number): string => String(Math.floor(n)).padStart(2, '0');
  return `${part(seconds / 3600)}:${part((seconds % 3600) / 60)}:${part(seconds % 60)}`;
}
