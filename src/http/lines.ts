/** A stream of the table that ends: one JSON object a line, as fast as its reader takes it. */
import type { Output } from '../protocol/operations.ts';
import { openingOf } from './api.ts';
import type { Context } from './context.ts';
import { fromQuery, type Mapped } from './mapping.ts';

const utf8 = new TextEncoder();

export async function handleLines(_request: Request, context: Context, operation: Mapped): Promise<Response> {
  const token = context.authorize(operation.scope);
  const input = fromQuery(operation, context.url.searchParams);
  const borrowed = await context.borrow(openingOf(token));
  const held = context.whileHeld(token);
  const items = borrowed.operations.export(input, { signal: held.signal })[Symbol.asyncIterator]();
  const end = (): void => {
    borrowed[Symbol.dispose]();
    held[Symbol.dispose]();
    void items.return?.();
  };
  // The first is asked for here: what is wrong with the question gets a status, not half an answer.
  const first = await items.next().catch((error: unknown) => {
    end();
    throw error;
  });
  return new Response(body(first, { items, end }), {
    headers: { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' },
  });
}

type Items = AsyncIterator<Output<'export'>>;

function body(
  first: IteratorResult<Output<'export'>>,
  { items, end }: { items: Items; end: () => void },
): ReadableStream<Uint8Array> {
  let found: IteratorResult<Output<'export'>> | undefined = first;
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        try {
          found ??= await items.next();
          if (found.done === true) {
            end();
            return controller.close();
          }
          controller.enqueue(utf8.encode(`${JSON.stringify(found.value)}\n`));
          found = undefined;
        } catch (error) {
          // Cut off, so that nobody takes it for the whole.
          end();
          controller.error(error);
        }
      },
      cancel: end,
    },
    { highWaterMark: 1 },
  );
}
