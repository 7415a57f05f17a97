import { messageOf, PerdureError } from '../study/error';

/** The result of one check of `perdure doctor`. */
export interface Finding {
  readonly what: string;
  readonly ok: boolean;
  readonly found: string;
  readonly hint?: string;
  /** `true`: Temporal can't be reached. */
  readonly temporal?: boolean;
}

/** Runs a check; an error becomes a failed finding. @param hint used if the error has none */
export async function look(what: string, work: () => Promise<string>, hint?: string): Promise<Finding> {
  try {
    return { what, ok: true, found: await work() };
  } catch (error) {
    const found = failure(what, error);
    return { ...found, hint: found.hint ?? hint };
  }
}

/** A failed finding. */
export function failure(what: string, error: unknown): Finding {
  if (error instanceof PerdureError) return { what, ok: false, found: error.message, hint: error.hint };
  return { what, ok: false, found: messageOf(error) };
}
