import { PerdureError } from '../../study/error';
import { objectOf } from '../../study/json';
import { largest } from '../../study/lists';
import { HealthClock, type SiteHealth } from '../../study/site-health';
import type { GlobusClient } from './globus-client';
import type { EndpointStatus } from './wire';

/** How long what the service said of the endpoint is good for, and how long whoever asks waits for it (milliseconds). */
const fresh = 30_000;
/** The same while a login is needed, which is known without the service (milliseconds). */
const freshLogin = 2000;
const patience = 2000;

/** Tells how an endpoint is: as the service says, asked now and then, and as our own tasks met with it. */
export class GlobusHealth {
  private readonly clock = new HealthClock();
  private said: EndpointStatus | PerdureError | null = null;
  private askedAt = -Infinity;
  private asking: Promise<void> | undefined;
  /** When the endpoint's processes were heard of last; `null`: nobody says. */
  private heardAt: Date | null = null;
  private tellsHeartbeats = true;
  private isAway = false;
  private cameBackAt = 0;

  constructor(
    private readonly client: Pick<GlobusClient, 'endpointStatus' | 'endpointConsole'>,
    private readonly endpointId: string,
  ) {}

  /**
   * What the service says of the endpoint, as of lately.
   * @returns `null` where it has not said anything yet
   */
  async status(): Promise<EndpointStatus | PerdureError | null> {
    if (performance.now() - this.askedAt > (needsLogin(this.said) ? freshLogin : fresh)) {
      this.asking ??= this.ask().finally(() => {
        this.asking = undefined;
      });
    }
    const { asking } = this;
    if (asking !== undefined) {
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(late.resolve, patience);
      await Promise.race([asking, late.promise]);
      clearTimeout(timer);
    }
    return this.said;
  }

  /** When the service said last how it is (by `performance.now`). */
  get saidAt(): number {
    return this.askedAt;
  }

  /** Whether the endpoint was not online when the service said last how it is. */
  get away(): boolean {
    return this.isAway;
  }

  /** When it was first seen online after it was away (milliseconds since the epoch); 0: it never was. */
  get backAt(): number {
    return this.cameBackAt;
  }

  /** @param outage why our tasks can't be asked for; `null`: they can */
  async tell(
    outage: PerdureError | null,
    counts: { readonly queued: number; readonly running: number },
  ): Promise<SiteHealth> {
    const said = await this.status();
    const trouble = outage ?? (said instanceof PerdureError ? said : null);
    if (trouble !== null) {
      const state = needsLogin(trouble) ? 'login' : 'down';
      return this.clock.stamp({ state, reason: trouble.text, free: 0, ...counts });
    }
    if (said === null || said instanceof PerdureError) {
      const reason = 'Globus Compute has not answered yet';
      return this.clock.stamp({ state: 'degraded', reason, free: null, ...counts });
    }
    const heard = this.heardAt === null ? {} : { heardAt: this.heardAt.toISOString() };
    if (said.status === 'online')
      return this.clock.stamp({ state: 'ok', reason: '', free: null, ...counts, ...heard });
    return this.clock.stamp({ state: 'down', reason: inWords(said), free: 0, ...counts, ...heard });
  }

  private async ask(): Promise<void> {
    try {
      this.said = await this.client.endpointStatus(this.endpointId);
    } catch (error) {
      if (!(error instanceof PerdureError)) throw error;
      this.said = error;
    }
    this.askedAt = performance.now();
    if (!(this.said instanceof PerdureError)) {
      const away = this.said.status !== 'online';
      if (this.isAway && !away) this.cameBackAt = Date.now();
      this.isAway = away;
    }
    await this.askForHeartbeats();
  }

  private async askForHeartbeats(): Promise<void> {
    if (!this.tellsHeartbeats || this.said === null || this.said instanceof PerdureError) return;
    try {
      const { user_endpoints: processes } = await this.client.endpointConsole(this.endpointId);
      const beats = processes.map((one) => objectOf(one)?.['last_heartbeat_unix'] ?? null);
      const last = largest([0, ...beats.filter((at) => typeof at === 'number')]);
      this.heardAt = last > 0 ? new Date(1000 * last) : null;
    } catch (error) {
      if (!(error instanceof PerdureError)) throw error;
      this.heardAt = null;
      // Who is refused once is not the owner, or has no subscription.
      this.tellsHeartbeats = error.kind === 'Unavailable';
    }
  }
}

function needsLogin(said: EndpointStatus | PerdureError | null): boolean {
  return said instanceof PerdureError && said.kind === 'LoginRequired';
}

/** An endpoint's state, and what to do about it. */
export function inWords({ status, details }: EndpointStatus): string {
  if (status !== 'online') {
    return `the endpoint is ${status}; on its machine: globus-compute-endpoint start NAME`;
  }
  if (details === undefined) return 'the endpoint is online';
  const { idle_workers, total_workers, pending_tasks } = details;
  const waiting = pending_tasks === undefined ? '' : `, ${String(pending_tasks)} tasks wait`;
  return `the endpoint is online: ${String(idle_workers)} of ${String(total_workers)} workers are free${waiting}`;
}
