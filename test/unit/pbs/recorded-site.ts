import type { PbsOptions } from '../../support/pbs-settings';

/** The server that was recorded, as far as its own answers tell it. */
export const recordedSite: PbsOptions = {
  userName: 'pbsuser',
  defaultQueue: 'debug',
  queues: {
    workq: {},
    debug: { maxNodes: 2, maxWalltimeSeconds: 3600 },
    small: {
      fromRouteOnly: true,
      maxNodes: 1024,
      minNodes: 256,
      maxWalltimeSeconds: 43_200,
    },
    prod: { routesTo: ['small'] },
    disabledq: { enabled: false },
    stoppedq: { started: false },
    aclq: { users: ['pbsuser2'] },
    onejob: { started: false, maxJobsPerUser: 1 },
  },
  serverResources: [['resources_available.filesystems', 'home,flare,daos_user']],
};

const long = ['#PBS -N aurora-long', '#PBS -l select=1:system=aurora', '#PBS -l filesystems=home:flare'];

/** The scripts that were submitted, written anew from what their jobs show. */
export const recordedScripts: Readonly<Record<string, readonly string[]>> = {
  'ok.pbs': [
    '#!/bin/bash -l',
    '#PBS -N aurora-ok',
    '#PBS -A MyProject',
    '#PBS -l select=1:system=aurora',
    '#PBS -l place=scatter',
    '#PBS -l walltime=0:05:00',
    '#PBS -l filesystems=home:flare',
    '#PBS -k doe',
    '#PBS -o out.txt',
    '#PBS -e err.txt',
    'echo ok',
  ],
  'fail.pbs': [
    '#!/bin/bash',
    '#PBS -N aurora-fail',
    '#PBS -l select=1:system=aurora',
    '#PBS -l filesystems=home:flare',
    '#PBS -l walltime=00:05:00',
    '#PBS -k doe',
    'exit 3',
  ],
  'long.pbs': ['#!/bin/bash', ...long, '#PBS -l walltime=00:10:00', 'sleep 600'],
  'wall.pbs': [
    '#!/bin/bash',
    ...long.map((line) => line.replace('aurora-long', 'aurora-wall')),
    '#PBS -l walltime=1',
    'sleep 60',
  ],
  'term.pbs': [
    '#!/bin/bash',
    ...long.map((line) => line.replace('aurora-long', 'aurora-wall-trap')),
    '#PBS -l walltime=1',
    'trap "exit 0" TERM',
    'while :; do sleep 0.1; done',
  ],
  'trap0.pbs': [
    '#!/bin/bash',
    '#PBS -N trap0',
    '#PBS -l walltime=00:05:00',
    'trap "exit 0" TERM',
    'while :; do sleep 0.1; done',
  ],
  'selfkill.pbs': ['#!/bin/bash', '#PBS -N aurora-selfkill', 'kill -9 $$'],
  'segv.pbs': ['#!/bin/bash', '#PBS -N aurora-segv', 'kill -SEGV $$'],
  'badinterp.pbs': ['#!/no/such/interpreter', 'true'],
  'badout.pbs': [
    '#!/bin/bash',
    '#PBS -N early-exit0-qdel',
    '#PBS -o /nonexistent/dir/out.txt',
    '#PBS -e /nonexistent/dir/err.txt',
    'true',
  ],
  'badoutk.pbs': [
    '#!/bin/bash',
    '#PBS -N badout-direct',
    '#PBS -k doe',
    '#PBS -o /nonexistent/dir/out.txt',
    '#PBS -e /nonexistent/dir/err.txt',
    'true',
  ],
  'arr.pbs': ['#!/bin/bash', '#PBS -N aurora-arr', '#PBS -J 0-2', '#PBS -l walltime=00:01:00', 'true'],
  'tick.pbs': ['#!/bin/bash', 'echo tick'],
  'directive.pbs': ['#!/bin/bash', `#PBS -v "A=it's"`, 'true'],
};
