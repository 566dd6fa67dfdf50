/** Waiting for a cell in short steps, so that whoever waits can be told its latest line. */
import type { Input, Operations } from '../protocol/operations.ts';
import type { Execution } from '../protocol/execution.ts';

/** An answer is asked for anew so often while it is waited for. */
const STEP_SECONDS = 2;

interface Waiting {
  readonly signal: AbortSignal;
  /** Told after each step that the cell has outlived. */
  readonly still: (execution: Execution) => void;
}

export async function executed(
  operations: Operations,
  input: Input<'kernel.execute'>,
  waiting: Waiting,
): Promise<Execution> {
  const seconds = input.wait ?? 30;
  const first = await operations['kernel.execute'](
    { ...input, wait: Math.min(seconds, STEP_SECONDS) },
    { signal: waiting.signal },
  );
  return await awaited(operations, first, { ...waiting, seconds: seconds - STEP_SECONDS, most: input.most });
}

export async function awaited(
  operations: Operations,
  execution: Execution,
  { seconds, most, signal, still }: Waiting & { readonly seconds: number; readonly most: number | undefined },
): Promise<Execution> {
  let found = execution;
  for (let left = seconds; left > 0 && !isSettled(found); left -= STEP_SECONDS) {
    still(found);
    const wait = Math.min(left, STEP_SECONDS);
    found = await operations['kernel.result']({ id: found.id, wait, most }, { signal });
  }
  return found;
}

/** It has ended, or goes on only when somebody answers. */
function isSettled({ state, asks }: Execution): boolean {
  return asks !== undefined || (state !== 'queued' && state !== 'running');
}
