/** Backup and doctor, against a daemon of the test's own. */
import { describe, expect, test } from 'bun:test';
import { mkdir } from 'node:fs/promises';
import { fakeServer } from '../support/fake-server.ts';
import { temporaryHome } from '../support/home.ts';
import { runIpc } from '../support/processes.ts';

describe('backup', () => {
  test('keeps files in the folders of the store, so that they can be copied back', async () => {
    await using home = await temporaryHome();
    const sha = `ab${'0'.repeat(62)}`;
    await mkdir(`${home.path}/made/ab`, { recursive: true });
    await Bun.write(`${home.path}/made/ab/${sha}`, 'weights');
    await Bun.write(`${home.path}/made/copy.db`, 'store');
    await using _server = fakeServer(home, {
      'store.backup': async () => ({
        path: `${home.path}/made/copy.db`,
        bytes: 5,
        blobs: [`${home.path}/made/ab/${sha}`],
      }),
    });
    const target = `${home.path}/monday.db`;
    const { code, stdout } = await runIpc(home, ['backup', target, '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ path: target, blobs: [`${target}.blobs/ab/${sha}`] });
    expect(await Bun.file(`${target}.blobs/ab/${sha}`).text()).toBe('weights');
  });

  test('says in its help how to restore, and that keys are apart', async () => {
    await using home = await temporaryHome();
    const { stdout } = await runIpc(home, ['help', 'backup']);
    for (const words of ['ipc daemon stop', '.blobs/. ~/.ipc/blobs/', '~/.ipc/keys'])
      expect(stdout).toContain(words);
  });
});

describe('doctor', () => {
  test.each([
    ['999.0.0', 'type -a ipc'],
    ['0.0.1', 'ipc daemon restart'],
  ])('beside a daemon of %s advises %s', async (version, run) => {
    await using home = await temporaryHome();
    await using _server = fakeServer(home, {
      'daemon.status': async () => ({
        pid: 1,
        version,
        memoryBytes: 1,
        socket: home.paths.socket,
        walBytes: 0,
        waiting: 0,
        held: 0,
        dead: 0,
      }),
      'store.verify': async () => ({ ok: true, problems: [], missingBlobs: [] }),
    });
    const { stdout } = await runIpc(home, ['doctor', '--json']);
    const { findings } = JSON.parse(stdout) as { findings: { what: string; run?: string }[] };
    expect(findings.find(({ what }) => what === 'daemon')?.run).toBe(run);
  });
});
