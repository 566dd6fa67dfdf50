/** What runs beside a session that lasts, as long as it does: notices for the person, Codex's queue. */
import type { QueueSession } from '../doors/codex/queue.ts';
import { platformOf, runNotifier } from '../doors/notice/notifier.ts';
import { readConfig } from '../system/config.ts';
import { clientProcess } from '../system/clients.ts';
import { systemProcesses } from '../system/processes.ts';
import type { Operations } from '../protocol/operations.ts';
import type { Call } from './call.ts';

export interface Accompanied {
  readonly operations: Operations;
  readonly reader: string;
  readonly name: string;
  /** The agent program, as the session calls it. */
  readonly client: string;
  /** The id of the client's session, as far as it is known. */
  session(): string | undefined;
}

interface Companionship {
  /** The session as it is now. */
  readonly held: () => Promise<Accompanied>;
  readonly signal: AbortSignal;
}

export async function startCompanions(
  call: Pick<Call, 'world' | 'output'>,
  { held, signal }: Companionship,
): Promise<void> {
  const { operations, client } = await held();
  notices(call, { operations, signal });
  if (client === 'codex') await queue(call, { held, signal });
}

function notices(
  { world, output }: Pick<Call, 'world' | 'output'>,
  { operations, signal }: { operations: Pick<Operations, 'notices' | 'noticed'>; signal: AbortSignal },
): void {
  const { environment, paths } = world;
  if (platformOf(environment) === undefined) return;
  let config = readConfig(paths, environment);
  const sound = (): string | undefined => {
    try {
      config = readConfig(paths, environment);
    } catch {
      // As it was when it could be read.
    }
    return config['notify.enabled'] === 'off' ? undefined : config['notify.sound'];
  };
  void runNotifier({ operations, environment, sound, say: output.say, signal });
}

async function queue(
  { world, output }: Pick<Call, 'world' | 'output'>,
  { held, signal }: Companionship,
): Promise<void> {
  const { environment } = world;
  const codex = clientProcess(environment.parentPid);
  if (codex === undefined) return;
  const [{ runCodexQueue }, { queueInCodex }] = await Promise.all([
    import('../doors/codex/queue.ts'),
    import('../doors/codex/program.ts'),
  ]);
  const session = async (): Promise<QueueSession> => {
    const { operations, reader, name, session: served } = await held();
    const thread = systemProcesses.alive(codex) ? served() : undefined;
    return { operations, reader, name, thread };
  };
  void runCodexQueue({
    session,
    queue: (thread, text) => queueInCodex(environment, { codex: codex.pid, thread, text }),
    say: output.say,
    signal,
  });
}
