/** The ladder that stops a cell (kernels.md §3.2): a message, a poke, a signal, and then the truth. */
import { pause } from '../system/clock.ts';
import type { Activity } from './activity.ts';
import type { Answer, KernelClient } from './client.ts';

export interface Interrupted {
  readonly stopped: boolean;
  /** What stopped it; undefined: nothing did, or nothing was known to run. */
  readonly by: 'message' | 'poke' | 'signal' | undefined;
  /** The cell that was to be stopped: the id of its request, whose it is. */
  readonly cell: { readonly id: string; readonly session: string; readonly username: string } | undefined;
  readonly milliseconds: number;
  /** What was found, for a person or a model. */
  readonly words: string;
}

export interface InterruptParts {
  readonly client: KernelClient;
  readonly activity: Activity;
  /** Sends SIGINT; undefined: the process is not known. False: it could not be sent. */
  readonly signal?: () => boolean;
  /** Why the kernel is gone; undefined: it is there. */
  readonly gone: () => string | undefined;
}

/** SIGINT ends the whole kernel, its variables too (Deno 2.9.6, run), where others end the cell. */
const diesOfSigint: ReadonlySet<string> = new Set(['Deno kernel']);

export function survivesSigint(implementation: string): boolean {
  return !diesOfSigint.has(implementation);
}

const MESSAGE_MS = 300;
const POKE_MS = 700;
const SIGNAL_MS = 1_500;
const PROBE_MS = 1_500;
/** An idle kernel answers in a few milliseconds. */
const REST_MS = 150;

export async function interruptKernel({
  client,
  activity,
  signal,
  gone,
}: InterruptParts): Promise<Interrupted> {
  const begun = performance.now();
  const busy = activity.busyFor;
  const send = () =>
    client.ask({ channel: 'control', type: 'interrupt_request', withinMs: MESSAGE_MS + POKE_MS });
  const poke = () => client.ask({ channel: 'shell', type: 'kernel_info_request', withinMs: PROBE_MS }).answer;
  const told = (stopped: boolean, by: Interrupted['by'], words: string): Interrupted => ({
    stopped,
    by,
    cell: busy,
    milliseconds: Math.round(performance.now() - begun),
    words,
  });
  if (busy === undefined) {
    // Joined in the middle of a cell, we did not hear it begin: an answer on shell is proof of rest.
    const rest = poke();
    if (await soon(rest, REST_MS)) return told(true, undefined, 'nothing runs in the kernel');
    send();
    // One that waited may have begun in its place, and stand before our question.
    if ((await soon(rest, MESSAGE_MS + POKE_MS)) || activity.busyFor !== undefined)
      return told(true, 'message', 'interrupted');
    if (signal?.() === true && (await soon(poke(), SIGNAL_MS)))
      return told(true, 'signal', 'interrupted by SIGINT');
    return told(
      false,
      undefined,
      'the kernel does not answer on shell; a restart ends what runs, and its variables',
    );
  }
  send();
  if (await activity.idleOf(busy.id, MESSAGE_MS)) return told(true, 'message', 'interrupted');
  // `await asyncio.sleep()` ends only when the kernel's loop wakes (ipykernel#881): any request does that.
  void poke();
  if (await activity.idleOf(busy.id, POKE_MS))
    return told(true, 'poke', 'interrupted, after its event loop was woken');
  if (signal?.() === true && (await activity.idleOf(busy.id, SIGNAL_MS))) {
    const reason = gone();
    if (reason !== undefined) return told(true, 'signal', `SIGINT ended the kernel itself: ${reason}`);
    return told(true, 'signal', 'interrupted by SIGINT');
  }
  const means =
    signal === undefined
      ? 'a message and a poke (no signal: its process is not known, or SIGINT would end it)'
      : 'a message, a poke and SIGINT';
  return told(
    false,
    undefined,
    `still running after ${means}: one long call into C that ends by itself, or code that swallows the interrupt; a restart ends it, and its variables`,
  );
}

/** Whether it was answered in that time. */
async function soon(answer: Promise<Answer>, withinMs: number): Promise<boolean> {
  return await Promise.race([answer.then(({ kind }) => kind === 'reply'), pause(withinMs).then(() => false)]);
}
