/** One run of one verb: what was written, where answers go, and how to reach the daemon. */
import { jsonLine } from '../present/json.ts';
import type { Look } from '../present/person.ts';
import { systemClock } from '../system/clock.ts';
import { readEnvironment, type Environment } from '../system/environment.ts';
import { resolvePaths, type Paths } from '../system/paths.ts';
import { localOffset } from '../system/zone.ts';
import type { Output } from './output.ts';
import { openSession, type Session, type SessionNeeds } from './session.ts';
import type { Values } from './values.ts';
import type { Spec } from './verb.ts';

/** The process around a run; tests make their own. */
export interface World {
  readonly environment: Environment;
  readonly paths: Paths;
  readonly now: () => number;
}

export interface Call {
  readonly spec: Spec;
  readonly values: Values;
  readonly words: readonly string[];
  /** How many of the words stood before `--`: only there is `-` stdin. */
  readonly plain: number;
  readonly output: Output;
  readonly world: World;
  readonly json: boolean;
  readonly quiet: boolean;
  /** The name of `--as`. */
  readonly as: string | undefined;
  open(needs?: SessionNeeds): Promise<Session>;
  /** What a text for a person depends on beside its subject. */
  look(): Look;
  /** Data: the operation's output as JSON, or as text. */
  print(value: unknown, text: (look: Look) => string): Promise<void>;
  /** What was done: as `print`, but no text under --quiet. */
  tell(value: unknown, text: (look: Look) => string): Promise<void>;
  /** Runs another command line in this process. */
  run(argv: readonly string[]): Promise<number>;
}

export function systemWorld(): World {
  const environment = readEnvironment();
  const clock = systemClock();
  return { environment, paths: resolvePaths(environment), now: clock.now };
}

export function openCall(
  parts: Pick<Call, 'spec' | 'values' | 'words' | 'plain' | 'output' | 'world' | 'run'>,
): Call {
  const { values, output, world } = parts;
  const json = values.on('json');
  const quiet = values.on('quiet');
  const as = values.text('as');
  const offset = localOffset(world.environment);
  const look = (): Look => ({ style: output.style, now: world.now(), offset });
  const print: Call['print'] = async (value, text) => {
    await output.write(json ? jsonLine(value) : text(look()));
  };
  return {
    ...parts,
    json,
    quiet,
    as,
    look,
    open: (needs = {}) =>
      openSession(world, {
        ...needs,
        ...(as === undefined ? {} : { as }),
        say: output.say,
        meanwhile: json ? () => undefined : look,
      }),
    print,
    tell: async (value, text) => {
      if (json || !quiet) await print(value, text);
    },
  };
}
