/**
 * Names of sessions over HTTP (the rule stands in http/mcp/ipc-session.ts). Their keys lie in the home like
 * all others; which token may have which name is written down beside them, so that a token never opens a
 * mailbox it was not given.
 */
import type { HeldName, NameWish } from '../../http/mcp/ipc-session.ts';
import { nameKey, type AgentName } from '../../protocol/names.ts';
import { clientOf } from '../../rpc/client-of.ts';
import { userName } from '../../system/identity.ts';
import { randomUuid } from '../../system/ids.ts';
import { type Binding, bind, bindAll, readBinding, readKey, sessionBinding } from '../../system/keys.ts';
import { renaming } from '../../system/renamed.ts';
import type { Token } from '../../system/tokens.ts';
import type { World } from '../call.ts';
import { greetingOf, nameNote, takeOrRename } from './held-words.ts';
import type { Held } from './hold-name.ts';
import { namingLock, takeName } from './take-name.ts';

const CLAIM: Parameters<typeof takeName>[1] = { kind: 'agent', hold: true, doors: ['tool'] };

/** Of a client that comes back the one it had, else its token's; none: any. */
export function wantedOverHttp(
  { environment, paths }: Pick<World, 'environment' | 'paths'>,
  wish: NameWish,
): AgentName | undefined {
  const back = bindingsOf(wish).map((binding) => readBinding(paths, binding)?.name);
  return back.find((name) => name !== undefined) ?? ownName(environment, wish.token);
}

function bindingsOf({ token, session }: NameWish): readonly Binding[] {
  return session === undefined ? [] : [sessionBinding('http', `${token.id} ${session}`)];
}

/** A person's name is no session's. */
function ownName(environment: World['environment'], { agent }: Token): AgentName | undefined {
  return nameKey(agent) === nameKey(userName(environment)) ? undefined : agent;
}

export async function holdForHttp({ environment, paths }: World, wish: NameWish): Promise<HeldName> {
  let { token } = wish;
  const own = ownName(environment, token);
  const bindings = bindingsOf(wish);
  const wanted = wantedOverHttp({ environment, paths }, wish);
  const client = clientOf(
    { environment, paths },
    {
      caller: { client: wish.client.slice(0, 100), kind: 'agent', pid: environment.pid },
    },
  );
  const { operations } = client;
  const identity = {
    how: 'session' as const,
    name: wanted,
    borrowed: false,
    kind: 'agent' as const,
    client: wish.client,
    program: undefined,
    told: wanted,
    bindings,
  };
  const claimed = (name: string) => sessionBinding('http-name', `${token.id} ${nameKey(name)}`);
  const remember = (name: AgentName): void => bind(paths, claimed(name), { name, asked: undefined });
  const named = async (name: AgentName | undefined): Promise<Held['registered']> => {
    using _lock = await namingLock(paths);
    const registered = await takeName({ operations, identity, paths }, CLAIM, name);
    remember(registered.name as AgentName);
    return registered;
  };

  const registered = await named(wanted).catch(async (error: unknown) => {
    await client.close();
    throw error;
  });
  let name = registered.name;

  const rename: Held['rename'] = async (to) => {
    const renamed = await renaming(paths, { from: name, to }, () => operations.rename({ name: to }));
    const [before, now] = [renamed.from as AgentName, renamed.to as AgentName];
    name = now;
    bindAll(paths, bindings, { name: now, asked: undefined });
    remember(now);
    if (nameKey(before) === nameKey(token.agent)) token = { ...token, agent: now };
    return renamed;
  };
  const taking = {
    get name() {
      return name;
    },
    owns: (other: AgentName) =>
      nameKey(other) === nameKey(own ?? '') || readBinding(paths, claimed(other)) !== undefined,
    take: async (other: AgentName) => {
      const taken = await named(other);
      name = taken.name;
      return taken;
    },
    rename,
  };
  return {
    operations,
    reader: randomUuid(),
    get name() {
      return name;
    },
    greeting: () =>
      greetingOf(
        { operations, name, note: nameNote({ asked: wanted, name }) },
        { opening: 'You are', fresh: false },
      ),
    take: (other) => takeOrRename(taking, other),
    follow: async (now: Token) => {
      const before = token;
      token = now;
      if (nameKey(before.agent) === nameKey(now.agent) || nameKey(name) !== nameKey(before.agent))
        return false;
      // Renamed over another connection: on a new one this session must not ask for the old name.
      const key = readKey(paths, now.agent);
      if (key !== undefined) name = (await operations.register({ ...CLAIM, name: now.agent, key })).name;
      return key !== undefined;
    },
    close: () => client.close(),
  };
}
