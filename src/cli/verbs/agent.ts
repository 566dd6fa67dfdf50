/** `ipc agent …`: agents as things to be listed, shown, and deleted with their mail. */
import { removeKey } from '../../system/keys.ts';
import type { AgentName } from '../../protocol/names.ts';
import type { Call } from '../call.ts';
import { confirmed, yesFlag } from '../confirm.ts';
import { fromTable } from '../flags.ts' with { type: 'macro' };
import { inputOf } from '../values.ts';
import type { Verb } from '../verb.ts';
import { agentName, showWho } from './who.ts';

const removeTable = fromTable('agent.remove', ['force']);

export const list: Verb = {
  spec: {
    name: 'agent list',
    summary: 'Every agent, here or not',
    usage: '',
    group: 'people',
    words: { min: 0, max: 0 },
    flags: [],
    examples: [['ipc agent list', 'as ipc who --all']],
    operations: { who: { all: 'always', name: 'agent show' } },
  },
  run: (call: Call) => showWho(call, { all: true }, undefined),
};

export const show: Verb = {
  spec: {
    name: 'agent show',
    summary: 'Everything known of one agent',
    usage: '<name>',
    group: 'people',
    words: { min: 1, max: 1 },
    flags: [],
    examples: [['ipc agent show bob', 'sessions, doors, topics, older names']],
    operations: { who: { name: 'first word', all: 'agent list' } },
  },
  run: (call: Call) => showWho(call, {}, call.words[0]),
};

export const remove: Verb = {
  spec: {
    name: 'agent remove',
    summary: removeTable.summary,
    usage: '<name>',
    group: 'people',
    words: { min: 1, max: 1 },
    flags: [yesFlag, ...removeTable.flags],
    examples: [['ipc agent remove bob', 'asks first; --yes does not']],
    operations: { 'agent.remove': { name: 'first word' } },
  },
  run: async (call: Call) => {
    const name = agentName(call.words[0] ?? '');
    await using session = await call.open({ agent: 'held' });
    const { agents } = await session.operations.who({ name });
    const waiting = agents[0]?.waiting ?? 0;
    if (!(await confirmed(call, `Delete the agent ${name} and its mailbox, ${waiting} unread?`))) return 130;
    const done = await session.operations['agent.remove']({
      ...inputOf<'agent.remove'>(removeTable, call.values),
      name,
    });
    removeKey(session.paths, done.removed as AgentName);
    await call.tell(done, () => `${done.removed} is gone, ${done.discarded} unread discarded\n`);
    return 0;
  },
};
