/**
 * Shows on the desktop what the daemon says a person should be told. It runs beside a session that lasts
 * and must never hold it up or bring it down: what fails is said once, and the next notice is tried anew.
 */
import { asFailure } from '../../protocol/failures.ts';
import type { Operations, Output } from '../../protocol/operations.ts';
import { pause } from '../../system/clock.ts';
import { type Environment, variable } from '../../system/environment.ts';
import { programsOnPath } from '../../system/programs.ts';
import { linux } from './linux.ts';
import { macos } from './macos.ts';
import type { HelperCommand, NoticePlatform } from './platform.ts';
import { windows } from './windows.ts';
import { noticeWords } from './words.ts';

interface Around {
  readonly operations: Pick<Operations, 'notices' | 'noticed'>;
  readonly environment: Environment;
  /** `notify.sound`, read anew for each notice. */
  readonly sound: () => string;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

const RETRY_MS = 5_000;
/** A helper that says nothing for so long hangs. */
const HELPER_MS = 10_000;

/** Undefined where nobody sits at a desktop. */
export function platformOf(environment: Environment): NoticePlatform | undefined {
  switch (environment.platform) {
    case 'darwin':
      // A session by ssh has no desktop of its own.
      return variable(environment, 'SSH_CONNECTION') === undefined ? macos : undefined;
    case 'win32':
      return windows;
    case 'linux': {
      const display = variable(environment, 'WAYLAND_DISPLAY') ?? variable(environment, 'DISPLAY');
      return display === undefined ? undefined : linux;
    }
    default:
      return undefined;
  }
}

export async function runNotifier(around: Around): Promise<void> {
  const { environment, operations, signal } = around;
  const platform = platformOf(environment);
  if (platform === undefined) return;
  const said = new Set<string>();
  const sayOnce = (line: string): void => {
    if (said.has(line)) return;
    said.add(line);
    around.say(line);
  };
  while (!signal.aborted) {
    try {
      for await (const { messages } of operations.notices({}, { signal })) {
        if (!(await show(platform, messages, { ...around, say: sayOnce }))) continue;
        for (const [to, ids] of byRecipient(messages)) await operations.noticed({ to, ids });
      }
    } catch (error) {
      if (!signal.aborted) sayOnce(`no notices of the desktop: ${asFailure(error).message}`);
    }
    if (!signal.aborted) await pause(RETRY_MS);
  }
}

type News = Output<'notices'>['messages'];

function byRecipient(news: News): ReadonlyMap<string, News[number]['id'][]> {
  const ids = new Map<string, News[number]['id'][]>();
  for (const { to, id } of news) ids.set(to, [...(ids.get(to) ?? []), id]);
  return ids;
}

async function show(platform: NoticePlatform, news: News, around: Around): Promise<boolean> {
  const notice = { ...noticeWords(news), sound: around.sound() };
  const shown = await run(platform.show(notice), around);
  const players = platform.play(notice);
  const player = players.find(({ argv }) => programsOnPath(around.environment, argv[0] ?? '').length > 0);
  // Not waited for: a sound may be long (R11).
  if (player !== undefined) void run(player, around);
  else if (players.length > 0)
    around.say(`notices are silent: none of ${players.map(({ argv }) => argv[0]).join(', ')} is installed`);
  return shown;
}

async function run(
  { argv, variables = {} }: HelperCommand,
  { environment, say, signal }: Pick<Around, 'environment' | 'say' | 'signal'>,
): Promise<boolean> {
  const [name = '', ...rest] = argv;
  const [program] = programsOnPath(environment, name);
  if (program === undefined) {
    say(`notices need ${name}, which is not installed`);
    return false;
  }
  try {
    const child = Bun.spawn([program, ...rest], {
      env: { ...environment.variables, ...variables },
      stdin: 'ignore',
      // stdout belongs to the protocol of the session.
      stdout: 'ignore',
      stderr: 'ignore',
      timeout: HELPER_MS,
      killSignal: 'SIGKILL',
      signal,
      windowsHide: true,
    });
    const code = await child.exited;
    if (code !== 0) say(`${name} failed to show a notice or play its sound (${child.signalCode ?? code})`);
    return code === 0;
  } catch (error) {
    say(`${name} could not be started: ${asFailure(error).message}`);
    return false;
  }
}
