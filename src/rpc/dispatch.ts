/** One call of the operations table: known, well-formed, allowed; then the handler's. */
import type { z } from 'zod';
import type { OpenSession } from '../core/broker.ts';
import { Failure, isFailureCode, type FailureCode } from '../protocol/failures.ts';
import {
  isOperationName,
  operations,
  type LocalName,
  type OperationName,
  type ProviderName,
  type StreamOptions,
} from '../protocol/operations.ts';
import { kernelOfExecution } from '../protocol/execution.ts';
import { commonFailures } from '../protocol/operations/define.ts';
import { readBy } from '../protocol/reading.ts';
import { nearest } from '../system/nearest.ts';
import { forward, hostOf, type After } from './forward.ts';
import type { Answer, IncomingCall } from './incoming-calls.ts';

export async function dispatch(session: OpenSession, call: IncomingCall, after: After): Promise<Answer> {
  const name = operationName(call.method);
  const row = operations[name];
  checkCaller(session, name);
  const request = validated(row.input, call.params ?? {});
  if (isForwarded(name)) {
    const input = request as Readonly<Record<string, unknown>>;
    const provider = await hostOf(() => session.provider(kernelIn(input)), call.signal, after);
    return { value: await forward(provider, { method: name, input, signal: call.signal }, after) };
  }
  // The table gives each name's handler its own input; that it fits is what the line above checked.
  const handler = session.handlers[name] as unknown as (request: unknown, options: StreamOptions) => unknown;
  const answer = handler(request, { signal: call.signal, begin: call.begin });
  return 'stream' in row ? { items: answer as AsyncIterable<unknown> } : { value: await answer };
}

type Served = Exclude<OperationName, LocalName>;

function isForwarded(name: Served): name is ProviderName {
  return operations[name].home === 'provider';
}

/** An execution's id names its kernel. */
function kernelIn({ kernel, id }: Readonly<Record<string, unknown>>): string | undefined {
  if (typeof kernel === 'string') return kernel;
  return typeof id === 'string' ? kernelOfExecution(id) : undefined;
}

function isServed(name: OperationName): name is Served {
  return operations[name].home !== 'local';
}

function operationName(method: string): Served {
  if (isOperationName(method) && isServed(method)) return method;
  const meant = nearest(method, Object.keys(operations));
  const found = `wanted an operation, found ${JSON.stringify(method.slice(0, 80))}`;
  throw new Failure('unknown_operation', meant === undefined ? found : `${found}; did you mean ${meant}`, {
    details: meant === undefined ? undefined : { suggestion: meant },
  });
}

/** All that a webhook's session may do: no mail is read and nothing changed on behalf of strangers. */
const OF_WEBHOOKS: ReadonlySet<OperationName> = new Set(['agent.remove', 'receipts', 'send', 'whoami']);

/** All that the host of a kernel may do: it takes what runs there, and answers. */
const OF_KERNELS: ReadonlySet<OperationName> = new Set([
  'check',
  'confirm',
  'register',
  'reply',
  'send',
  'watch',
  'whoami',
]);

function checkCaller(session: OpenSession, name: OperationName): void {
  const { caller } = operations[name];
  if (session.kind() === 'webhook' && !OF_WEBHOOKS.has(name)) {
    throw new Failure('not_allowed', `a webhook only sends, it may not ${name}`);
  }
  if (session.kind() === 'kernel' && !OF_KERNELS.has(name)) {
    throw new Failure('not_allowed', `the host of a kernel may not ${name}`);
  }
  if (caller === 'agent' && session.agentName() === undefined) {
    throw new Failure('not_registered', `wanted a session that acts for an agent to ${name}, found none`);
  }
  if (caller === 'human' && session.kind() !== 'human') {
    throw new Failure(
      'not_allowed',
      `wanted a person at a terminal to ${name}, found kind ${session.kind()}`,
    );
  }
}

function validated(schema: z.ZodObject, params: unknown): unknown {
  const parsed = readBy(schema, params);
  if (parsed.success) return parsed.data;
  const [first, ...others] = parsed.error.issues;
  const where = first === undefined ? '' : first.path.map(String).join('.');
  const what = first?.message ?? 'wanted other parameters';
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  throw new Failure(codeOf(first), `${where === '' ? '' : `${where}: `}${lower(what)}${more}`);
}

/** Rules of the model that have a failure of their own carry its code. */
function codeOf(issue: z.core.$ZodIssue | undefined): FailureCode {
  const code: unknown = issue?.code === 'custom' ? issue.params?.['code'] : undefined;
  return typeof code === 'string' && isFailureCode(code) ? code : 'invalid';
}

/** A failure that the operation's row in the table does not name: the table is wrong, or the handler is. */
export function isUndeclared(method: string, failure: Failure): boolean {
  if (!isOperationName(method) || !isServed(method)) return failure.code !== 'unknown_operation';
  return !commonFailures.has(failure.code) && !operations[method].failures.includes(failure.code);
}

function lower(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
