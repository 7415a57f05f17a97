import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Installation } from '../installation';
import { Broker } from './broker';
import { ComputeService } from './compute-service';
import { RealEndpoint, type EndpointOptions } from './real-endpoint';

/** An installation with the real daemon behind each of its sites of Globus Compute, all at one service of the tests' own. */
export class GlobusCluster {
  /** Where the sites' working directories are. */
  readonly folder = mkdtempSync(join(tmpdir(), 'perdure-globus-cluster-'));
  readonly installation: Installation;

  private constructor(
    readonly service: ComputeService,
    readonly endpoints: Readonly<Record<string, RealEndpoint>>,
    private readonly ownBroker: Broker | null,
    more: Readonly<Record<string, unknown>>,
    settings: Readonly<Record<string, unknown>>,
  ) {
    const client = service.auth.register('confidential', { identity: service.auth.user });
    // Workers inherit it.
    process.env[this.secretVariable] = client.secret ?? '';
    const sites = Object.entries(endpoints).map(([name, { id }]) => [
      name,
      {
        scheduler: 'globus_compute',
        endpoint_id: id,
        auth_method: 'client_credentials',
        client_id: client.id,
        client_secret_env: this.secretVariable,
        service_url: service.url,
        auth_url: service.url,
        working_dir: join(this.folder, name),
        ...settings,
      },
    ]);
    this.installation = new Installation({ sites: { ...more, ...(Object.fromEntries(sites) as object) } });
  }

  /** @param options of each endpoint by its site's name */
  static async start({
    options,
    sites = {},
    settings = {},
    broker = null,
  }: {
    readonly options: Readonly<Record<string, EndpointOptions>>;
    /** Others beside them, as in a settings file. */
    readonly sites?: Readonly<Record<string, unknown>>;
    /** For each site of Globus Compute. */
    readonly settings?: Readonly<Record<string, unknown>>;
    /** To be killed; it ends with the cluster. */
    readonly broker?: Broker | null;
  }): Promise<GlobusCluster> {
    const service = await ComputeService.start({ broker: broker ?? (await Broker.shared()) });
    const started = await Promise.all(
      Object.entries(options).map(
        async ([name, one]) => [name, await RealEndpoint.start(service, one)] as const,
      ),
    );
    return new GlobusCluster(service, Object.fromEntries(started), broker, sites, settings);
  }

  /** The endpoint of this site. */
  endpoint(site: string): RealEndpoint {
    const found = this.endpoints[site];
    if (found === undefined) throw new Error(`no endpoint for ${site}`);
    return found;
  }

  /**
   * Files of the installation and of the sites that hold a token, a code or a password, and histories that do.
   * Its own store of logins may.
   */
  async leaks(workflowIds: readonly string[] = []): Promise<readonly string[]> {
    const secrets = [...this.service.auth.secrets, this.service.broker?.password ?? ''].filter(
      (one) => one !== '',
    );
    const holds = (text: string): boolean => secrets.some((secret) => text.includes(secret));
    const folders = [this.installation.folder, this.folder];
    const files = folders.flatMap((folder) =>
      readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
    );
    const leaking = files.filter((path) => {
      try {
        return (
          !path.includes('/home/globus/') && statSync(path).isFile() && holds(readFileSync(path, 'latin1'))
        );
      } catch {
        // A socket, or gone meanwhile.
        return false;
      }
    });
    if (workflowIds.length === 0) return leaking;
    const session = await this.installation.session();
    try {
      const { workflow } = await session.client();
      const histories = await Promise.all(
        workflowIds.map(async (id) => {
          const history = await workflow.getHandle(id).fetchHistory();
          return textsIn(history).some(holds) ? [`the history of ${id}`] : [];
        }),
      );
      return [...leaking, ...histories.flat()];
    } finally {
      await session.close();
    }
  }

  async destroy(): Promise<void> {
    await this.installation.destroy();
    await Promise.all(Object.values(this.endpoints).map((one) => one.stop()));
    await this.service.stop();
    await this.ownBroker?.stop();
    Reflect.deleteProperty(process.env, this.secretVariable);
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }

  private get secretVariable(): string {
    return `GLOBUS_TEST_SECRET_${this.folder.slice(-6)}`;
  }
}

/** Every text in a history, those in its payloads too. */
function textsIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (value instanceof Uint8Array) return [Buffer.from(value).toString('latin1')];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(textsIn);
}
