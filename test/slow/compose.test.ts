import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { postgresAvailable } from '../support/postgres';
import { readEnvironment, readServices } from '../support/compose/compose-file';
import { Composition, namespacesAvailable } from '../support/compose/composition';
import { buildTemporal, goAvailable, type TemporalBuild } from '../support/compose/temporal-build';

/*
 * docker-compose.yml without Docker: each service's environment, volumes, command and health check as the file gives them, the Temporal
 * server of its version built from source, started by its image's own entrypoint. Where an image can't be had, the test does what the
 * image is documented to do (PostgreSQL's entrypoint; Alpine's shell and nc). Temporal UI is left out.
 */

const root = resolve(__dirname, '..', '..');
const file = join(root, 'docker-compose.yml');
const env = readEnvironment(join(root, '.env.example'));

const missing = [
  namespacesAvailable() ? [] : ['root, unshare, nsenter and ip'],
  goAvailable() ? [] : ['Go'],
  postgresAvailable() ? [] : ['PostgreSQL'],
].flat();
const available = missing.length === 0;

(available ? describe : describe.skip)(
  available ? 'docker-compose.yml' : `skipped: needs ${missing.join(', ')}`,
  () => {
    let temporal: TemporalBuild;
    let composition: Composition;
    const figures: string[] = [];
    const say = (what: string, seconds: number): unknown => figures.push(`${what} ${seconds.toFixed(1)} s`);

    beforeAll(async () => {
      const { image = '' } = readServices(file, env)['temporal'] ?? {};
      temporal = buildTemporal(image.split(':')[1] ?? '');
      if (temporal.seconds === null) figures.push('Temporal was in the cache');
      else say('building Temporal:', temporal.seconds);
      composition = new Composition(file, env, temporal);
      const began = performance.now();
      await composition.up('worker');
      say('up, to a worker that starts:', (performance.now() - began) / 1000);
    }, 3_600_000);

    afterAll(async () => {
      process.stderr.write(`compose: ${figures.join('; ')}\n`);
      await composition.down();
    });

    test('runs a study on its worker', async () => {
      const began = performance.now();
      const run = ['perdure', 'run', 'config/studies/command.yaml'];
      const { status, output } = await composition.exec('worker', run);
      expect(output).toMatch(/study 'command' is complete/);
      expect(status).toBe(0);
      say('a study of config/studies/command.yaml:', (performance.now() - began) / 1000);
    });

    test('has a database role for Temporal and one for the ledger, which reach nothing else', async () => {
      const sql = async (role: string, database: string, query: string): Promise<string> => {
        const { [`${role.toUpperCase()}_DB_PASSWORD`]: password = '' } = env;
        const psql = ['psql', '-h', 'postgresql', '-U', role, '-d', database, '-Atc', query];
        const words = ['env', `PGPASSWORD=${password}`, ...psql];
        return (await composition.exec('worker', words)).output.trim();
      };
      const powers =
        'SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls FROM pg_roles';
      for (const role of ['temporal', 'ledger'])
        expect(await sql(role, role, `${powers} WHERE rolname = current_user`)).toBe('f|f|f|f|f');
      expect(await sql('ledger', 'ledger', 'SELECT count(*) FROM studies')).toBe('1');
      for (const [role, database] of [
        ...[['ledger', 'temporal'] as const, ['ledger', 'temporal_visibility'] as const],
        ...[['temporal', 'ledger'] as const, ['ledger', 'postgres'] as const],
      ])
        expect(await sql(role, database, 'SELECT 1')).toContain('permission denied for database');
    });

    test('gives each service only the passwords that it needs', () => {
      const passwords = Object.entries(composition.services).map(([name, { environment = {} }]) => {
        const values = Object.values(environment);
        return [name, Object.keys(env).filter((variable) => values.includes(env[variable] ?? ''))] as const;
      });
      expect(Object.fromEntries(passwords.filter(([, variables]) => variables.length > 0))).toEqual({
        postgresql: ['POSTGRES_PASSWORD', 'TEMPORAL_DB_PASSWORD', 'LEDGER_DB_PASSWORD'],
        'temporal-schema': ['TEMPORAL_DB_PASSWORD'],
        temporal: ['TEMPORAL_DB_PASSWORD'],
        worker: ['LEDGER_DB_PASSWORD'],
      });
    });

    test('has a dynamic configuration that this version of the server knows', async () => {
      const path = composition.services['temporal']?.environment?.['DYNAMIC_CONFIG_FILE_PATH'] ?? '';
      const { status, output } = await composition.exec('temporal', [
        'temporal-server',
        'validate-dynamic-config',
        path,
      ]);
      expect({ status, output }).toEqual({
        status: 0,
        output: expect.not.stringMatching(/warning|error/) as string,
      });
      const source = join(root, 'docker', 'temporal-dynamic-config.yaml');
      expect(parse(readFileSync(source, 'utf8'))).toMatchObject({
        'history.transferProcessorMaxPollRPS': [{ value: 200 }],
      });
    });

    test('comes up again on databases that are there', async () => {
      for (const service of ['temporal-schema', 'temporal-namespace'])
        expect(await composition.runAgain(service)).toMatchObject({ status: 0 });
    });
  },
);
