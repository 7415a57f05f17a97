import type { Session } from './session';

/** Studies that are asked for at once. Each takes a few questions to the ledger and one or two to Temporal. */
const atOnce = 8;

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
  // One iterator that all share: each takes the next study when it has the status of its last one.
  const next = names.entries();
  const ask = async (): Promise<void> => {
    for (const [i, name] of next) found[i] = await handleOf(name).status();
  };
  await Promise.all(Array.from({ length: atOnce }, ask));
  return found;
}
