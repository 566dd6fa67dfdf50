/** From the store's yes or no to an answer or a failure. */
import { Failure } from '../protocol/failures.ts';
import type { Refusal } from './records.ts';

/** The store's "no" as the failure it names. */
export function refusal(outcome: Refusal): Failure {
  return new Failure(
    outcome.code,
    outcome.message,
    outcome.details === undefined ? {} : { details: outcome.details },
  );
}

/** The good half of an outcome. Throws the failure the store named. */
export function granted<T>(outcome: ({ readonly ok: true } & T) | Refusal): T {
  if (!outcome.ok) throw refusal(outcome);
  return outcome;
}
