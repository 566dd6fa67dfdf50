/** Who is here: agents, how each can be reached, topics. */
import type { AgentView } from '../protocol/model.ts';
import type { Output } from '../protocol/operations.ts';
import { openDoorWords } from './doors.ts';
import { visibleLine } from './escape.ts';
import type { Look } from './person.ts';
import type { Style } from './style.ts';
import { table, type Cell } from './table.ts';
import { ago, exact, isForever, relative } from './time.ts';

/** What to do next, in the words of whoever reads: a person has commands, a model has tools. */
export interface NextSteps {
  readonly takeName: string;
  readonly joinTopic: string;
  readonly release: (name: string) => string;
}

const withCommands: NextSteps = {
  takeName: 'ipc register <name>',
  joinTopic: 'ipc topic join <topic>',
  release: (name) => `ipc release ${name}`,
};

export const withTools: NextSteps = {
  takeName: 'register',
  joinTopic: 'mailbox, action join',
  release: () => 'mailbox, action unmute, after a mute; else a person',
};

export function whoText(who: Output<'who'>, look: Look, next = withCommands): string {
  const { style } = look;
  const rows = who.agents.map((agent) => row(agent, look));
  const head = ['name', 'kind', 'here', 'waiting', 'push', 'where', 'working on'].map((text) => ({
    text,
    paint: style.faint,
  }));
  const list = rows.length === 0 ? 'nobody is here\n' : table([head, ...rows]);
  const you =
    who.you === undefined
      ? `you have no name here yet: ${next.takeName}`
      : `(you are ${visibleLine(who.you)})`;
  return `${list}${style.faint(you)}\n`;
}

function row(agent: AgentView, { style, now }: Look): Cell[] {
  const here =
    agent.presence === 'online' ? style.good : agent.presence === 'idle' ? style.warn : style.faint;
  const held = agent.held > 0 ? ` (+${agent.held} held)` : '';
  return [
    { text: agent.you ? `${visibleLine(agent.name)} *` : visibleLine(agent.name), paint: style.name },
    { text: agent.kind },
    { text: hereWords(agent, now), paint: here },
    { text: `${agent.waiting}${held}` },
    { text: openDoorWords(agent) || '-' },
    { text: placeOf(agent) },
    { text: visibleLine(agent.about ?? '') },
  ];
}

function hereWords(agent: AgentView, now: number): string {
  const paused = agent.pausedUntil === undefined ? '' : ', paused';
  if (agent.presence === 'unborn') return `not here yet${paused}`;
  if (agent.presence !== 'gone' || agent.seenAt === undefined) return `${agent.presence}${paused}`;
  return `gone, seen ${ago(agent.seenAt, now)}${paused}`;
}

function placeOf(agent: AgentView): string {
  const session = agent.sessions.find((candidate) => candidate.role === 'holder') ?? agent.sessions[0];
  if (session === undefined) return '-';
  const project = session.project ?? session.directory ?? '';
  const branch = session.branch === undefined ? '' : `@${session.branch}`;
  return visibleLine(`${session.client} ${project}${branch}`.trim());
}

/** One agent, with everything known of it. */
export function agentText(agent: AgentView, look: Look, next = withCommands): string {
  const { style, now, offset } = look;
  const lines: [string, string][] = [
    ['kind', agent.kind],
    ['here', hereWords(agent, now)],
    ['waiting', String(agent.waiting)],
  ];
  if (agent.held > 0) lines.push(['held', `${agent.held}; let them through: ${next.release(agent.name)}`]);
  if (agent.pausedUntil !== undefined) lines.push(['paused', untilWords(agent.pausedUntil, look)]);
  if (agent.about !== undefined) lines.push(['working on', visibleLine(agent.about)]);
  if (agent.doors.length > 0) lines.push(['push', openDoorWords(agent)]);
  if (agent.confirmedDoors.length > 0) lines.push(['confirmed by', agent.confirmedDoors.join(', ')]);
  if (agent.topics.length > 0)
    lines.push(['topics', agent.topics.map((topic) => `#${topic.replace(/^#/, '')}`).join(', ')]);
  if (agent.forwards.length > 0) lines.push(['older names', agent.forwards.join(', ')]);
  if (agent.seenAt !== undefined)
    lines.push(['seen', `${ago(agent.seenAt, now)} ${exact(agent.seenAt, offset)}`]);
  for (const session of agent.sessions) {
    const where = [session.directory, session.branch === undefined ? undefined : `on ${session.branch}`];
    const place = where.filter((part) => part !== undefined).join(' ');
    const pid = session.pid === undefined ? '' : ` pid ${session.pid}`;
    lines.push([
      'session',
      visibleLine(`${session.client}${pid} (${session.role}) ${place}, since ${ago(session.since, now)}`),
    ]);
  }
  const facts = table(lines.map(([label, text]) => [{ text: `  ${label}`, paint: style.faint }, { text }]));
  return `${style.name(style.strong(visibleLine(agent.name)))}\n${facts}`;
}

export function untilWords(instant: string, { now, offset }: Look): string {
  return isForever(instant) ? 'until lifted' : `until ${exact(instant, offset)}, ${relative(instant, now)}`;
}

export function topicsText(list: Output<'topic.list'>, style: Style, next = withCommands): string {
  if (list.topics.length === 0) return `no topics yet: ${next.joinTopic}\n`;
  return table(
    list.topics.map(({ topic, members, joined }) => [
      { text: `${visibleLine(topic)}${joined ? ' *' : ''}`, paint: style.name },
      { text: members.join(', ') || 'nobody' },
    ]),
  );
}
