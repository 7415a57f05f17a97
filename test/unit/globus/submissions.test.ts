import { GlobusClient } from '../../../src/schedulers/globus/globus-client';
import type { GlobusSite } from '../../../src/schedulers/globus';
import type { GlobusJournal } from '../../../src/schedulers/globus/journal';
import { PerdureError } from '../../../src/study/error';
import { Submissions } from '../../../src/schedulers/globus/submissions';

const site: GlobusSite = {
  site: 'far',
  endpointId: '00000000-0000-0000-0000-000000000000',
  serviceUrl: 'http://127.0.0.1:9',
  functionTimeout: 1000,
  maxRetries: 0,
  userEndpointConfig: {},
  resourceSpecification: null,
  workingDir: '/work',
  workerInit: '',
};
const task = { payload: 'x', resources: null };

/** A journal that can be closed; using it later is an error that no caller expects. */
class Journal {
  private readonly asked = Promise.withResolvers<void>();
  private readonly answer = Promise.withResolvers<void>();
  closed = false;
  readonly used: string[] = [];

  async taskGroups(): Promise<readonly string[]> {
    this.used.push('taskGroups');
    this.asked.resolve();
    await this.answer.promise;
    if (this.closed) throw new Error('driver has already been destroyed');
    return [];
  }

  findFunction(): Promise<string | null> {
    this.used.push('findFunction');
    if (this.closed) return Promise.reject(new Error('driver has already been destroyed'));
    return Promise.resolve('known');
  }

  get whenAsked(): Promise<void> {
    return this.asked.promise;
  }

  go(): void {
    this.answer.resolve();
  }
}

function submissions(journal: Journal, gather: number): Submissions {
  const authorization = { accessToken: () => Promise.resolve('t'), refused: () => Promise.resolve() };
  const client = new GlobusClient({ site: 'far', serviceUrl: site.serviceUrl, authorization });
  client.close();
  return new Submissions(
    site,
    client,
    journal as unknown as GlobusJournal,
    { name: 'f', text: 'def f(): pass' },
    gather,
  );
}

test('what waits to be sent is refused when it is closed, and the journal is left alone', async () => {
  const journal = new Journal();
  const made = submissions(journal, 60_000);
  const refused = expect(made.submit(task)).rejects.toMatchObject({ kind: 'Unavailable' });
  await made.close();
  await refused;
  await expect(made.submit(task)).rejects.toThrow('the worker ends');
  expect(journal.used).toEqual([]);
});

test('closing waits for what is under way', async () => {
  const journal = new Journal();
  const made = submissions(journal, 0);
  const failed = expect(made.submit(task)).rejects.toMatchObject({ name: 'PerdureError' });
  await journal.whenAsked;
  const closed = made.close().then(() => {
    journal.closed = true;
  });
  journal.go();
  await closed;
  await failed;
  expect(journal.used).toEqual(['taskGroups', 'findFunction']);
});

test('where the function can not be registered, nothing was submitted for certain', async () => {
  const away = new PerdureError('Unavailable', 'Globus Compute does not answer');
  const journal = { taskGroups: () => Promise.resolve([]), findFunction: () => Promise.reject(away) };
  const sending = submissions(journal as unknown as Journal, 0).submit(task);
  await expect(sending).rejects.toMatchObject({ kind: 'Unavailable', nothingDone: true });
});
