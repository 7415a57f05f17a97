import type { Settings } from '../config/settings';
import { embeddedServer } from './embedded-server';

/** The page of a workflow in the embedded server's UI; `null` for a server of the user's own, whose UI may be anywhere. */
export function workflowPage({ temporal, home }: Settings, workflowId: string): string | null {
  const server = temporal.kind === 'embedded' ? embeddedServer(home) : null;
  return server === null
    ? null
    : `${server.ui}/namespaces/default/workflows/${encodeURIComponent(workflowId)}`;
}
