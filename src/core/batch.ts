/** Collects what is asked for in one turn of the event loop into one step of the store. */
import type { Clock } from './ports.ts';

/**
 * The store takes sends in batches (one durable write for many, design §3.2): all that arrive in one
 * turn go together, and each caller gets its own result.
 */
export function batched<I, O>(
  clock: Clock,
  flush: (items: readonly I[]) => Promise<readonly O[]>,
): (item: I) => Promise<O> {
  let waiting: { item: I; resolve: (result: O) => void; reject: (error: unknown) => void }[] = [];

  const run = async (): Promise<void> => {
    const batch = waiting;
    waiting = [];
    try {
      const results = await flush(batch.map((entry) => entry.item));
      batch.forEach((entry, index) => {
        const result = results[index];
        if (result === undefined)
          entry.reject(new Error('the store answered fewer results than it was given'));
        else entry.resolve(result);
      });
    } catch (error) {
      for (const entry of batch) entry.reject(error);
    }
  };

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (waiting.length === 1) clock.turn(() => void run());
    });
}
