/** The store's yes or no, and from there to an answer or a failure. */
import { Failure, type FailureCode } from '../protocol/failures.ts';

/** `no`: policy or state forbids the step; nothing was changed. */
export interface Refusal {
  readonly ok: false;
  readonly code: FailureCode;
  readonly message: string;
  readonly details?: Readonly<Record<string, string | number | boolean>>;
}

export type Outcome<T> = ({ readonly ok: true } & T) | Refusal;

/** The store's "no" as the failure it names. */
export function refusal(outcome: Refusal): Failure {
  return new Failure(
    outcome.code,
    outcome.message,
    outcome.details === undefined ? {} : { details: outcome.details },
  );
}

/** The good half of an outcome. Throws the failure the store named. */
export function granted<T>(outcome: Outcome<T>): T {
  if (!outcome.ok) throw refusal(outcome);
  return outcome;
}
