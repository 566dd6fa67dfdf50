/** `ipc topic …`: joined and left; what is sent to #name reaches everyone in it. */
import { topicsText } from '../../present/people.ts';
import { Failure } from '../../protocol/failures.ts';
import { isName } from '../../protocol/names.ts';
import type { Call } from '../call.ts';
import { fromTable } from '../flags.ts' with { type: 'macro' };
import type { Verb } from '../verb.ts';

const listTable = fromTable('topic.list');
const joinTable = fromTable('topic.join');
const leaveTable = fromTable('topic.leave');

export const list: Verb = {
  spec: {
    name: 'topic list',
    summary: listTable.summary,
    usage: '',
    group: 'people',
    words: { min: 0, max: 0 },
    flags: [],
    examples: [['ipc topic list', '* marks those you are in']],
    operations: { 'topic.list': {} },
  },
  run: async (call: Call) => {
    await using session = await call.open({ agent: 'held' });
    const topics = await session.operations['topic.list']({});
    await call.print(topics, ({ style }) => topicsText(topics, style));
  },
};

export const join: Verb = {
  spec: {
    name: 'topic join',
    summary: joinTable.summary,
    usage: '<topic>',
    group: 'people',
    words: { min: 1, max: 1 },
    flags: [],
    examples: [['ipc topic join reviews', 'then: ipc send "#reviews" "ready"']],
    operations: { 'topic.join': { topic: 'first word' } },
  },
  run: async (call: Call) => {
    const topic = topicName(call.words[0] ?? '');
    await using session = await call.open();
    const joined = await session.operations['topic.join']({ topic });
    await call.tell(joined, () => `in ${joined.topic}: ${joined.members.join(', ')}\n`);
  },
};

export const leave: Verb = {
  spec: {
    name: 'topic leave',
    summary: leaveTable.summary,
    usage: '<topic>',
    group: 'people',
    words: { min: 1, max: 1 },
    flags: [],
    examples: [['ipc topic leave reviews', 'nothing more from it']],
    operations: { 'topic.leave': { topic: 'first word' } },
  },
  run: async (call: Call) => {
    const topic = topicName(call.words[0] ?? '');
    await using session = await call.open();
    const left = await session.operations['topic.leave']({ topic });
    await call.tell(left, () => (left.left ? `left ${left.topic}\n` : `you were not in ${left.topic}\n`));
  },
};

/** `reviews` or `#reviews`. */
function topicName(text: string): string {
  const name = text.startsWith('#') ? text.slice(1) : text;
  if (isName(name)) return name;
  throw new Failure('invalid_name', `wanted the name of a topic, found ${JSON.stringify(text)}`);
}
