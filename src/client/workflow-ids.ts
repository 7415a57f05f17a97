import { createHash } from 'node:crypto';
import { reservedForms } from '../jobs/workflow-ids';

/**
 * The databases under a Temporal server hold 255 characters (its schema for PostgreSQL and MySQL); a trial's id is this one
 * with `/NUMBER` at its end.
 */
const longest = 200;

/**
 * Workflow id of a study: `perdure/NAME`; a very long name is cut, and a hash keeps it apart from others, as it does with a
 * name that looks like the id of a job or of another study's trial.
 */
export function studyWorkflowId(name: string): string {
  const id = `perdure/${name}`;
  if (Buffer.byteLength(id) <= longest && !reservedForms.test(name)) return id;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 16);
  let cut = id.slice(0, longest);
  while (Buffer.byteLength(cut) > longest - 17) cut = cut.slice(0, -1);
  // Half of a surrogate pair is no text.
  if (/[\ud800-\udbff]$/.test(cut)) cut = cut.slice(0, -1);
  return `${cut}~${hash}`;
}
