/** What a person at a console of the platform sees; asked from outside, where a terminal can be had. */
import { lacks, must, type Place } from './place.ts';

const TEXT = 'grüße → 你好';

/** Throws when it is not so; returns undefined when it is, or why it cannot be seen. */
export async function consoleShows(place: Place): Promise<string | undefined> {
  if (lacks('script') !== undefined) return 'no script (Debian: bsdutils)';
  const ipc = place.inside('ipc.exe');
  const clean = Object.entries(process.env).filter(
    ([name]) => !/^(IPC_|CLAUDE|CODEX|GEMINI|NO_COLOR|FORCE_COLOR|CI$|TERM$)/.test(name),
  );
  const env = {
    ...Object.fromEntries(clean),
    ...place.variables,
    IPC_HOME: place.inside('console home'),
    USER: 'ann',
    TERM: 'xterm-256color',
  };
  const plain = (...args: string[]): Promise<string> => must(place.command(ipc, args), { env });
  const onTerminal = (...args: string[]): Promise<string> => {
    const line = place.command(ipc, args).map((word) => `'${word}'`);
    return must(['script', '-qec', line.join(' '), '/dev/null'], { env });
  };
  await plain('send', '--as', 'alice', 'bob', TEXT);
  const seen = await onTerminal('check', '--as', 'bob');
  if (!seen.includes(TEXT)) throw new Error(`another text is seen: ${JSON.stringify(seen)}`);
  if (!seen.includes('\u001B[3')) throw new Error(`no colour is seen: ${JSON.stringify(seen)}`);
  const piped = await plain('history', '--as', 'bob');
  if (piped.includes('\u001B[')) throw new Error(`colour goes into a pipe: ${JSON.stringify(piped)}`);
  const who = await onTerminal('whoami');
  if (!who.includes('human')) throw new Error(`nobody is taken for a person: ${JSON.stringify(who)}`);
  await plain('daemon', 'stop');
  return undefined;
}
