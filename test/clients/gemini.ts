/** Gemini CLI on a terminal or with `-p`, with a scripted model on loopback; its first questions are answered. */
import { join } from 'node:path';
import { type Machine, openMachine } from '../e2e/machine.ts';
import { geminiApi } from './gemini-api.ts';
import { scriptedModel, type ScriptedModel } from './scripted-model.ts';
import { onTerminal, type TerminalProgram } from './terminal.ts';

export interface GeminiStage extends AsyncDisposable {
  readonly machine: Machine;
  readonly model: ScriptedModel;
  /** Its settings file, as a person would edit it. */
  readonly settings: string;
  /** One prompt, answered without a terminal; returns what it wrote. */
  prompt(text: string, args?: readonly string[]): Promise<string>;
  start(args?: readonly string[]): TerminalProgram;
}

/** A model named by hand: otherwise another model is asked first which one to take. */
const USUAL = ['--skip-trust', '--approval-mode', 'yolo', '--model', 'gemini-2.5-pro'];

export async function geminiStage(command: string): Promise<GeminiStage> {
  await using opened = new AsyncDisposableStack();
  const machine = opened.use(await openMachine({ home: 'usual' }));
  const model = scriptedModel();
  const api = opened.use(geminiApi(model));
  const sessions = opened.use(new AsyncDisposableStack());
  const settings = join(machine.userHome, '.gemini/settings.json');
  await Bun.write(
    settings,
    JSON.stringify({
      security: { auth: { selectedType: 'gemini-api-key' }, folderTrust: { enabled: false } },
      general: { enableAutoUpdate: false, enableAutoUpdateNotification: false },
      privacy: { usageStatisticsEnabled: false },
      ui: { theme: 'Default' },
    }),
  );
  const options = {
    cwd: machine.directory,
    env: {
      ...machine.environment,
      GEMINI_API_KEY: 'of-nobody',
      GOOGLE_GEMINI_BASE_URL: api.url,
      HTTPS_PROXY: 'http://127.0.0.1:9',
      NO_PROXY: '127.0.0.1',
    },
  };
  const all = opened.move();
  return {
    machine,
    model,
    settings,
    prompt: async (text, args = []) => {
      const child = Bun.spawn([command, ...USUAL, ...args, '-p', text], {
        ...options,
        stdin: 'ignore',
        stdout: 'pipe',
        stderr: 'pipe',
      });
      const [code, out, err] = await Promise.all([child.exited, child.stdout.text(), child.stderr.text()]);
      if (code !== 0) throw new Error(`gemini -p ended with ${code}: ${out}${err}`);
      return out + err;
    },
    start: (args = []) => sessions.use(onTerminal([command, ...USUAL, ...args], options)),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
