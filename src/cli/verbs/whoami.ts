/** `ipc whoami`: who I act as, and why. */
import { agentText } from '../../present/people.ts';
import type { Call } from '../call.ts';
import { fromTable } from '../flags.ts' with { type: 'macro' };
import type { Identity } from '../../system/identity.ts';
import type { Spec } from '../verb.ts';

const table = fromTable('whoami');

const spec: Spec = {
  name: 'whoami',
  summary: table.summary,
  usage: '',
  group: 'people',
  words: { min: 0, max: 0 },
  flags: [],
  examples: [['ipc whoami', 'the name commands here act as']],
  notes:
    "The name comes from --as, else IPC_AGENT, else your agent program's session, else what this shell registered, else $USER.",
  operations: { whoami: {} },
};

async function run(call: Call): Promise<void> {
  await using session = await call.open({ agent: 'named' });
  const whoami = await session.operations.whoami({});
  const { you, kind } = whoami;
  await call.print(whoami, (look) => {
    if (you === undefined)
      return `nobody yet (a session of ${session.identity.client}): ipc register <name>\n`;
    const as = kind === you.kind ? '' : `acting as ${kind}\n`;
    return `${agentText(you, look)}${look.style.faint(`${as}${reasonOf(session.identity)}`)}\n`;
  });
}

function reasonOf({ how, client }: Identity): string {
  switch (how) {
    case 'as':
      return 'by --as';
    case 'variable':
      return 'by IPC_AGENT';
    case 'session':
      return `by this session of ${client}`;
    case 'shell':
      return 'registered in this shell';
    case 'user':
      return 'your user name; ipc register <name> gives this shell another';
  }
}

export const verb = { spec, run };
