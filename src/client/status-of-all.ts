import type { Session } from './session';

/** How many studies are read at once. Each takes a few queries to the ledger and one or two requests to Temporal. */
const maxConcurrent = 8;

/**
 * The status of every study of the ledger, in the ledger's order.
 * @throws {@link PerdureError} `Unavailable` where Temporal does not answer
 */
export async function statusOfAll<Status>(
  session: Session,
  handleOf: (name: string) => { readonly status: () => Promise<Status> },
): Promise<readonly Status[]> {
  const names = (await session.ledger.listStudies()).map(({ name }) => name);
  const found: Status[] = [];
  // All loops share one iterator: each takes the next study when it has finished one.
  const next = names.entries();
  const readNext = async (): Promise<void> => {
    for (const [i, name] of next) found[i] = await handleOf(name).status();
  };
  await Promise.all(Array.from({ length: maxConcurrent }, readNext));
  return found;
}
