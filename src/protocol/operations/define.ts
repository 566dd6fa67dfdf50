/** The shape of one row of the operations table. */
import type { z } from 'zod';
import type { FailureCode } from '../failures.ts';
import type { Scope } from '../scopes.ts';

/**
 * Who answers: the daemon (`broker`), the session that registered itself for it (`provider`, kernels),
 * or the calling process itself (`local`).
 */
export type OperationHome = 'broker' | 'provider' | 'local';
/** Who may call: any session, one that acts for an agent, or one whose kind is `human`. */
export type OperationCaller = 'anyone' | 'agent' | 'human';
export type Surface = 'cli' | 'mcp' | 'http';

export interface Operation<I extends z.ZodObject = z.ZodObject, O extends z.ZodType = z.ZodType> {
  readonly summary: string;
  readonly home: OperationHome;
  readonly caller: OperationCaller;
  /** `safe`: the same call, sent again after a broken connection, has no second effect. */
  readonly repeat: 'safe' | 'unsafe';
  /** What a token of the HTTP door must be good for; `read` promises that nothing is changed. */
  readonly scope: Scope;
  readonly surfaces: readonly Surface[];
  /** What it can fail with beyond `commonFailures`. */
  readonly failures: readonly FailureCode[];
  readonly input: I;
  readonly output: O;
  /** Present when the answer is a stream of `output`s, paced by the reader's credit. */
  readonly stream?: true;
}

/** Keeps a row's exact schemas in its type. */
export function operation<I extends z.ZodObject, O extends z.ZodType>(row: Operation<I, O>): Operation<I, O> {
  return row;
}

/** As `operation`, for answers that are streams. */
export function streaming<I extends z.ZodObject, O extends z.ZodType>(
  row: Operation<I, O>,
): Operation<I, O> & { readonly stream: true } {
  return { ...row, stream: true };
}

/** As `operation`, answered by the session that holds the kernel named in `kernel`; the daemon only forwards. */
export function provided<I extends z.ZodObject, O extends z.ZodType>(
  row: Omit<Operation<I, O>, 'home' | 'caller' | 'scope'>,
): Operation<I, O> & { readonly home: 'provider' } {
  return {
    ...row,
    home: 'provider',
    caller: 'agent',
    scope: 'kernel',
    failures: [...row.failures, ...ofKernels],
  };
}

const ofKernels: readonly FailureCode[] = ['conflict', 'kernel_unavailable', 'no_such_kernel'];

/** As `operation`, done by the calling process: the daemon has no part in it, and no handler. */
export function local<I extends z.ZodObject, O extends z.ZodType>(
  row: Omit<Operation<I, O>, 'home' | 'caller' | 'scope'>,
): Operation<I, O> & { readonly home: 'local' } {
  return { ...row, home: 'local', caller: 'anyone', scope: 'kernel' };
}

/** What every operation can fail with, whatever its row says. */
export const commonFailures: ReadonlySet<FailureCode> = new Set([
  'busy',
  'cannot_create',
  'daemon_unavailable',
  'disk_full',
  'internal',
  'interrupted',
  'invalid',
  'invalid_name',
  'malformed',
  'not_allowed',
  'not_registered',
  'store_damaged',
  'timed_out',
  'too_large',
] as const);
