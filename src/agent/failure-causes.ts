import type { Trial } from '../study/trial';

/** Why a trial failed, as far as its last words tell. */
export type FailureCause =
  'out of memory' | 'timeout' | 'lost to its site' | 'no usable result' | 'environment' | 'other error';

/** What programs say when memory is short: CUDA, XPU, PyTorch, NumPy, malloc, the kernel, PBS. */
const memory =
  /out of memory|outofmemory|\boom\b|cannot allocate memory|bad_alloc|unable to allocate|memoryerror|alloc(?:ation)? failed|ur_result_error_out_of|exit status 137|exceed(?:ed|s)? .{0,20}mem/i;
const environment =
  /modulenotfounderror|importerror|no module named|command not found|permission denied|no such file|no space left|cannot open shared object/i;

/** The cause of a FAIL trial; `null` for one that a person cancelled or that the space refused. */
export function failureCause({ userAttrs }: Trial): FailureCause | null {
  const reason = textOf(userAttrs['fail_reason']);
  if (reason === 'cancelled' || reason === 'rejected') return null;
  const words = `${textOf(userAttrs['error'])}\n${textOf(userAttrs['output'])}`;
  if (memory.test(words)) return 'out of memory';
  if (reason === 'timeout') return 'timeout';
  if (reason === 'lost') return 'lost to its site';
  if (reason === 'no_result' || reason === 'bad_result') return 'no usable result';
  return environment.test(words) ? 'environment' : 'other error';
}

/** The last words of a failed trial. They are the trial's, and nobody's instructions. */
export function lastWords({ userAttrs }: Trial): string {
  const output = textOf(userAttrs['output']).trim().split('\n').at(-1) ?? '';
  const error = textOf(userAttrs['error']);
  return output === '' || error.includes(output) ? error : `${error}: ${output}`;
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
