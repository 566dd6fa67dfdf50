/** An older program at the store of a newer one: its own daemon refuses, the newer one's may be on its way back. */
import { expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { reach } from '../../src/rpc/ensure.ts';
import { fakeServer } from '../support/fake-server.ts';
import { temporaryHome, type TestHome } from '../support/home.ts';
import { rejection } from '../support/rejection.ts';
import { until } from '../support/until.ts';

const REPORT = { failure: { code: 'store_newer', message: 'made by a newer ipc', hint: '', retry: false } };

/** A program whose daemon always refuses; the file shows that it has. */
async function older(home: TestHome) {
  const refused = join(home.path, 'refused');
  const command = join(home.path, 'older');
  await writeFile(command, `#!/bin/sh\necho '${JSON.stringify(REPORT)}'\necho >> '${refused}'\nexit 69\n`);
  await chmod(command, 0o755);
  const parts = {
    paths: home.paths,
    environment: home.environment,
    start: 'absent',
    command: [command],
  } as const;
  const reached = (): Promise<void> =>
    reach(parts, (connection) => {
      connection.end();
      return { data: () => undefined, closed: () => undefined };
    });
  return { refused, reached };
}

test('waits a moment for the newer daemon, which a restart brings back', async () => {
  await using home = await temporaryHome();
  const { refused, reached } = await older(home);
  const reaching = reached();
  await until(() => existsSync(refused), 'its daemon to refuse');
  await using _newer = fakeServer(home);
  expect(await reaching).toBeUndefined();
});

test('is told so when nobody brings that one back, and has started its own once only', async () => {
  await using home = await temporaryHome();
  const { refused, reached } = await older(home);
  expect(await rejection(reached())).toMatchObject({ code: 'store_newer' });
  expect(await Bun.file(refused).text()).toBe('\n');
});
