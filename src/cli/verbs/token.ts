/** `ipc token …`: who may come in by the HTTP door, as which agent, and for what. A token is shown once. */
import { ago, exact } from '../../present/time.ts';
import { table as columns } from '../../present/table.ts';
import { Failure } from '../../protocol/failures.ts';
import { parseOwnName } from '../../protocol/names.ts';
import { isScope, scopes, type Scope } from '../../protocol/scopes.ts';
import { userName } from '../../system/identity.ts';
import { prepareHome } from '../../system/home.ts';
import {
  createToken,
  DEFAULT_TOKEN,
  defaultToken,
  listTokens,
  revokeToken,
  type Token,
} from '../../system/tokens.ts';
import type { Call } from '../call.ts';
import type { Verb } from '../verb.ts';
import { openAs } from '../open-as.ts';

const INITIAL_SCOPES = 'check,read,send';

export const create: Verb = {
  spec: {
    name: 'token create',
    summary: 'Make a token for the HTTP door; it is shown this once',
    usage: '--agent <name>',
    group: 'system',
    words: { min: 0, max: 0 },
    flags: [
      {
        name: 'agent',
        field: 'agent',
        kind: 'text',
        hint: 'name',
        help: 'whoever has the token acts as this agent',
      },
      {
        name: 'scope',
        field: 'scope',
        kind: 'text',
        hint: scopes.join(','),
        help: 'what it is good for',
        initial: INITIAL_SCOPES,
      },
      {
        name: 'expires-in',
        field: 'expiresIn',
        kind: 'duration',
        hint: 'time',
        min: 1,
        help: 'how long it is good; until revoked when absent',
      },
    ],
    examples: [
      ['ipc token create --agent ci --scope send', 'a job that reports and reads nothing'],
      ['TOKEN=$(ipc token create --agent bob --expires-in 30d)', 'the token alone goes to stdout'],
    ],
    notes:
      'Scopes: send puts messages into mailboxes; check empties the mailbox of the agent and follows it; read looks and changes nothing; manage renames.',
    operations: {},
  },
  run: async (call: Call) => {
    const { world, values } = call;
    const name = values.text('agent');
    if (name === undefined)
      throw new Failure('invalid', 'wanted --agent <name>: whom the token acts as', {
        hint: 'ipc token create --agent <name>',
      });
    const seconds = values.number('expiresIn');
    const now = world.now();
    const wish = {
      agent: parseOwnName(name),
      scopes: scopesOf(values.text('scope') ?? INITIAL_SCOPES),
      now,
      expiresAt: seconds === undefined ? undefined : now + seconds * 1_000,
    };
    prepareHome(world.paths, world.environment);
    // Asked before the token is made: a name that belongs to somebody else is refused here, not at midnight.
    const client = await openAs(world, { agent: wish.agent, kind: 'script', client: 'http' });
    await client.close();
    const { token, secret } = await createToken(world.paths, wish);
    await call.print({ token: secret, ...token }, () => `${secret}\n`);
    call.output.say(
      `token ${token.id} acts as ${token.agent}: ${token.scopes.join(', ')}; it is not shown again`,
    );
  },
};

export const show: Verb = {
  spec: {
    name: 'token show',
    summary: 'Print the default token of this home: it sends, as you, and nothing else',
    usage: '',
    group: 'system',
    words: { min: 0, max: 0 },
    flags: [],
    examples: [
      ['curl -H "Authorization: Bearer $(ipc token show)" localhost:8788/v1', 'made when there is none'],
    ],
    operations: {},
  },
  run: async (call: Call) => {
    const { world } = call;
    prepareHome(world.paths, world.environment);
    const wish = { agent: userName(world.environment), scopes: ['send'], now: world.now() } as const;
    const { token, secret } = await defaultToken(world.paths, wish);
    await call.print({ token: secret, ...token }, () => `${secret}\n`);
  },
};

export const list: Verb = {
  spec: {
    name: 'token list',
    summary: 'Tokens of the HTTP door: whom each acts as, and for what',
    usage: '',
    group: 'system',
    words: { min: 0, max: 0 },
    flags: [],
    examples: [['ipc token list', 'ids, never the tokens themselves']],
    operations: {},
  },
  run: async (call: Call) => {
    const tokens = listTokens(call.world.paths);
    await call.print({ tokens }, (look) => {
      if (tokens.length === 0) return 'no tokens; ipc token create --agent <name> makes one\n';
      const rows = tokens.map((token) => [
        { text: token.id, paint: look.style.faint },
        { text: token.agent, paint: look.style.name },
        { text: token.scopes.join(',') },
        { text: endOf(token, look), paint: look.style.faint },
      ]);
      return columns(rows);
    });
  },
};

export const revoke: Verb = {
  spec: {
    name: 'token revoke',
    summary: 'Refuse a token from now on, on open streams too',
    usage: '<id>',
    group: 'system',
    words: { min: 1, max: 1 },
    flags: [],
    examples: [
      ['ipc token revoke 8c02ab1f', 'ids: ipc token list'],
      ['ipc token revoke default', 'the next ipc token show makes another'],
    ],
    operations: {},
  },
  run: async (call: Call) => {
    const [id = ''] = call.words;
    const token = await revokeToken(call.world.paths, id);
    if (token === undefined)
      throw new Failure('no_such_file', `wanted the id of a token, found ${JSON.stringify(id)}`, {
        hint: 'ipc token list',
      });
    await call.tell(
      { revoked: token.id },
      () => `token ${token.id} of ${token.agent} is refused from now on\n`,
    );
  },
};

function scopesOf(text: string): readonly Scope[] {
  const words = text.split(/[\s,]+/).filter((word) => word !== '');
  const unknown = words.filter((word) => !isScope(word));
  if (words.length > 0 && unknown.length === 0) return scopes.filter((scope) => words.includes(scope));
  throw new Failure('invalid', `wanted scopes of ${scopes.join(', ')}; found ${JSON.stringify(text)}`, {
    hint: 'ipc help token create',
  });
}

function endOf(
  { id, created, expires }: Token,
  { now, offset }: { now: number; offset: (at: number) => number },
): string {
  const until = expires === undefined ? '' : `, until ${exact(expires, offset)}`;
  return `${id === DEFAULT_TOKEN ? 'ipc token show, ' : ''}made ${ago(created, now)}${until}`;
}
