/**
 * The long form of the attacks, or with --short the one of the test run: all of them, or those that are named.
 *
 *   scripts/torture [--short] [--seed 7] [attack…]
 *
 * Talk goes to stderr; stdout gets a line for each attack and at the end one JSON object with every figure.
 */
import { parseArgs } from 'node:util';
import { inWords, type Attack, type AttackParts, type Figures } from './attack.ts';
import { attacks } from './attacks.ts';

type Held = 'held' | 'broken' | 'skipped';

interface Outcome {
  readonly attack: string;
  readonly outcome: Held;
  readonly figures: Figures;
}

const { values, positionals } = parseArgs({
  options: { short: { type: 'boolean', default: false }, seed: { type: 'string' } },
  allowPositionals: true,
});

const seed = values.seed === undefined ? Date.now() % 2 ** 31 : Number(values.seed);
if (!Number.isSafeInteger(seed)) throw new Error(`wanted a whole number as --seed, found ${values.seed}`);
const strange = positionals.filter((name) => !attacks.some((attack) => attack.name === name));
if (strange.length > 0) {
  const known = attacks.map(({ name, promise }) => `  ${name.padEnd(16)} ${promise}\n`).join('');
  process.stderr.write(`wanted attacks by name, found ${strange.join(' ')}; there are:\n${known}`);
  process.exit(64);
}

const outcomes: Outcome[] = [];
for (const attack of attacks) {
  if (positionals.length > 0 && !positionals.includes(attack.name)) continue;
  outcomes.push(await outcomeOf(attack));
}
const broken = outcomes.filter(({ outcome }) => outcome === 'broken').length;
process.stdout.write(`${JSON.stringify({ seed, form: values.short ? 'short' : 'long', outcomes })}\n`);
process.exitCode = broken === 0 ? 0 : 1;

async function outcomeOf(attack: Attack): Promise<Outcome> {
  const lacking = attack.missing?.();
  if (lacking !== undefined) return told(attack, 'skipped', { why: lacking });
  const parts: AttackParts = {
    form: values.short ? 'short' : 'long',
    seed,
    say: (line) => void process.stderr.write(`${attack.name}: ${line}\n`),
  };
  const begun = performance.now();
  try {
    const figures = await attack.run(parts);
    return told(attack, 'held', { ...figures, seconds: Math.round((performance.now() - begun) / 1000) });
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    return told(attack, 'broken', { why: error instanceof Error ? error.message : String(error) });
  }
}

function told({ name }: Attack, outcome: Held, figures: Figures): Outcome {
  process.stdout.write(`${name}: ${outcome} · ${inWords(figures)}\n`);
  return { attack: name, outcome, figures };
}
