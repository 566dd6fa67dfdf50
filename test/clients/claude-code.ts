/**
 * Claude Code on a terminal, as a person has it who answered its first questions long ago; its model is a
 * script on loopback, and no other address can be reached. Plugin monitors are on: they are off with
 * DISABLE_TELEMETRY and CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC, so neither is set.
 */
import { join } from 'node:path';
import { type Machine, openMachine } from '../e2e/machine.ts';
import { until } from '../support/until.ts';
import { anthropicApi } from './anthropic-api.ts';
import { scriptedModel, type ScriptedModel } from './scripted-model.ts';
import { onTerminal, type TerminalProgram } from './terminal.ts';

const KEY = 'sk-ant-api03-of-nobody-0123456789abcdefghijklmnop';

/** A person's machine with Claude Code on it, its model, and `ipc`. */
export interface ClaudeStage extends AsyncDisposable {
  readonly machine: Machine;
  readonly model: ScriptedModel;
  /** A session; it ends with the stage, if not before. */
  start(args?: readonly string[], env?: Readonly<Record<string, string>>): Promise<ClaudeCode>;
  /** A command that asks nothing, such as `plugin list` or `-p`; returns what it wrote. */
  run(args: readonly string[]): Promise<string>;
}

export interface ClaudeCode extends AsyncDisposable {
  readonly pid: number;
  screen(): string;
  /** Types it and presses Enter, once the program has shown what was typed. */
  prompt(text: string): Promise<void>;
  /** Leaves as a person does; a later start may resume the session. */
  quit(): Promise<void>;
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
      await shown(program, { text: '❯' });
      return session(program);
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

function session(program: TerminalProgram): ClaudeCode {
  return {
    pid: program.pid,
    screen: program.screen,
    prompt: async (text) => {
      const from = program.screen().length;
      program.type(text);
      await shown(program, { text: text.split(' ').at(-1) ?? text, from });
      program.type('\r');
    },
    quit: async () => {
      // While a turn, or a hook at its end, is under way the first one only breaks that off.
      const asks = (): boolean => program.screen().includes('again to exit');
      for (let presses = 0; presses < 10 && !asks(); presses += 1) {
        program.type('\u0003');
        await until(asks, 'Claude Code to ask for a second Ctrl-C', 2_000).catch(() => undefined);
      }
      program.type('\u0003');
      await program.exited;
    },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
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

async function shown(
  program: TerminalProgram,
  { text, from = 0 }: { text: string; from?: number },
): Promise<void> {
  const seen = (): boolean => program.screen().slice(from).includes(text);
  await until(seen, `Claude Code to show ${JSON.stringify(text)}`, 20_000).catch((error: unknown) => {
    throw new Error(`${String(error)}; its screen:\n${program.screen().slice(-4_000)}`);
  });
}
