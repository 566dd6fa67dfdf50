/**
 * The specification's own conformance suite, all scenarios for servers, pending ones too: against a server that has
 * the things it asks for by name, on this project's HTTP layer; and against the compiled `ipc serve`, which
 * has none of them, with the list of what therefore fails. A scenario that begins to pass fails the run.
 */
import { expect, test } from 'bun:test';
import { join, resolve } from 'node:path';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { McpSessions } from '../../src/http/mcp/sessions.ts';
import { routing } from '../../src/http/routes.ts';
import { HttpDoor } from '../../src/http/server.ts';
import { systemClock } from '../../src/system/clock.ts';
import { createToken, openTokens } from '../../src/system/tokens.ts';
import { openDoor } from './http-door.ts';
import { tokenFor } from './http-mcp-client.ts';
import { openMachine } from './machine.ts';
import { serveFixture } from '../support/conformance-fixture.ts';
import { temporaryHome } from '../support/home.ts';
import { parseOwnName } from '../../src/protocol/names.ts';
import { withToken } from '../support/with-token.ts';

const SUITE = resolve(import.meta.dir, '../../node_modules/@modelcontextprotocol/conformance/dist/index.js');

/**
 * Pending in the suite itself: it speaks as a client of 2025-03-26 and wants the event that begins a stream,
 * which the SDK sends from 2025-11-25 on, since older clients cannot read it.
 */
const pending = ['server-sse-polling'];

/** What the suite asks for by name and a mailbox does not have. */
const withoutFixtures = [
  'json-schema-2020-12',
  'tools-call-simple-text',
  'tools-call-image',
  'tools-call-audio',
  'tools-call-embedded-resource',
  'tools-call-mixed-content',
  'tools-call-with-logging',
  'tools-call-error',
  'tools-call-with-progress',
  'tools-call-sampling',
  'tools-call-elicitation',
  'elicitation-sep1034-defaults',
  'elicitation-sep1330-enums',
  'resources-read-text',
  'resources-read-binary',
  'resources-templates-read',
  'resources-subscribe',
  'resources-unsubscribe',
  'prompts-get-simple',
  'prompts-get-with-args',
  'prompts-get-embedded-resource',
  'prompts-get-with-image',
];

async function conformance(url: string, expectedFailures: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), 'ipc-conformance-'));
  try {
    const list = join(folder, 'expected.yml');
    const lines = expectedFailures.map((name) => `  - ${name}\n`).join('');
    await Bun.write(list, lines === '' ? 'server: []\n' : `server:\n${lines}`);
    const child = Bun.spawn(
      [
        process.execPath,
        '--bun',
        SUITE,
        'server',
        '--suite',
        'all',
        '--url',
        `${url}/mcp`,
        '--expected-failures',
        list,
        '-o',
        folder,
      ],
      { cwd: folder, stdin: 'ignore', stdout: 'pipe', stderr: 'pipe' },
    );
    const [code, out, err] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()]);
    return { code, said: `${out}${err}` };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

test('every scenario but a pending one passes on this HTTP layer', async () => {
  await using home = await temporaryHome();
  const { now } = systemClock();
  const wish = { agent: parseOwnName('fixture'), scopes: ['send'], now: now() } as const;
  const { secret } = await createToken(home.paths, wish);
  const sessions = new McpSessions(serveFixture);
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
  try {
    using way = withToken(server.url, secret);
    const { code, said } = await conformance(way.url, pending);
    expect(said).toMatch(/Total: \d+ passed, 0 failed/);
    expect(code, said).toBe(0);
  } finally {
    await server.stop();
    await sessions.close();
  }
});

test('the compiled server fails only for what it does not have', async () => {
  await using machine = await openMachine();
  const door = await openDoor(machine);
  using way = withToken(door.url, await tokenFor(machine, 'tester'));
  const { code, said } = await conformance(way.url, [...pending, ...withoutFixtures]);
  expect(code, said).toBe(0);
});
