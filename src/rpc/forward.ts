/**
 * A call whose answer the host of a kernel gives (design §3, home *provider*): passed on with who asks,
 * given up when the asker gives up, and never waited for without end. Whatever becomes of the host, this
 * call alone feels it.
 */
import type { Provider } from '../core/kernels.ts';
import { Failure } from '../protocol/failures.ts';
import { isBroken } from './faults.ts';

/** What a host may take beyond the wait that was asked for: an interrupt's ladder is the longest. */
const SLACK_MS = 30_000;

export type After = (milliseconds: number, run: () => void) => () => void;

/** A host whose connection broke, with the daemon's restart perhaps, comes back within this. */
const RETURN_MS = 1_000;
const LOOK_MS = 100;

/** Throws what `find` throws, `kernel_unavailable` only after a moment for the host to come back. */
export async function hostOf(
  find: () => Promise<Provider>,
  signal: AbortSignal,
  after: After,
): Promise<Provider> {
  for (let waited = 0; ; waited += LOOK_MS) {
    try {
      return await find();
    } catch (error) {
      const away = error instanceof Failure && error.code === 'kernel_unavailable';
      if (!away || waited >= RETURN_MS || signal.aborted) throw error;
      await new Promise<void>((resolve) => void after(LOOK_MS, resolve));
    }
  }
}

interface Forwarded {
  readonly method: string;
  readonly input: Readonly<Record<string, unknown>>;
  readonly signal: AbortSignal;
}

export async function forward(
  { kernel, asker, ask }: Provider,
  { method, input, signal }: Forwarded,
  after: After,
): Promise<unknown> {
  const late = new AbortController();
  const wait = typeof input['wait'] === 'number' ? input['wait'] * 1_000 : 0;
  const callOff = after(wait + SLACK_MS, () => late.abort());
  try {
    return await ask(method, { asker, input }, AbortSignal.any([signal, late.signal]));
  } catch (error) {
    if (late.signal.aborted && !signal.aborted) {
      throw new Failure(
        'timed_out',
        `the host of ${kernel} did not answer ${method}; it may still be at it`,
        {
          hint: `ipc kernel status ${kernel}`,
        },
      );
    }
    if (!isBroken(error)) throw error;
    // As it stands this would read like our own connection's end, and be repeated by the client.
    throw new Failure(
      'kernel_unavailable',
      `the host of ${kernel} ended before it answered ${method}; whether it was done is not known`,
      { hint: `ipc kernel connect ${kernel}` },
    );
  } finally {
    callOff();
  }
}
