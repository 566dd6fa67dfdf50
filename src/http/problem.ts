/**
 * Failures as an HTTP client is told them: problem+json (RFC 9457) with the code, the hint and whether to
 * try again, from the one table of failures.
 */
import { asFailure, Failure, failures } from '../protocol/failures.ts';
import type { Token } from '../system/tokens.ts';

export interface ProblemFacts {
  /** Where HTTP has a status of its own (405, 415, 408), which the table cannot know. */
  readonly status?: number;
  /** Seconds after which to try again. */
  readonly retryAfter?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A failure of the HTTP layer itself, with what its answer needs beside the table. */
export class HttpFailure extends Error {
  override readonly name = 'HttpFailure';
  readonly failure: Failure;
  readonly facts: ProblemFacts;

  constructor(failure: Failure, facts: ProblemFacts = {}) {
    super(failure.message, { cause: failure });
    this.failure = failure;
    this.facts = facts;
  }
}

/** Seconds a client is told to wait when nothing better is known. */
const PATIENCE_SECONDS = 2;

export function problem(error: unknown, more: ProblemFacts = {}): Response {
  const failure = failureOf(error);
  const facts = { ...(error instanceof HttpFailure ? error.facts : {}), ...more };
  const row = failures[failure.code];
  const status = facts.status ?? row.http;
  const later = facts.retryAfter ?? (status === 429 || status === 503 ? PATIENCE_SECONDS : undefined);
  const { message, ...body } = failure.body();
  const described = {
    type: `urn:ipc:problem:${failure.code}`,
    title: failure.code.replaceAll('_', ' '),
    status,
    detail: message,
    ...body,
  };
  return new Response(`${JSON.stringify(described)}\n`, {
    status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      ...(status === 401 ? { 'www-authenticate': 'Bearer realm="ipc"' } : {}),
      ...(later === undefined ? {} : { 'retry-after': String(Math.max(1, Math.ceil(later))) }),
      ...facts.headers,
    },
  });
}

/** For requests that come, or still wait, while the server ends. */
export function stopping(): Failure {
  return new Failure('busy', 'this server is stopping', { hint: 'ipc serve' });
}

export function failureOf(error: unknown): Failure {
  return error instanceof HttpFailure ? error.failure : asFailure(error);
}

export function outOfScope(token: Token, scope: string): Failure {
  return new Failure(
    'not_allowed',
    `wanted a token with scope ${scope}, found one with ${token.scopes.join(', ') || 'none'}`,
    { hint: `ipc token create --agent ${token.agent} --scope ${[...token.scopes, scope].join(',')}` },
  );
}
