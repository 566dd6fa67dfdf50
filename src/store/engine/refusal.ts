/** "No" as a value: nothing was changed, and the caller learns why. */
import type { Refusal } from '../../core/outcome.ts';
import type { FailureCode } from '../../protocol/failures.ts';

export function refuse(code: FailureCode, message: string, details?: Refusal['details']): Refusal {
  return details === undefined ? { ok: false, code, message } : { ok: false, code, message, details };
}

export function isRefusal(value: object): value is Refusal {
  return 'ok' in value && value.ok === false;
}
