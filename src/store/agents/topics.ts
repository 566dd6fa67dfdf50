/** Topics: joined, left, listed. A topic is there while somebody is in it. */
import type { Store } from '../../core/ports.ts';
import type { AgentId } from '../../core/records/agents.ts';
import { Failure } from '../../protocol/failures.ts';
import { nameKey } from '../../protocol/names.ts';
import type { Engine } from '../engine/context.ts';
import { agentById } from './rows.ts';

const MAKE = 'INSERT OR IGNORE INTO topic (name, name_key) VALUES (?1, ?2)';
const JOIN = `INSERT OR IGNORE INTO membership (topic, agent, since)
  SELECT id, ?2, ?3 FROM topic WHERE name_key = ?1`;
const MEMBERS = `SELECT a.name FROM membership s JOIN agent a ON a.id = s.agent
  WHERE s.topic = (SELECT id FROM topic WHERE name_key = ?1) ORDER BY a.name_key`;
const LEAVE = `DELETE FROM membership
  WHERE topic = (SELECT id FROM topic WHERE name_key = ?1) AND agent = ?2`;
const ALL = `SELECT t.name AS topic, s.agent, a.name FROM topic t JOIN membership s ON s.topic = t.id
  JOIN agent a ON a.id = s.agent ORDER BY t.name_key, a.name_key`;

export function topicMethods(engine: Engine): Pick<Store, 'join' | 'leave' | 'topics'> {
  const { sql, commits } = engine;
  return {
    join: ({ agent, topic, now }) =>
      commits.write(() => {
        // Its session had not heard of the removal yet; what refers to the row would keep it from going.
        if (agentById(sql, agent) === null) throw new Failure('not_registered', 'the agent was removed');
        sql.run(MAKE, topic, nameKey(topic));
        sql.run(JOIN, nameKey(topic), agent, now);
        return sql.all<{ name: string }>(MEMBERS, nameKey(topic)).map(({ name }) => name);
      }),
    leave: ({ agent, topic }) => commits.write(() => sql.run(LEAVE, nameKey(topic), agent) > 0),
    topics: async ({ viewer }) => {
      const topics = new Map<string, { topic: string; members: string[]; joined: boolean }>();
      for (const row of sql.all<{ topic: string; agent: AgentId; name: string }>(ALL)) {
        const known = topics.get(row.topic) ?? { topic: row.topic, members: [], joined: false };
        topics.set(row.topic, known);
        known.members.push(row.name);
        known.joined ||= row.agent === viewer;
      }
      return [...topics.values()];
    },
  };
}
