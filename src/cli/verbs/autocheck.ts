/** `ipc autocheck`: how often the hooks of an agent hand over what waits (phrases of system 000). */
import { LONGEST_MINUTES, SHORTEST_MINUTES, USUAL_MINUTES } from '../../system/auto-check.ts';
import { Failure } from '../../protocol/failures.ts';
import { autoCheckWords, autoChecking, IDLE_RULE, type Wish } from '../auto-checking.ts';
import type { Call } from '../call.ts';
import type { Spec, Verb } from '../verb.ts';

const shared = { group: 'people', flags: [], operations: {} } as const;

const startSpec: Spec = {
  ...shared,
  name: 'autocheck start',
  summary: 'Let hooks hand over messages while the agent works, every few minutes',
  usage: '[minutes]',
  words: { min: 0, max: 1 },
  examples: [
    ['ipc autocheck start', `every ${USUAL_MINUTES} minutes`],
    ['ipc do "start auto checking 10"', 'the same in words'],
  ],
  notes: `${SHORTEST_MINUTES} to ${LONGEST_MINUTES} minutes. Without it hooks hand over at every event. ${IDLE_RULE}`,
};

const stopSpec: Spec = {
  ...shared,
  name: 'autocheck stop',
  summary: 'Let hooks hand over nothing unasked',
  usage: '',
  words: { min: 0, max: 0 },
  examples: [['ipc autocheck stop', 'messages wait until they are asked for']],
  notes: 'A new session is still told how many wait, and "ipc check" hands them over.',
};

const statusSpec: Spec = {
  ...shared,
  name: 'autocheck status',
  summary: 'How often hooks hand over messages',
  usage: '',
  words: { min: 0, max: 0 },
  examples: [
    ['ipc autocheck status', 'what holds for this session'],
    ['ipc do "is auto checking on?"', 'the same in words'],
  ],
  notes: IDLE_RULE,
};

async function tellRule(call: Call, wish: Wish): Promise<void> {
  await using session = await call.open();
  const { you } = await session.operations.whoami({});
  const agent = you?.name ?? session.identity.name ?? '';
  const rule = autoChecking(call.world.paths, agent, wish);
  await call.print(
    { agent, ...rule },
    ({ style, now }) => `${style.name(agent)}: ${autoCheckWords(rule, now)}\n${style.faint(IDLE_RULE)}\n`,
  );
}

function minutesOf(word: string | undefined): number | undefined {
  if (word === undefined) return undefined;
  if (/^\d{1,9}$/.test(word)) return Number(word);
  throw new Failure('invalid', `wanted a number of minutes, found ${JSON.stringify(word)}`, {
    hint: `ipc autocheck start ${USUAL_MINUTES}`,
  });
}

export const start: Verb = {
  spec: startSpec,
  run: (call) => tellRule(call, { action: 'start', minutes: minutesOf(call.words[0]) }),
};
export const stop: Verb = { spec: stopSpec, run: (call) => tellRule(call, { action: 'stop' }) };
export const status: Verb = { spec: statusSpec, run: (call) => tellRule(call, { action: 'status' }) };
