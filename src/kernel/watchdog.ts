/**
 * ipykernel 7.0–7.3.0 can leave a shell request unread for good, looking idle and healthy
 * (ipykernel#1554); a fresh connection to its shell port wakes it within 15 ms (measured).
 */
import { pause } from '../system/clock.ts';
import type { KernelClient } from './client.ts';
import type { Endpoint } from './zmtp/endpoint.ts';
import { Link } from './zmtp/link.ts';

const SILENT_MS = 500;
const CONTROL_MS = 1_000;
const KNOCK_MS = 250;
const LONGEST_WAIT_MS = 10_000;

export interface Watched {
  /** The kernel has said something about the request, or it was answered. */
  readonly stirred: () => boolean;
  readonly over: () => boolean;
  /** Somebody else's cell runs: silence is only waiting. */
  readonly busyForOthers: () => boolean;
}

export async function watchOver(client: KernelClient, shell: Endpoint, watched: Watched): Promise<number> {
  let knocks = 0;
  let wait = SILENT_MS;
  for (;;) {
    await pause(wait);
    if (watched.over() || watched.stirred()) return knocks;
    if (watched.busyForOthers() || !client.isUp('shell')) continue;
    const { answer } = client.ask({ channel: 'control', type: 'kernel_info_request', withinMs: CONTROL_MS });
    const answered = (await answer).kind === 'reply';
    if (watched.over() || watched.stirred()) return knocks;
    if (!answered) continue;
    await knock(shell);
    knocks += 1;
    wait = Math.min(LONGEST_WAIT_MS, wait * 2);
  }
}

/** Opens a connection to the shell port and closes it. */
async function knock(endpoint: Endpoint): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const link = new Link(
    { endpoint, type: 'DEALER', identity: () => '' },
    { up: resolve, down: () => resolve(), message: () => undefined },
  );
  await Promise.race([promise, pause(KNOCK_MS)]);
  link.close();
}
