import { z } from 'zod';

/*
 * Text that goes to PBS as it is. It has to be harmless in a shell, in a #PBS line and in the JSON of those versions of qstat
 * that do not escape what they print: so it is safe by what may be in it, and never by quoting.
 */

function word(pattern: RegExp, allowed: string): z.ZodString {
  return z.string().regex(pattern, allowed);
}

export const accountText = word(
  /^[A-Za-z0-9_][A-Za-z0-9_.:+-]*$/,
  'use letters, digits and . _ - : + only, and no dash in front',
);

export const queueText = word(
  /^[A-Za-z0-9_][A-Za-z0-9_.-]*(@[A-Za-z0-9_][A-Za-z0-9_.-]*)?$/,
  'use letters, digits and . _ - only, and no dash in front; QUEUE or QUEUE@SERVER',
);

export const filesystemsText = word(
  /^[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)*$/,
  'use names of letters, digits and . _ - with colons between them',
);

// A comma would begin another resource of `-l`.
const value = '[A-Za-z0-9_][A-Za-z0-9_.-]*';
const resource = `[A-Za-z][A-Za-z0-9_]*=${value}`;
const chunk = `([1-9][0-9]*(:${resource})*|${resource}(:${resource})*)`;

export const selectText = word(
  new RegExp(`^${chunk}(\\+${chunk})*$`),
  "write a number of chunks, or 'select' as PBS has it: 2:ncpus=64:system=big+1:ncpus=8, without 'place'",
);

const ownFlags: Readonly<Record<string, string>> = {
  N: 'the name of the job is how it is found again',
  o: "the job's output goes where Perdure reads it",
  e: "the job's output goes where Perdure reads it",
  j: "the job's output goes where Perdure reads it",
  k: "the job's output goes where Perdure reads it",
  r: 'a job that PBS runs again would be two',
  J: 'an array is many jobs',
  S: 'its script is for bash',
  I: 'nobody sits before the job',
  z: "it hides the job's id",
  C: 'it changes what PBS takes for a directive',
  V: 'some versions of PBS print broken JSON for a job that has it; use worker_init',
};

/** One option of `qsub`, or several, as they stand behind `#PBS`. */
export const directiveText = z.string().superRefine((text, context) => {
  const message = directiveProblem(text);
  if (message !== undefined) context.addIssue({ code: 'custom', message });
});

function directiveProblem(text: string): string | undefined {
  if (/[^\P{Cc}\t]/u.test(text)) return 'a directive is one line; write the next one as an entry of its own';
  if (/^#\s*PBS\b/.test(text)) return "leave out '#PBS', and begin with the option";
  if (!/^-[A-Za-z]/.test(text)) return 'a directive begins with an option, as -l';
  if (/^-W\s*(.*,)?block=/.test(text)) return "qsub would wait for the job's end: leave out 'block'";
  // An option's letter counts, wherever in the line, but not what stands in quotes.
  for (const part of text.replace(/"[^"]*"|'[^']*'/g, '""').split(/\s+/)) {
    const flag = /^-([A-Za-z])/.exec(part)?.[1] ?? '';
    const reason = Object.hasOwn(ownFlags, flag) ? ownFlags[flag] : undefined;
    if (reason !== undefined) return `-${flag} is not yours to set: ${reason}`;
  }
  return undefined;
}
