/** `ipc register`: a name for this shell, or for the session of the agent program it runs in. */
import { parseOwnName } from '../../protocol/names.ts';
import type { Output } from '../../protocol/operations.ts';
import { refuseUserName } from '../../system/identity.ts';
import type { Call } from '../call.ts';
import { fromTable } from '../flags.ts' with { type: 'macro' };
import { takeName } from '../naming/take-name.ts';
import { inputOf } from '../values.ts';
import type { Spec } from '../verb.ts';

const table = fromTable('register', ['kind', 'about']);

const spec: Spec = {
  name: 'register',
  summary: table.summary,
  usage: '[name]',
  group: 'people',
  words: { min: 0, max: 1 },
  flags: table.flags,
  examples: [
    ['ipc register gemini', 'commands of this shell now act as gemini'],
    ['ipc register --kind agent --about "the parser"', 'any free name: agent-N'],
  ],
  notes: 'When a live session holds the name you get the next one, such as gemini-2, and are told.',
  operations: {
    register: {
      name: 'first word',
      key: 'the home',
      anchor: 'this shell',
      hold: 'a connection that stays',
      doors: 'likewise',
      executors: 'the host of a kernel',
    },
  },
};

type Registered = Output<'register'>;

async function run(call: Call): Promise<void> {
  const [wanted] = call.words;
  const name = wanted === undefined ? undefined : parseOwnName(wanted);
  await using session = await call.open({ agent: 'none' });
  const asked = inputOf<'register'>(table, call.values);
  if (name !== undefined && session.identity.kind === 'agent') refuseUserName(call.world.environment, name);
  const registered = await takeName(session, { ...asked, kind: asked.kind ?? session.identity.kind }, name);
  if (name !== undefined && registered.name.toLowerCase() !== name.toLowerCase())
    await call.output.warn(`${name} is held by a live session; you are ${registered.name}`);
  if (session.identity.bindings.length === 0)
    await call.output.warn(
      `no shell here to bind the name to: IPC_AGENT=${registered.name} or --as ${registered.name} keeps it`,
    );
  await call.tell(registered, ({ style }) => registeredText(registered, style.name));
}

function registeredText(
  { name, waiting, held, others }: Registered,
  paint: (text: string) => string,
): string {
  const holding = held === 0 ? '' : `, ${held} held`;
  const here = others.length === 0 ? 'nobody else here' : `here: ${others.join(', ')}`;
  return `Registered as ${paint(name)}, ${waiting} waiting${holding}; ${here}\n`;
}

export const verb = { spec, run };
