import type { GlobusChallenge } from '../authorization';

/** How many refused tokens are remembered: answers to requests that were under way may come late. */
const most = 20;

/**
 * The tokens that the service did not take, by digest. One that it wants nothing particular for may merely have been revoked, and
 * renewing it helps; not so where it asks for a session or a consent, or where the renewed one is refused as well.
 */
export class Refusals {
  private readonly known = new Map<string, GlobusChallenge & { readonly final: boolean }>();
  private renewed: string | null = null;

  add(token: string, challenge: GlobusChallenge): void {
    if (this.known.has(token)) return;
    const final = challenge.parameters !== null || token === this.renewed;
    this.known.set(token, { ...challenge, final });
    const [oldest] = this.known.keys();
    if (this.known.size > most && oldest !== undefined) this.known.delete(oldest);
  }

  of(token: string): (GlobusChallenge & { readonly final: boolean }) | undefined {
    return this.known.get(token);
  }

  /** This token took the place of one that was refused. */
  renewedAs(token: string): void {
    this.renewed = token;
  }
}
