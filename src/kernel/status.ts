/** How a kernel is, from facts: what beats, what answers, for whom it works, which process it is. */
import type { BusyFor } from './activity.ts';
import type { KernelClient } from './client.ts';
import type { KernelInfo } from './handshake.ts';
import type { Peek } from './peek.ts';

export type KernelState =
  | { readonly kind: 'ready' }
  | { readonly kind: 'gone'; readonly reason: string; readonly at: number }
  | { readonly kind: 'replaced'; readonly reason: string; readonly at: number };

export interface KernelStatus {
  readonly state: KernelState;
  readonly info: KernelInfo;
  readonly connected: boolean;
  /** Milliseconds; undefined: it does not beat. */
  readonly heartbeat: number | undefined;
  readonly control: number | undefined;
  readonly busyFor: (BusyFor & { readonly cell: string | undefined }) | undefined;
  /** It works, for whomever: a cell that began before we came is nobody's we know. */
  readonly busy: boolean;
  readonly queued: number;
  readonly pid: number | undefined;
  readonly memoryBytes: number | undefined;
  readonly cpuPercent: number | undefined;
  readonly disbelief: KernelClient['disbelief'];
  /** How often a request had to be woken (ipykernel#1554). */
  readonly knocks: number;
}

const PROBE_MS = 500;

export interface StatusParts {
  readonly client: KernelClient;
  readonly peek: Peek;
  readonly busy: BusyFor | undefined;
  /** The cell of ours that this is. */
  readonly cellOf: (busy: BusyFor) => string | undefined;
  readonly pid: () => Promise<number | undefined>;
  /** Whether a cell may run that began before we came. */
  readonly worksUnheard: () => Promise<boolean>;
  readonly known: Pick<KernelStatus, 'state' | 'info' | 'queued' | 'knocks'>;
}

export async function kernelStatus({
  client,
  peek,
  busy,
  cellOf,
  pid,
  worksUnheard,
  known,
}: StatusParts): Promise<KernelStatus> {
  const begun = performance.now();
  const { answer } = client.ask({ channel: 'control', type: 'kernel_info_request', withinMs: PROBE_MS });
  const [heartbeat, control, usage, unheard] = await Promise.all([
    client.beat(PROBE_MS),
    answer.then(({ kind }) => (kind === 'reply' ? performance.now() - begun : undefined)),
    peek.usage(PROBE_MS),
    busy === undefined && worksUnheard(),
  ]);
  return {
    ...known,
    connected: client.up,
    heartbeat,
    control,
    busyFor: busy === undefined ? undefined : { ...busy, cell: cellOf(busy) },
    busy: busy !== undefined || unheard,
    pid: usage.pid ?? (await pid()),
    memoryBytes: usage.memoryBytes,
    cpuPercent: usage.cpuPercent,
    disbelief: client.disbelief,
  };
}
