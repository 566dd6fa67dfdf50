/**
 * `ipc watch --format line`, the monitor of a client program: each line wakes its idle session. It ends
 * with the session (killed, or its stdout closed) and outlives every daemon.
 */
import { runMonitor } from '../doors/monitor.ts';
import type { Input } from '../protocol/operations.ts';
import { clientSession } from '../system/clients.ts';
import { pause } from '../system/clock.ts';
import { identify } from '../system/identity.ts';
import { untilGone } from '../system/processes.ts';
import type { Call } from './call.ts';
import { interruptible } from './interrupt.ts';
import { openSession } from './session.ts';

/** The client starts us beside its server and its first hook; one of those names the session. */
const NAMING_MS = 5_000;
const LOOK_MS = 50;

export async function monitor(call: Call, input: Partial<Input<'watch'>>): Promise<number> {
  using interrupt = interruptible();
  const ended = new AbortController();
  interrupt.signal.addEventListener('abort', () => ended.abort());
  const { signal } = ended;
  const client = clientSession(call.world.environment)?.process;
  if (client !== undefined) void untilGone(client, ended);
  const acting = { told: call.as };
  await untilNamed(call, acting);
  await using session = await openSession(call.world, {
    ...acting,
    stays: true,
    say: call.output.say,
    meanwhile: () => undefined,
  });
  await runMonitor(session, { input, write: (text) => call.output.write(text), signal });
  return interrupt.signal.aborted ? 130 : 0;
}

async function untilNamed({ world }: Call, acting: { told: string | undefined }): Promise<void> {
  const { environment, paths } = world;
  if (clientSession(environment) === undefined) return;
  const end = performance.now() + NAMING_MS;
  while (performance.now() < end) {
    const { how, name } = identify(paths, environment, acting);
    if (how === 'session' && name !== undefined) return;
    await pause(LOOK_MS);
  }
}
