/** REST: one operation of the table a request, as the token's agent, with no more than the token's scope. */
import { Failure } from '../protocol/failures.ts';
import type { CallName, Operations, Output } from '../protocol/operations.ts';
import { derivedId } from '../system/ids.ts';
import { renaming } from '../system/renamed.ts';
import type { Token } from '../system/tokens.ts';
import { answer } from './answer.ts';
import { jsonOf, wantType } from './body.ts';
import { stopping } from './problem.ts';
import type { Context, Opening } from './context.ts';
import { type Fields, fromJson, fromQuery, type Mapped } from './mapping.ts';

/** A call leaves in one frame to the daemon, of at most 1 MiB. */
export const API_BODY_BYTES = 1_048_576;

/** They may stay until something comes: as long as their token is good and somebody waits for the answer. */
const WAITING: ReadonlySet<string> = new Set([
  'ask',
  'check',
  'kernel.execute',
  'kernel.result',
] satisfies CallName[]);

type Call = (input: Fields, options?: { signal: AbortSignal }) => Promise<unknown>;

export async function handleCall(request: Request, context: Context, operation: Mapped): Promise<Response> {
  const token = context.authorize(operation.scope);
  const said = await inputOf(request, context, operation);
  const input = filled(operation, said, { token, request });
  const opening = openingOf(token);
  if (WAITING.has(operation.name)) return answer(await waited(context, { token, opening, operation, input }));
  const call = (): Promise<unknown> =>
    context.use(opening, (operations) => callOf(operations, operation)(input));
  if (operation.name !== 'rename') return answer(await call());
  const { name } = input;
  const names = { from: token.agent, to: typeof name === 'string' ? name : '' };
  return answer(await renaming(context.paths, names, () => call() as Promise<Output<'rename'>>));
}

interface Waiting {
  readonly token: Token;
  readonly opening: Opening;
  readonly operation: Mapped;
  readonly input: Fields;
}

async function waited(context: Context, { token, opening, operation, input }: Waiting): Promise<unknown> {
  context.patient();
  using held = context.whileHeld(token);
  const signal = AbortSignal.any([held.signal, context.signal]);
  try {
    return await context.use(opening, (operations) => callOf(operations, operation)(input, { signal }));
  } catch (error) {
    // Given up for it: told what a new request would be told.
    if (held.signal.aborted) context.authorize(operation.scope);
    if (signal.aborted) throw stopping();
    throw error;
  }
}

/** A request acts as its token's agent; what it sends is a script's. */
export function openingOf(token: Token): Opening {
  return { agent: token.agent, kind: 'script', client: 'http' };
}

/** Who leases for a token: the same for all its requests, so that a repeat gets the same messages. */
export function readerOf(token: Token): string {
  return `token-${token.id}`;
}

async function inputOf(request: Request, context: Context, operation: Mapped): Promise<Fields> {
  if (request.method === 'GET') return fromQuery(operation, context.url.searchParams);
  if (request.body === null) return {};
  wantType(request, ['application/json']);
  return fromJson(operation, jsonOf(await context.body()));
}

function filled(operation: Mapped, said: Fields, around: { token: Token; request: Request }): Fields {
  const { name } = operation;
  switch (name) {
    case 'check':
      return { reader: readerOf(around.token), ...said, door: 'http' };
    case 'confirm':
      return { reader: readerOf(around.token), stage: 'handed', door: 'http', ...httpDoor(said) };
    case 'ask':
      return identified(operation, { reader: readerOf(around.token), ...said }, around);
    default:
      return operation.makesId ? identified(operation, said, around) : said;
  }
}

/** What came over HTTP can be said to have come over HTTP, and nothing else. */
function httpDoor(said: Fields): Fields {
  const { door } = said;
  if (door === undefined || door === 'http' || door === 'sse') return said;
  throw new Failure('invalid', `wanted door http or sse, found ${JSON.stringify(door)}`, {
    hint: 'ipc help serve',
  });
}

/**
 * The same agent with the same key sends the same message: its id is made from the two, and the store
 * makes the second send a no-op, or a conflict when it says something else.
 */
function identified(
  { name }: Mapped,
  said: Fields,
  { token, request }: { token: Token; request: Request },
): Fields {
  const key = request.headers.get('idempotency-key');
  if (key === null) return said;
  const text = key.replace(/^"(.*)"$/, '$1');
  if (text === '' || text.length > 255)
    throw new Failure('invalid', 'wanted an Idempotency-Key of 1 to 255 characters');
  if (said['id'] !== undefined)
    throw new Failure('invalid', 'wanted an id or an Idempotency-Key, found both');
  return { ...said, id: derivedId('http', name, token.agent.toLowerCase(), text) };
}

function callOf(operations: Operations, { name }: Mapped): Call {
  // The daemon checks what is said against the row's schema, whoever says it.
  return operations[name as CallName] as unknown as Call;
}
