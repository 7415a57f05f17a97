import type { Session } from '../../src/client/session';
import { Installation } from './installation';
import { WorkerProcess } from './worker-process';

/** An installation whose workers its tests start themselves, each as a host of its own. */
export class OwnWorkers {
  private readonly started: WorkerProcess[] = [];

  private constructor(
    readonly installation: Installation,
    readonly session: Session,
  ) {}

  static async begin(): Promise<OwnWorkers> {
    const installation = new Installation();
    await installation.must('up');
    await installation.kill('worker');
    return new OwnWorkers(installation, await installation.session());
  }

  async start(host: string, slots: number, options: readonly string[] = []): Promise<WorkerProcess> {
    const worker = await WorkerProcess.start(this.installation, host, slots, options);
    this.started.push(worker);
    return worker;
  }

  /** All of it ends, the workers by SIGKILL. */
  async destroy(): Promise<void> {
    await this.session.close();
    for (const worker of this.started) await worker.kill();
    await this.installation.must('down');
    await this.installation.destroy();
  }
}
