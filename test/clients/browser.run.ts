/**
 * A web page of a stranger's site in a real browser neither reads from `ipc serve` nor sends to it (issue 4,
 * I6): from another origin, from another port of this machine, and by a name of its own that leads here
 * (DNS rebinding). The same page gets through to a server without a guard: it is no blunt weapon.
 */
import { describe, expect } from 'bun:test';
import { Caller, openDoor } from '../e2e/http-door.ts';
import { type Machine, openMachine } from '../e2e/machine.ts';
import { browserTest, openBrowser } from './chromium.ts';
import { attempts, openSite, type Site } from './hostile-page.ts';

const allRefused = Object.fromEntries(attempts.map((what) => [what, 'refused']));

interface Victim extends AsyncDisposable {
  readonly machine: Machine;
  readonly token: string;
}

async function openVictim(): Promise<Victim> {
  const machine = await openMachine();
  await machine.ok(['webhook', 'add', 'open', '--to', 'bob', '--verify', 'bearer']);
  const token = (
    await machine.ok(['token', 'create', '--agent', 'ann', '--scope', 'send,check,read,manage'])
  ).trim();
  await machine.ok(['send', 'bob', 'for bob alone', '--as', 'ann']);
  return { machine, token, [Symbol.asyncDispose]: () => machine[Symbol.asyncDispose]() };
}

/** What was in bob's mailbox before is all that is in it. */
async function expectUntouched({ machine }: Victim): Promise<void> {
  const { messages } = await machine.json<{ messages: { body: string }[] }>(['check', '--as', 'bob']);
  expect(messages.map(({ body }) => body)).toEqual(['for bob alone']);
}

describe('a hostile page', () => {
  browserTest.each([
    ['of another site', 'http://evil.example'],
    ['on another port of this machine', 'http://localhost'],
  ])('%s reads nothing and sends nothing', async (_what, origin) => {
    await using victim = await openVictim();
    const door = await openDoor(victim.machine);
    await using site = openSite({ hostname: '127.0.0.1', target: door.url, token: victim.token });
    await using _browser = await openBrowser(`${origin}:${site.port}/`, { 'evil.example': '127.0.0.1' });
    site.attack();
    expect((await site.ended).read).toEqual(allRefused);
    await expectUntouched(victim);
    expect((await new Caller(door, victim.token).ask('/v1')).status).toBe(200);
    await door.stop();
    // It did come here, and often: what refused it is this server.
    expect(door.log().match(/ status=403 code=not_allowed/g)?.length).toBeGreaterThan(8);
    expect(door.log()).not.toContain('status=401');
  });

  browserTest('whose name leads here once it is loaded reads nothing and sends nothing', async () => {
    await using victim = await openVictim();
    await using site = openSite({ hostname: '127.0.0.2', token: victim.token });
    await using _browser = await openRebound(site);
    await site.opened;
    await site.leave();
    const door = await openDoor(victim.machine, ['--host', '127.0.0.2', '--port', String(site.port)]);
    site.attack();
    expect((await site.ended).read).toEqual(allRefused);
    await expectUntouched(victim);
    await door.stop();
    expect(door.log().match(/ status=403 code=not_allowed/g)?.length).toBeGreaterThan(8);
    expect(door.log()).not.toContain('status=401');
  });

  browserTest('gets through to a server that has no guard', async () => {
    const seen: string[] = [];
    await using site = openSite({ hostname: '127.0.0.2', token: 'any' });
    await using _browser = await openRebound(site);
    await site.opened;
    await site.leave();
    const open = Bun.serve({
      hostname: '127.0.0.2',
      port: site.port,
      fetch: async (request, server) => {
        seen.push(await request.text());
        if (server.upgrade(request)) return undefined;
        return request.url.includes('/v1/events')
          ? new Response('data: x\n\n', { headers: { 'content-type': 'text/event-stream' } })
          : new Response('1');
      },
      websocket: { message: () => undefined },
    });
    site.attack();
    const { read } = await site.ended;
    await open.stop(true);
    expect(Object.keys(read).filter((what) => read[what] === 'refused')).toEqual(['image', 'beacon']);
    const bodies = seen.join(' ').replaceAll('+', ' ');
    for (const what of ['fetch with the token', 'fetch as text', 'form', 'beacon', 'request of old'])
      expect(bodies).toContain(`${what} of a page`);
  });
});

function openRebound(site: Site): Promise<AsyncDisposable> {
  return openBrowser(`http://rebound.example:${site.port}/`, { 'rebound.example': '127.0.0.2' });
}
