/** Collects what one piece of input asks for into one call of the store. */

/**
 * The store takes sends in batches, for engines where a call is a round trip (design §3.2): what one
 * peer wrote in one piece goes together, and each caller gets its own result. How many calls share one
 * durable write is the engine's to decide.
 */
export function batched<I, O>(
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
      if (waiting.length === 1) void Promise.resolve().then(run);
    });
}
