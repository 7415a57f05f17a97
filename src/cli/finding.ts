import { messageOf, PerdureError } from '../study/error';

/** One thing that `perdure doctor` looked at. */
export interface Finding {
  readonly what: string;
  readonly ok: boolean;
  readonly found: string;
  readonly hint?: string;
  /** It is Temporal that can't be reached. */
  readonly temporal?: boolean;
}

/** A finding of something that works, or why it does not. @param hint where the error has none */
export async function look(what: string, work: () => Promise<string>, hint?: string): Promise<Finding> {
  try {
    return { what, ok: true, found: await work() };
  } catch (error) {
    const found = failure(what, error);
    return { ...found, hint: found.hint ?? hint };
  }
}

/** A finding of an error. */
export function failure(what: string, error: unknown): Finding {
  if (error instanceof PerdureError) return { what, ok: false, found: error.message, hint: error.hint };
  return { what, ok: false, found: messageOf(error) };
}
