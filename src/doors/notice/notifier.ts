/**
 * Shows on the desktop what the daemon says a person should be told. It runs beside a session that lasts
 * and must never hold it up or bring it down: what fails is said once, and the next notice is tried anew.
 */
import { asFailure } from '../../protocol/failures.ts';
import type { Operations, Output } from '../../protocol/operations.ts';
import { pause } from '../../system/clock.ts';
import { type Environment, variable } from '../../system/environment.ts';
import { programsOnPath, runHelper } from '../../system/programs.ts';
import { sayOnce } from '../say-once.ts';
import { linux } from './linux.ts';
import { macos } from './macos.ts';
import type { HelperCommand, Notice, NoticePlatform } from './platform.ts';
import { windows } from './windows.ts';
import { noticeWords } from './words.ts';

interface Around {
  readonly operations: Pick<Operations, 'notices' | 'noticed'>;
  readonly environment: Environment;
  /** `notify.sound`, read anew for each notice; undefined: `notify.enabled` is off. */
  readonly sound: () => string | undefined;
  readonly say: (line: string) => void;
  readonly signal: AbortSignal;
}

const RETRY_MS = 5_000;
/** How often in a row it is tried to say that a notice was shown. */
const TRIES = 5;

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
  const say = sayOnce(around.say);
  const shown = openShown(operations, { say, signal });
  while (!signal.aborted) {
    try {
      for await (const { messages } of operations.notices({}, { signal })) {
        const sound = around.sound();
        const fresh = messages.filter((message) => !shown.has(message));
        if (sound !== undefined && fresh.length > 0) {
          const notice = { ...noticeWords(fresh), sound };
          if (await show(platform, notice, { ...around, say })) shown.add(fresh);
        }
        shown.confirm();
      }
    } catch (error) {
      if (!signal.aborted) say(`no notices of the desktop: ${asFailure(error).message}`);
    }
    if (!signal.aborted) await pause(RETRY_MS);
  }
}

type News = Output<'notices'>['messages'];

interface Shown {
  has(message: News[number]): boolean;
  add(news: News): void;
  /** Says what was shown, in its own time; what the daemon did not take is tried again. */
  confirm(): void;
}

/** What a person has seen and the daemon does not know yet: it is given again, and must not be shown again (R3). */
function openShown(
  { noticed }: Pick<Around['operations'], 'noticed'>,
  { say, signal }: Pick<Around, 'say' | 'signal'>,
): Shown {
  const pending = new Map<string, News[number]>();
  const keyOf = ({ to, id }: News[number]): string => `${to} ${id}`;
  const tell = async (): Promise<void> => {
    for (const [to, news] of Map.groupBy(pending.values(), (message) => message.to)) {
      try {
        await noticed({ to, ids: news.map(({ id }) => id) });
        for (const message of news) pending.delete(keyOf(message));
      } catch (error) {
        if (!signal.aborted) say(`a notice was shown, and not noted: ${asFailure(error).message}`);
      }
    }
  };
  let telling: Promise<void> | undefined;
  const tellAll = async (): Promise<void> => {
    for (let tries = 1; ; tries += 1) {
      await tell();
      if (pending.size === 0 || tries === TRIES || signal.aborted) return;
      await pause(RETRY_MS);
    }
  };
  return {
    has: (message) => pending.has(keyOf(message)),
    add: (news) => {
      for (const message of news) pending.set(keyOf(message), message);
    },
    confirm: () => {
      // What was shown while it is told goes along with the next try.
      if (pending.size > 0)
        telling ??= tellAll().finally(() => {
          telling = undefined;
        });
    },
  };
}

async function show(platform: NoticePlatform, notice: Notice, around: Around): Promise<boolean> {
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
  const trouble = await runHelper([program, ...rest], { environment, variables, signal });
  if (trouble !== undefined) say(`no notice or no sound: ${name} ${trouble}`);
  return trouble === undefined;
}
