/** Failures as JSON-RPC errors and back. */
import { asFailure, Failure, failures, isFailureCode, type FailureCode } from '../protocol/failures.ts';
import type { RpcError } from '../protocol/wire.ts';

export function toRpcError(error: unknown): RpcError {
  const failure = asFailure(error);
  return { code: failures[failure.code].rpc, message: failure.message, data: failure.body() };
}

export function fromRpcError(error: unknown): Failure {
  if (typeof error !== 'object' || error === null)
    return new Failure('internal', 'the daemon sent an error without content');
  const { code, message, data } = error as { code?: unknown; message?: unknown; data?: unknown };
  const text = typeof message === 'string' ? message : 'the daemon sent an error without words';
  if (isBody(data)) return Failure.from(data);
  return new Failure(codeOf(code), text);
}

function isBody(data: unknown): data is Parameters<typeof Failure.from>[0] {
  if (typeof data !== 'object' || data === null) return false;
  const { code, message, hint } = data as { code?: unknown; message?: unknown; hint?: unknown };
  return typeof code === 'string' && typeof message === 'string' && typeof hint === 'string';
}

/** Of a peer that knows JSON-RPC and not our failures. */
function codeOf(rpc: unknown): FailureCode {
  const found = Object.entries(failures).find(([, row]) => row.rpc === rpc)?.[0];
  return found !== undefined && isFailureCode(found) ? found : 'internal';
}

/**
 * The daemon says so when it did not even begin: it is finishing, or is older than its caller. Any
 * call may then be made again elsewhere, even one whose repeat would not be safe.
 */
export function notBegun(reason: string): Failure {
  return new Failure('busy', reason, { details: { notBegun: true } });
}

export function isNotBegun(error: unknown): boolean {
  return error instanceof Failure && error.code === 'busy' && error.details?.['notBegun'] === true;
}

/** The connection ended with answers owed: what was asked may have been done or not. */
export function broken(reason: string): Failure {
  return new Failure('daemon_unavailable', reason, { details: { broken: true } });
}

export function isBroken(error: unknown): boolean {
  return (
    error instanceof Failure && error.code === 'daemon_unavailable' && error.details?.['broken'] === true
  );
}
