/** Sessions of `/mcp` on this project's own HTTP layer, with one token and no mailbox behind them. */
import type { McpSessions } from '../../src/http/mcp/sessions.ts';
import { routing } from '../../src/http/routes.ts';
import { HttpDoor } from '../../src/http/server.ts';
import { parseOwnName } from '../../src/protocol/names.ts';
import { systemClock } from '../../src/system/clock.ts';
import { createToken, openTokens } from '../../src/system/tokens.ts';
import { temporaryHome } from './home.ts';

export interface FixtureDoor extends AsyncDisposable {
  readonly url: string;
  readonly token: string;
}

export async function openFixtureDoor(sessions: McpSessions): Promise<FixtureDoor> {
  const home = await temporaryHome();
  const { now } = systemClock();
  const wish = { agent: parseOwnName('fixture'), scopes: ['send'], now: now() } as const;
  const { secret } = await createToken(home.paths, wish);
  const route = { methods: ['DELETE', 'GET', 'POST'], bodyLimit: 4_194_304, handle: sessions.handle };
  const many = 1e9;
  const door = new HttpDoor(
    {
      host: '127.0.0.1',
      port: 0,
      guard: { names: new Set(), anyAddress: 'refused' },
      limits: {
        tokenPerMinute: many,
        addressPerMinute: many,
        streams: 100,
        idleSeconds: 30,
        keepAliveSeconds: 15,
      },
      open: () => Promise.reject(new Error('the fixture has no mailbox')),
      tokens: openTokens(home.paths),
      paths: home.paths,
      defaultTo: () => 'nobody',
      now,
      log: () => undefined,
    },
    routing(route),
  );
  const server = door.start();
  return {
    url: server.url,
    token: secret,
    [Symbol.asyncDispose]: async () => {
      await server.stop();
      await sessions.close();
      await home[Symbol.asyncDispose]();
    },
  };
}
