/** What a shell beside a client's session does and sees: who is here, a message sent, what became of it. */
import { eventually, type Machine } from '../e2e/machine.ts';

interface Listed {
  readonly agents: readonly {
    readonly name: string;
    readonly kind: string;
    readonly presence: string;
    readonly doors: readonly string[];
    readonly sessions: readonly { readonly pid?: number; readonly doors: readonly string[] }[];
  }[];
}

interface Shown {
  readonly messages: readonly {
    readonly receipts: readonly {
      readonly state: string;
      readonly door?: string;
      readonly offeredBy?: readonly string[];
    }[];
  }[];
}

/** Waits for an agent that keeps these doors open; returns its name. */
export async function online(machine: Machine, ...doors: readonly string[]): Promise<string> {
  return eventually(async () => {
    const { agents } = await machine.json<Listed>(['who']);
    return agents.find((agent) => agent.kind === 'agent' && doors.every((door) => agent.doors.includes(door)))
      ?.name;
  }, 20_000);
}

/** Waits until its turn is over: the hook that a client runs then has said so. */
export async function idle(machine: Machine, name: string): Promise<void> {
  await eventually(async () => {
    const { agents } = await machine.json<Listed>(['who']);
    return agents.find((agent) => agent.name === name)?.presence === 'idle' ? true : undefined;
  });
}

/** Waits until nothing acts for it any more. */
export async function offline(machine: Machine, name: string): Promise<void> {
  await eventually(async () => {
    const { agents } = await machine.json<Listed>(['who', '--all']);
    const sessions = agents.find((agent) => agent.name === name)?.sessions ?? [];
    return sessions.length === 0 ? true : undefined;
  });
}

/** The process that keeps a door open. */
export async function keeperOf(machine: Machine, name: string, door: string): Promise<number> {
  const { agents } = await machine.json<Listed>(['who']);
  const sessions = agents.find((agent) => agent.name === name)?.sessions ?? [];
  const pid = sessions.find((session) => session.doors.includes(door))?.pid;
  if (pid === undefined)
    throw new Error(`no process keeps ${door} of ${name} open: ${JSON.stringify(agents)}`);
  return pid;
}

/** Sends it from the shell; returns its id. */
export async function mail(machine: Machine, to: string, text: string): Promise<string> {
  return (await machine.json<{ id: string }>(['send', to, text])).id;
}

/** What its receipt says: `queued`, `offered (monitor)`, `seen (monitor)`. */
export async function receipt(machine: Machine, id: string): Promise<string> {
  const { messages } = await machine.json<Shown>(['receipts', id]);
  const [found] = messages.flatMap((message) => message.receipts);
  if (found === undefined) throw new Error(`no receipt of ${id}: ${JSON.stringify(messages)}`);
  const door = found.state === 'offered' ? found.offeredBy?.join(', ') : found.door;
  return door === undefined ? found.state : `${found.state} (${door})`;
}

/** Waits until its receipt says so. */
export async function becomes(machine: Machine, id: string, wanted: string): Promise<void> {
  let last = '';
  await eventually(async () => {
    last = await receipt(machine, id);
    return last.startsWith(wanted) ? last : undefined;
  }, 20_000).catch((error: unknown) => {
    throw new Error(`wanted the receipt ${wanted}; it stayed ${last} (${String(error)})`);
  });
}
