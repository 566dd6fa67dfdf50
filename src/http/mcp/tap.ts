/**
 * The body of a streamed answer on its way to the client: begun at once, and known to have been taken
 * whole or cut off. Bun holds the headers back until the first byte, so a comment goes first.
 */
const OPENING = new TextEncoder().encode(': open\n\n');

/** `whole`: all of it was taken by the connection; that the client read it, only the client can say. */
export type Outcome = 'whole' | 'cut';

export interface Tapped {
  readonly response: Response;
  readonly ended: Promise<Outcome>;
}

export function isStream(response: Response): boolean {
  return response.body !== null && response.headers.get('content-type') === 'text/event-stream';
}

export function tapped(response: Response): Tapped {
  const { promise, resolve } = Promise.withResolvers<Outcome>();
  const source = (response.body as ReadableStream<Uint8Array> | null)?.getReader();
  const body = new ReadableStream<Uint8Array>(
    {
      start: (controller) => controller.enqueue(OPENING),
      pull: async (controller) => {
        const found = await source?.read();
        if (found?.done === false) return controller.enqueue(found.value);
        controller.close();
        resolve('whole');
      },
      cancel: async () => {
        resolve('cut');
        await source?.cancel();
      },
    },
    { highWaterMark: 1 },
  );
  return {
    response: new Response(body, { status: response.status, headers: response.headers }),
    ended: promise,
  };
}
