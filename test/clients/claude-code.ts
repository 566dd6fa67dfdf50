/**
 * Claude Code on a terminal, as a person has it who answered its first questions long ago; its model is a
 * script on loopback, and no other address can be reached. Plugin monitors are on: they are off with
 * DISABLE_TELEMETRY and CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC, so neither is set.
 */
import { join } from 'node:path';
import { type Machine, openMachine } from '../e2e/machine.ts';
import { anthropicApi } from './anthropic-api.ts';
import { scriptedModel, type ScriptedModel } from './scripted-model.ts';
import { onTerminal, type TerminalProgram } from './terminal.ts';

const KEY = 'sk-ant-api03-of-nobody-0123456789abcdefghijklmnop';

/** A person's machine with Claude Code on it, its model, and `ipc`. */
export interface ClaudeStage extends AsyncDisposable {
  readonly machine: Machine;
  readonly model: ScriptedModel;
  /** A session; it ends with the stage, if not before. */
  start(args?: readonly string[], env?: Readonly<Record<string, string>>): Promise<TerminalProgram>;
  /** A command that asks nothing, such as `plugin list` or `-p`; returns what it wrote. */
  run(args: readonly string[]): Promise<string>;
}

export async function claudeStage(command: string): Promise<ClaudeStage> {
  await using opened = new AsyncDisposableStack();
  const machine = opened.use(await openMachine({ home: 'usual' }));
  const model = scriptedModel();
  const api = opened.use(anthropicApi(model));
  const sessions = opened.use(new AsyncDisposableStack());
  await answerFirstQuestions(machine);
  const environment = {
    ...machine.environment,
    ANTHROPIC_BASE_URL: api.url,
    ANTHROPIC_API_KEY: KEY,
    DISABLE_AUTOUPDATER: '1',
    // Nothing listens there: whatever else it would ask the network for fails at once.
    HTTPS_PROXY: 'http://127.0.0.1:9',
    NO_PROXY: '127.0.0.1',
  };
  const debug = join(machine.userHome, 'claude-debug.txt');
  const all = opened.move();
  return {
    machine,
    model,
    start: async (args = [], env = {}) => {
      const options = { cwd: machine.directory, env: { ...environment, ...env } };
      const program = sessions.use(onTerminal([command, '--debug-file', debug, ...args], options));
      await program.shows('❯');
      return program;
    },
    run: async (args) => {
      const child = Bun.spawn([command, ...args], {
        cwd: machine.directory,
        env: environment,
        stdin: 'ignore',
        stdout: 'pipe',
        stderr: 'pipe',
      });
      const [code, out, err] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()]);
      if (code !== 0) throw new Error(`claude ${args.join(' ')} ended with ${code}: ${out}${err}`);
      return out;
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** The answers to its first questions: colours, whether to trust the folder, whether to use the key. */
async function answerFirstQuestions(machine: Machine): Promise<void> {
  const project = { hasTrustDialogAccepted: true, hasCompletedProjectOnboarding: true };
  const global = {
    hasCompletedOnboarding: true,
    lastOnboardingVersion: '2.1.329',
    numStartups: 9,
    theme: 'dark',
    hasSeenAutoDefaultNotice: true,
    hasSeenAutoDefaultNudge: true,
    customApiKeyResponses: { approved: [KEY.slice(-20)], rejected: [] },
    projects: { [machine.directory]: project },
  };
  const allowed = ['Bash', 'mcp__ipc', 'mcp__plugin_ipc_ipc'];
  const settings = { permissions: { allow: allowed } };
  await Bun.write(join(machine.userHome, '.claude.json'), JSON.stringify(global));
  await Bun.write(join(machine.userHome, '.claude/settings.json'), JSON.stringify(settings));
}
