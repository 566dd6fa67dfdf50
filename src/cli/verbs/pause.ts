/** `ipc pause`: do not disturb. Messages wait; none is lost. */
import { untilWords } from '../../present/people.ts';
import { parseDuration } from '../../present/time.ts';
import { Failure } from '../../protocol/failures.ts';
import type { Call } from '../call.ts';
import { fromTable } from '../flags.ts' with { type: 'macro' };
import type { Flag, Spec } from '../verb.ts';
import { agentName } from './who.ts';

const table = fromTable('pause', ['off']);

const forTime: Flag = {
  name: 'for',
  field: 'for',
  kind: 'duration',
  hint: 'time',
  help: 'how long; until lifted when absent',
  min: 1,
  whole: true,
};

const spec: Spec = {
  name: 'pause',
  summary: table.summary,
  usage: '[name] [for 30m]',
  group: 'people',
  words: { min: 0 },
  flags: [forTime, ...table.flags],
  examples: [
    ['ipc pause for 30m', 'my messages wait half an hour'],
    ['ipc pause bob', "bob's wait until lifted (people may pause anyone)"],
    ['ipc pause --off', 'what waited arrives'],
  ],
  operations: { pause: { name: 'first word', seconds: '--for' } },
};

/** A lone word like `30m` is a time; who is called so is paused with `--for`. */
const TIME = /^\d+(s|m|min|h|d)$/i;

async function run(call: Call): Promise<void> {
  const { name, seconds } = wished(call);
  const off = call.values.on('off');
  await using session = await call.open();
  const done = await session.operations.pause({
    ...(name === undefined ? {} : { name }),
    ...(seconds === undefined ? {} : { seconds }),
    ...(off ? { off } : {}),
  });
  await call.tell(done, (look) =>
    done.pausedUntil === undefined
      ? `${done.name} is not paused; ${done.released} let through\n`
      : `${done.name} is paused ${untilWords(done.pausedUntil, look)}; messages wait. ipc pause ${done.name} --off lifts it\n`,
  );
}

/** `bob for 30m`, `for 30m`, `30m`, `bob`. */
function wished({ words, values }: Call): { name: string | undefined; seconds: number | undefined } {
  const [first, ...rest] = words;
  if (first !== undefined && words.length === 1 && TIME.test(first)) {
    return { name: undefined, seconds: Math.max(1, Math.round(parseDuration(first))) };
  }
  const named = first !== undefined && first !== 'for';
  const [joining, ...time] = named ? rest : words;
  const flagged = values.number('for');
  if (joining === undefined) return { name: named ? agentName(first) : undefined, seconds: flagged };
  if (joining !== 'for' || time.length === 0 || flagged !== undefined)
    throw new Failure(
      'invalid',
      `wanted ipc pause [name] [for 30m], found ${JSON.stringify(words.join(' '))}`,
      {
        hint: 'ipc help pause',
      },
    );
  const seconds = Math.max(1, Math.round(parseDuration(time.join(' '))));
  return { name: named ? agentName(first) : undefined, seconds };
}

export const verb = { spec, run };
