/**
 * Codex on a terminal or as `codex exec`, with a scripted model on loopback as its provider. A person must
 * approve a new hook in `/hooks`; `approveHooks` leaves in the configuration what that leaves there.
 */
import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { lines, type Machine, openMachine } from '../e2e/machine.ts';
import { openaiApi } from './openai-api.ts';
import { scriptedModel, type ScriptedModel } from './scripted-model.ts';
import { onTerminal, type TerminalProgram } from './terminal.ts';

export interface CodexStage extends AsyncDisposable {
  readonly machine: Machine;
  readonly model: ScriptedModel;
  /** Where its configuration is. */
  readonly folder: string;
  /** `codex exec …` and others that end by themselves; returns what they wrote. */
  run(args: readonly string[]): Promise<string>;
  start(args?: readonly string[]): TerminalProgram;
  /** Approves every hook that is configured now, as they are now. */
  approveHooks(): Promise<void>;
}

const listed = z.object({
  id: z.literal(2),
  result: z.object({
    data: z.array(z.object({ hooks: z.array(z.object({ key: z.string(), currentHash: z.string() })) })),
  }),
});

export async function codexStage(command: string): Promise<CodexStage> {
  await using opened = new AsyncDisposableStack();
  const machine = opened.use(await openMachine({ home: 'usual' }));
  const model = scriptedModel();
  const api = opened.use(openaiApi(model));
  const folder = join(machine.userHome, '.codex');
  const config = join(folder, 'config.toml');
  await Bun.write(config, settings(api.url, machine.directory));
  const environment = { ...machine.environment, HTTPS_PROXY: 'http://127.0.0.1:9', NO_PROXY: '127.0.0.1' };
  const child = (args: readonly string[]): Bun.Subprocess<'pipe', 'pipe', 'pipe'> =>
    Bun.spawn([command, ...args], {
      cwd: machine.directory,
      env: environment,
      stdin: 'pipe',
      stdout: 'pipe',
      stderr: 'pipe',
    });
  const run = async (args: readonly string[]): Promise<string> => {
    const running = child(args);
    await running.stdin.end();
    const [code, out, err] = await Promise.all([
      running.exited,
      running.stdout.text(),
      running.stderr.text(),
    ]);
    if (code !== 0) throw new Error(`codex ${args.join(' ')} ended with ${code}: ${out}${err}`);
    return out + err;
  };
  // A session on a terminal leaves two servers behind.
  opened.defer(async () => {
    await child(['app-server', 'daemon', 'stop']).exited;
    const left = await readFile(join(folder, 'app-server-daemon/daemon-updater.pid'), 'utf8').catch(
      () => '{}',
    );
    const { pid } = z.object({ pid: z.int().min(2).optional() }).parse(JSON.parse(left));
    if (pid !== undefined) process.kill(pid, 'SIGTERM');
  });
  const sessions = opened.use(new AsyncDisposableStack());
  const all = opened.move();
  return {
    machine,
    model,
    folder,
    run,
    start: (args = []) =>
      sessions.use(onTerminal([command, ...args], { cwd: machine.directory, env: environment })),
    approveHooks: async () => {
      const server = child(['app-server', '--listen', 'stdio://']);
      try {
        const found = await hooks(server, machine.directory);
        const trusted = found.map(
          ({ key, currentHash }) =>
            `\n[hooks.state.${JSON.stringify(key)}]\ntrusted_hash = ${JSON.stringify(currentHash)}\n`,
        );
        await appendFile(config, trusted.join(''));
      } finally {
        await server.stdin.end();
        await server.exited;
      }
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

async function hooks(
  server: Bun.Subprocess<'pipe', 'pipe', 'pipe'>,
  directory: string,
): Promise<readonly { key: string; currentHash: string }[]> {
  const requests = [
    { id: 1, method: 'initialize', params: { clientInfo: { name: 'test', version: '1' }, capabilities: {} } },
    { method: 'initialized' },
    { id: 2, method: 'hooks/list', params: { cwds: [directory] } },
  ];
  await server.stdin.write(requests.map((each) => `${JSON.stringify(each)}\n`).join(''));
  await server.stdin.flush();
  for await (const line of lines(server.stdout)) {
    const answer = listed.safeParse(JSON.parse(line));
    if (answer.success) return answer.data.result.data.flatMap((each) => each.hooks);
  }
  throw new Error('codex app-server did not list its hooks');
}

function settings(url: string, directory: string): string {
  return `# A comment of the person's.
model = "gpt-5.2-codex"
model_provider = "script"
check_for_update_on_startup = false
approval_policy = "never"
sandbox_mode = "danger-full-access"

[model_providers.script]
name = "script"
base_url = "${url}/v1"
wire_api = "responses"
requires_openai_auth = false
supports_websockets = false

[projects.${JSON.stringify(directory)}]
trust_level = "trusted"
`;
}
