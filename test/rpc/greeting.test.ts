/** A daemon that ends before it has answered the hello: the client goes on with the next, or says what it met. */
import { expect, test } from 'bun:test';
import { rmSync } from 'node:fs';
import { clientOf, fakeServer } from '../support/fake-server.ts';
import { temporaryHome, type TestHome } from '../support/home.ts';
import { rejection } from '../support/rejection.ts';

/** Something that hangs up on whoever comes, and counts them. */
function hangsUp({ paths }: TestHome, came: (count: number) => void): { stop(): void } {
  let count = 0;
  const listener = Bun.listen({
    unix: paths.socket,
    socket: {
      open: (socket) => {
        socket.end();
        came((count += 1));
      },
      data: () => undefined,
    },
  });
  return {
    stop: () => {
      listener.stop(true);
      rmSync(paths.socket, { force: true });
    },
  };
}

test('the daemon that comes after it is greeted', async () => {
  await using home = await temporaryHome();
  let next: ReturnType<typeof fakeServer> | undefined;
  const leaving = hangsUp(home, (count) => {
    if (count < 3) return;
    leaving.stop();
    next = fakeServer(home);
  });
  const client = clientOf(home);
  expect(await client.welcome()).toMatchObject({ agent: 'bob' });
  await client.close();
  await next?.[Symbol.asyncDispose]();
});

test('what hangs up for ever is said not to be a daemon of ours', async () => {
  await using home = await temporaryHome();
  const foreign = hangsUp(home, () => undefined);
  const client = clientOf(home);
  expect(await rejection(client.welcome())).toMatchObject({ code: 'daemon_foreign' });
  await client.close();
  foreign.stop();
}, 20_000);
