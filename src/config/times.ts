import { z } from 'zod';
import { messageOf, PerdureError } from '../study/error';
import { valueOf } from './user-directory';

/** Waits of the running program, in milliseconds. Tests shorten them; see CONTRIBUTING.md. */
export interface Times {
  /**
   * The workflow task timeout of every workflow; child workflows and continued runs inherit it. A replay is one workflow task; on a busy
   * machine it may never finish within Temporal's default of 10 s. A workflow also waits so long for a worker that may be gone for good.
   */
  readonly workflowTaskTimeout: number;
  /** How often a continued study checks whether the workflow of an adopted trial has closed. */
  readonly watchInterval: number;
}

export const defaultTimes: Times = {
  workflowTaskTimeout: 60_000,
  watchInterval: 20_000,
};

/** The environment variable with other times, as JSON. Only tests set it. */
export const timesVariable = 'PERDURE_TEST_TIMES';

const milliseconds = z.int().min(1).optional();
const schema = z.strictObject({
  workflowTaskTimeout: milliseconds,
  watchInterval: milliseconds,
} satisfies Record<keyof Times, typeof milliseconds>);

/**
 * The default times, except for those that `PERDURE_TEST_TIMES` replaces.
 * @throws {@link PerdureError} `InvalidInput` if the variable is not JSON, or has an unknown key or a time below 1 ms
 */
export function timesOf(env: NodeJS.ProcessEnv): Times {
  const text = valueOf(env, timesVariable);
  if (text === undefined) return defaultTimes;
  try {
    return { ...defaultTimes, ...schema.parse(JSON.parse(text)) };
  } catch (cause) {
    const reason = cause instanceof z.ZodError ? z.prettifyError(cause) : messageOf(cause);
    throw new PerdureError('InvalidInput', `this is not a JSON object of times: ${reason}`, {
      where: timesVariable,
      hint: `unset ${timesVariable}; only Perdure's own tests set it`,
      cause,
    });
  }
}
