import type { Session } from '../../src/client/session';
import { Installation } from '../support/installation';
import { requestSuite } from '../support/request-suite';

let installation: Installation;
let session: Session;
beforeAll(async () => {
  installation = new Installation({ slots: 16 });
  await installation.must('up');
  session = await installation.session();
});
afterAll(async () => {
  await session.close();
  await installation.must('down');
  await installation.destroy();
});

requestSuite(() => ({ installation, session }));
