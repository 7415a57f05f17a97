import type { NeededStudy, SiteFinding } from '../../study/site-upkeep';
import { studyKey } from '../job-key';
import { isJobName } from '../remote/job-name';
import { directoryFinding } from '../remote/directory-finding';
import { pythonFinding } from '../remote/python-finding';
import { lineOf, textOf, type Answer } from '../remote/site-answer';

/**
 * What `tell_site` told, for a person. A job in the queue that has a name of ours and belongs to no open trial is an orphan:
 * its study was removed from the ledger, or it was begun by another installation.
 * @param needed by the studies of the ledger
 */
export function siteFindings(
  { site, reached }: { readonly site: string; readonly reached: string },
  answer: Answer,
  needed: readonly NeededStudy[],
): readonly SiteFinding[] {
  return [
    directoryFinding(site, reached, lineOf(answer, 'writable')),
    pbs(site, answer),
    pythonFinding(site, lineOf(answer, 'python') ?? ''),
    ...orphans(site, answer, needed),
  ];
}

function pbs(site: string, answer: Answer): SiteFinding {
  const [, code = '', version = ''] = /^(\d+) (.*)$/.exec(lineOf(answer, 'version') ?? '') ?? [];
  const silent = answer.data.has('qselect') ? textOf(answer, 'qselect').trim() : '';
  if (code === '0' && !answer.data.has('qselect'))
    return { what: `PBS of ${site}`, ok: true, found: version };
  return {
    what: `PBS of ${site}`,
    ok: false,
    found: silent === '' ? `does not answer: ${version}` : `does not answer: ${silent}`,
    hint: 'jobs go on meanwhile, and nothing fails; see the status page of the site',
  };
}

function orphans(site: string, answer: Answer, studies: readonly NeededStudy[]): readonly SiteFinding[] {
  const open = new Set(
    studies.flatMap((study) => study.open.map((number) => `${studyKey(study.uuid)}/${String(number)}`)),
  );
  const anyRuns = studies.some(({ ended }) => !ended);
  return answer.lines.flatMap(({ word, text }) => {
    const [id = '', name = '', path = '-'] = word === 'job' ? text.split(' ') : [];
    // One of another working directory is not this site's.
    if (!isJobName(name) || path === '-') return [];
    const [first = '', second = ''] = path.split('/');
    // Blocks and preparations serve whichever studies there are.
    const needed = first === 'blocks' || first === 'prepared' ? anyRuns : open.has(`${first}/${second}`);
    if (needed) return [];
    return [
      {
        what: `jobs of ${site}`,
        ok: false,
        found: `${id} (${name}, ${path}) belongs to no running trial of this ledger`,
        hint: `if no other installation of yours uses it: qdel ${id}`,
      },
    ];
  });
}
