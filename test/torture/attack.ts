/**
 * torture/: attacks on the compiled binary, each with a short form that every test run goes through and a
 * long one that `scripts/torture` runs. An attack throws when a promise was broken; otherwise it says in
 * numbers what it did and what it saw. It knows the product only from outside: commands, sockets, files.
 */
import { test } from 'bun:test';

export type Form = 'short' | 'long';

/** What was counted; the keys are words of the report, with their unit where they have one. */
export type Figures = Readonly<Record<string, number | string>>;

export interface AttackParts {
  readonly form: Form;
  /** Everything random about the attack follows from it. */
  readonly seed: number;
  /** Progress of a long run, a line each. */
  readonly say: (line: string) => void;
}

export interface Attack {
  /** The word that `scripts/torture` takes. */
  readonly name: string;
  /** A sentence about behaviour, as of a test. */
  readonly promise: string;
  /** What this machine lacks for it, in words; undefined: nothing. */
  readonly missing?: () => string | undefined;
  /** Milliseconds that the short form may take. */
  readonly shortMs: number;
  readonly run: (parts: AttackParts) => Promise<Figures>;
}

/** The short form has one seed for ever: what fails once in a test run fails again. */
const SHORT_SEED = 20_261_126;

/** Makes a test of the short form; its figures are printed. */
export function testAttack(attack: Attack): void {
  const lacking = attack.missing?.();
  if (lacking !== undefined) process.stderr.write(`${attack.name}: skipped, ${lacking}\n`);
  test.skipIf(lacking !== undefined)(
    attack.promise,
    async () => {
      const figures = await attack.run({ form: 'short', seed: SHORT_SEED, say: () => undefined });
      process.stderr.write(`${attack.name}: ${inWords(figures)}\n`);
    },
    attack.shortMs,
  );
}

export function inWords(figures: Figures): string {
  return Object.entries(figures)
    .map(([what, count]) => `${what} ${count}`)
    .join(' · ');
}
