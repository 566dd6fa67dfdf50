/** Names, presence, topics and do-not-disturb: who is here, and who may say so. */
import { Failure } from '../protocol/failures.ts';
import type { Door, MessageId } from '../protocol/model.ts';
import { nameKey, parseAddress, parseOwnName, type AgentName } from '../protocol/names.ts';
import type { Handlers, Output, Request } from '../protocol/operations.ts';
import { renamedNotice } from './notices.ts';
import type { AgentProfile, AgentRecord, Anchor, Claim } from './records/agents.ts';
import type { Desk } from './desk.ts';
import { granted, type Outcome } from './outcome.ts';
import { retell, type Session } from './session.ts';
import { agentView, instant, pausedView, presenceOf } from './view.ts';

type Directory =
  | 'agent.remove'
  | 'describe'
  | 'mute'
  | 'pause'
  | 'register'
  | 'release'
  | 'rename'
  | 'topic.join'
  | 'topic.leave'
  | 'topic.list'
  | 'who'
  | 'whoami';

/** Correspondents of the last week are told of a new name. */
const TELL_MS = 7 * 24 * 3_600_000;

export function directoryHandlers(desk: Desk, session: Session): Pick<Handlers, Directory> {
  const now = (): number => desk.clock.now();
  return {
    'agent.remove': async ({ name, force }) => removeAgent(desk, session, { name, force: force === true }),
    describe: async ({ activity, about }) => {
      const agent = session.acting().id;
      if (about !== undefined || activity === 'prompted') {
        await desk.store.describe({
          agent,
          ...(about === undefined ? {} : { about }),
          prompted: activity === 'prompted',
          now: now(),
        });
      }
      if (activity !== undefined) await desk.presence.setIdle(agent, { idle: activity === 'idle' });
      if (activity !== 'idle') return { reminded: [] };
      const { ids, wake } = await desk.store.remind({ agent, now: now(), compose: desk.compose });
      desk.wake.publish(wake);
      return { reminded: [...ids] as MessageId[] };
    },
    mute: async ({ name, off }) => {
      if (nameKey(name) === 'system')
        throw new Failure('not_allowed', 'wanted a sender to mute; what the system says cannot be');
      const muted = off !== true;
      const step = { agent: session.acting().id, name, muted, now: now() };
      const { released, wake } = granted(await desk.store.mute(step));
      desk.wake.publish(wake);
      return { name, muted, released };
    },
    pause: async (request) => pause(desk, session, request),
    register: async (request) => register(desk, session, request),
    release: async ({ id, name }) => {
      desk.heldNotices.released();
      const { released, wake } = granted(
        await desk.store.release({ id: id ?? null, name: name ?? null, now: now() }),
      );
      desk.wake.publish(wake);
      return { released };
    },
    rename: async ({ name }) => rename(desk, session, parseOwnName(name)),
    'topic.join': async ({ topic }) => ({
      topic: `#${topic}`,
      members: [
        ...(await desk.store.join({ agent: session.acting().id, topic: topicName(topic), now: now() })),
      ],
    }),
    'topic.leave': async ({ topic }) => ({
      topic: `#${topic}`,
      left: await desk.store.leave({ agent: session.acting().id, topic: topicName(topic) }),
    }),
    'topic.list': async () => {
      const topics = await desk.store.topics({ viewer: session.agent?.id ?? null });
      return {
        topics: topics.map(({ topic, members, joined }) => ({
          topic: `#${topic}`,
          members: [...members],
          joined,
        })),
      };
    },
    who: async ({ name, all }) => who(desk, session, { name: name ?? null, all: all === true }),
    whoami: async () => {
      const { agent } = session;
      if (agent === null) return { kind: session.kind };
      await desk.presence.settle();
      const around = { now: now(), processes: desk.processes };
      // Renamed or removed by another at this very moment, it is under its name no more.
      const profiles = await desk.store.agents({ name: agent.name, now: around.now });
      const own = profiles.find(({ id }) => id === agent.id);
      if (own === undefined) return { kind: session.kind };
      return { you: agentView(own, agent.id, around), kind: session.kind };
    },
  };
}

async function who(
  desk: Desk,
  session: Session,
  query: { name: AgentName | null; all: boolean },
): Promise<Output<'who'>> {
  await desk.presence.settle();
  const around = { now: desk.clock.now(), processes: desk.processes };
  const you = session.agent?.id ?? null;
  const wanted = query.all ? {} : { beside: you === null ? [] : [you] };
  const profiles = await desk.store.agents({ name: query.name, ...wanted, now: around.now });
  if (query.name !== null && profiles.length === 0) throw noSuchAgent(query.name);
  const shown = profiles.filter(
    (profile) => query.all || query.name !== null || profile.id === you || isHere(profile, around),
  );
  const agents = shown.map((profile) => agentView(profile, you, around));
  return session.agent === null ? { agents } : { you: session.agent.name, agents };
}

function isHere(profile: AgentProfile, around: Parameters<typeof presenceOf>[1]): boolean {
  const presence = presenceOf(profile, around);
  return presence === 'online' || presence === 'idle';
}

async function register(
  desk: Desk,
  session: Session,
  request: Request<'register'>,
): Promise<Output<'register'>> {
  if (request.kind === 'human' && session.caller.kind !== 'human') {
    throw new Failure(
      'not_allowed',
      `only a person at a terminal is of kind human, found ${session.caller.kind}`,
    );
  }
  if ((request.kind === 'kernel') !== (session.caller.kind === 'kernel')) {
    throw new Failure('not_allowed', `only the host of a kernel registers one, found ${session.caller.kind}`);
  }
  if (request.kind === 'kernel' && (request.name === undefined || request.hold !== true)) {
    throw new Failure('invalid', 'wanted a name to be held: a kernel is there as long as its host is');
  }
  const { program } = session.caller;
  const former = session.agent;
  const before = former?.id ?? desk.kin.of(program, undefined).at(-1);
  // Of one name after the other each would have an allowance of its own.
  const isAnother = former !== null && nameKey(former.name) !== nameKey(request.name ?? '');
  if (isAnother && session.kind === 'agent') desk.guard.spend(former.id, desk.policy().guard);
  await desk.presence.settle();
  const doors = request.doors ?? [];
  const claim: Claim = {
    name: request.name === undefined ? null : parseOwnName(request.name),
    keyHash: desk.ids.hash(request.key),
    kind: request.kind,
    about: request.about ?? null,
    anchor: request.anchor ?? null,
    session: session.id,
    hold: request.hold === true ? desk.presence.holderSeat(session.seat('holder'), doors) : null,
    deadAnchor: null,
    kin: [...(former === null ? [] : [former.id]), ...desk.kin.of(program, former?.id)],
    now: desk.clock.now(),
  };
  const claimed = granted(
    await pastDeadAnchors(desk, (deadAnchor) => desk.store.claim({ ...claim, deadAnchor })),
  );
  if (before !== undefined) desk.guard.follow(before, claimed.agent.id);
  desk.kin.note(program, claimed.agent.id);
  await hold(desk, session, claim, claimed.agent, doors);
  if (request.kind === 'kernel') {
    const executors = request.executors ?? [];
    await desk.kernels.hosts({ kernel: claimed.agent, session, executors, now: claim.now });
  }
  const { agents } = await who(desk, session, { name: null, all: false });
  return {
    name: claimed.agent.name,
    created: claimed.created,
    waiting: claimed.waiting,
    held: claimed.held,
    others: agents.filter((agent) => !agent.you).map((agent) => agent.name),
  };
}

/** From here on the session, and every other of this agent's, acts as it is now. */
async function hold(
  desk: Desk,
  session: Session,
  { hold: held }: Claim,
  agent: AgentRecord,
  doors: readonly Door[],
): Promise<void> {
  if (held !== null && session.closed) {
    // The connection broke while the name was being taken: it must not be held by nobody.
    await desk.store.detach({ session: session.id, now: desk.clock.now() });
    throw new Failure('interrupted', 'the session ended before it had its name');
  }
  session.agent = agent;
  retell(desk, agent.id, () => agent);
  if (held !== null) await desk.presence.taken({ ...held.seat, agent: agent.id }, doors);
}

/**
 * The store cannot look at processes. It names the anchor that stands in the way; when that process
 * is dead the step is made again past exactly that anchor, so a newer holder still wins the race.
 */
async function pastDeadAnchors<T>(
  desk: Desk,
  step: (deadAnchor: Anchor | null) => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  const outcome = await step(null);
  if (outcome.ok || outcome.code !== 'name_live') return outcome;
  const anchor = anchorIn(outcome.details);
  if (anchor === null || desk.processes.alive(anchor)) return outcome;
  return step(anchor);
}

function anchorIn(details: Readonly<Record<string, unknown>> | undefined): Anchor | null {
  const pid = details?.['pid'];
  const startedAt = details?.['startedAt'];
  return typeof pid === 'number' && typeof startedAt === 'string' ? { pid, startedAt } : null;
}

async function rename(desk: Desk, session: Session, name: AgentName): Promise<Output<'rename'>> {
  const agent = session.acting();
  // All its correspondents are told of each.
  if (session.kind === 'agent') desk.guard.spend(agent.id, desk.policy().guard);
  const now = desk.clock.now();
  const until = now + desk.policy().forwardMs;
  const change = { agent: agent.id, name, until, tellSince: now - TELL_MS, now };
  const notice = renamedNotice(desk.ids, { agent: agent.id, from: agent.name, to: name, until, now });
  desk.kernels.known(agent);
  const renamed = granted(await desk.store.rename({ ...change, notice }));
  retell(desk, agent.id, (record) => ({ ...record, name }));
  desk.wake.publish(renamed.wake);
  desk.due(until);
  // Only the case changed, or nothing: there is no older name to lead here.
  if (nameKey(agent.name) === nameKey(name)) return { from: renamed.from, to: name, told: 0 };
  return { from: renamed.from, to: name, forwardsUntil: instant(until), told: renamed.told };
}

async function pause(desk: Desk, session: Session, request: Request<'pause'>): Promise<Output<'pause'>> {
  const target = await pausable(desk, session, request.name);
  const now = desk.clock.now();
  const until =
    request.off === true
      ? null
      : request.seconds === undefined
        ? Number.POSITIVE_INFINITY
        : now + request.seconds * 1000;
  const { released, wake } = await desk.store.pause({ agent: target.id, until, now });
  desk.wake.publish(wake);
  if (until !== null && Number.isFinite(until)) desk.due(until);
  return { name: target.name, ...pausedView(until), released };
}

async function pausable(
  desk: Desk,
  session: Session,
  name: AgentName | undefined,
): Promise<Pick<AgentRecord, 'id' | 'name'>> {
  if (name === undefined) return session.acting();
  const [profile] = await desk.store.agents({ name, now: desk.clock.now() });
  if (profile === undefined) throw noSuchAgent(name);
  if (profile.id !== session.agent?.id && session.kind !== 'human') {
    throw new Failure('not_allowed', `only a person may pause somebody else, found kind ${session.kind}`);
  }
  return profile;
}

async function removeAgent(
  desk: Desk,
  session: Session,
  step: { name: AgentName; force: boolean },
): Promise<Output<'agent.remove'>> {
  const own = session.agent !== null && nameKey(session.agent.name) === nameKey(step.name);
  if ((session.kind === 'agent' || session.kind === 'webhook') && !own) {
    throw new Failure(
      'not_allowed',
      `a session of kind ${session.kind} may remove its own agent only; ask the person`,
    );
  }
  const now = desk.clock.now();
  const removed = granted(
    await pastDeadAnchors(desk, (deadAnchor) => desk.store.remove({ ...step, deadAnchor, now })),
  );
  retell(desk, removed.agent, () => null);
  return { removed: removed.name, discarded: removed.discarded };
}

function topicName(topic: string): AgentName {
  const address = parseAddress(`#${topic}`);
  if (address.kind !== 'topic')
    throw new Failure('invalid_name', `wanted a topic, found ${JSON.stringify(topic)}`);
  return address.name;
}

function noSuchAgent(name: string): Failure {
  return new Failure('no_such_agent', `nobody named ${name} was ever here`);
}
