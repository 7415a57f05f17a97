import { quote } from '../../transports/quote';
import { exportLines, type RunSite } from './run-script';
import { preparedPath, type PreparationRequest } from '../preparation';

/**
 * A preparation as a script for bash: the site's set-up first, then what the study says, then its own text. On a login node a
 * keeper beside it says that it is alive, ends it at its timeout, and when somebody asks for that by a file, which they may do on
 * another login node.
 */
export function preparationScript(
  site: Pick<RunSite, 'workingDir' | 'workerInit'>,
  hash: string,
  { preparation, trial }: PreparationRequest,
): string {
  const directory = `${site.workingDir}/${preparedPath(hash)}`;
  const seconds = Math.ceil(preparation.timeout / 1000);
  return [
    `cd ${quote(directory)} || exit 70`,
    ...(preparation.in === 'login' ? ['unset PBS_JOBID', ...keeper(`${directory}/.perdure`, seconds)] : []),
    site.workerInit,
    ...exportLines({ ...trial.env, PERDURE_PREPARED_DIR: directory }),
    // The site's set-up may have gone elsewhere.
    `cd ${quote(directory)} || exit 70`,
    `. ${quote(`${directory}/.perdure/prepare.sh`)}`,
    '',
  ].join('\n');
}

/** In the process group of the wrapper, which TERM does not end; no child of the script's shell, which may wait for its own. */
function keeper(own: string, seconds: number): readonly string[] {
  return [
    '( (',
    "  trap '' TERM",
    `  cd ${quote(own)} || exit`,
    `  perdure_end=$(($(date +%s) + ${String(seconds)}))`,
    '  until [ -e status ]; do',
    '    perdure_now=$(date +%s)',
    '    echo "$perdure_now" >beat.tmp && mv -f beat.tmp beat',
    '    if [ "$perdure_now" -ge "$perdure_end" ]; then',
    '      echo timeout >stop.keeper.tmp && { ln stop.keeper.tmp stop 2>/dev/null; rm -f stop.keeper.tmp; }',
    '    fi',
    // Without its directory nobody would find it again.
    '    if [ -e stop ] || [ ! -e run.lock ]; then kill -TERM 0; sleep 10; [ -e status ] || kill -KILL 0; fi',
    '    sleep 2',
    '  done',
    ') </dev/null >/dev/null 2>&1 & )',
  ];
}
