/** Victims that speak to the daemon themselves: commands, hooks, watchers, servers on stdio. */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { claude } from '../../e2e/hook-session.ts';
import {
  answered,
  killWithin,
  mailOf,
  queued,
  wantFree,
  wantShown,
  wantStored,
  type Victim,
} from './killing.ts';

const FILE_BYTES = 8 * 1_048_576;

/** `ipc send` of a large file: it is there whole, or not at all. */
export const sendFile: Victim = async ({ machine, random, round, usualMs, count }) => {
  const file = join(machine.directory, 'big');
  const bytes = Buffer.alloc(FILE_BYTES, `${round} `);
  await writeFile(file, bytes);
  const child = machine.start(['send', 'sink-file', '--file', file, `file ${round}`, '--as', 'sender']);
  const ended = await killWithin(child, random, 4 * usualMs);
  const mail = await mailOf(machine, 'sink-file');
  const body = `file ${round}`;
  wantStored(mail, new Set(ended && child.exitCode === 0 ? [body] : []), new Set([body]));
  for (const { attachments = [] } of mail) {
    const [found] = attachments;
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    if (found === undefined || found.sha256 !== sha256 || found.size !== bytes.length)
      throw new Error(`the file arrived as ${JSON.stringify(found)}`);
    if (!Buffer.from(await Bun.file(found.path).bytes()).equals(bytes))
      throw new Error('its bytes are others');
    count('files whole');
  }
};

/** `ipc ask`: the question is asked once or not at all, and its answer reaches the mailbox of who is gone. */
export const ask: Victim = async (stage) => {
  const { machine, random, round, usualMs } = stage;
  const child = machine.start(['ask', 'answerer', `question ${round}`, '--as', 'asker', '--timeout', '60']);
  await killWithin(child, random, 2 * usualMs);
  await answered(stage, 'asker');
};

/** `ipc hook` at a prompt: what it wrote whole may count; what it did not write comes with the next one. */
export const hook: Victim = async (stage) => {
  const { machine, random, usualMs, count } = stage;
  const sent = await queued(stage, 'hooked');
  const event = JSON.stringify(claude('UserPromptSubmit', { prompt: 'go on' }));
  const child = machine.start(['hook', '--as', 'hooked']);
  await child.stdin.write(event);
  void child.stdin.end();
  const [text] = await Promise.all([child.stdout.text(), killWithin(child, random, 1.5 * usualMs)]);
  const before = text.endsWith('\n') ? sent.filter((id) => text.includes(`Message ${id}`)) : [];
  const next = await machine.run(['hook', '--as', 'hooked'], { stdin: event });
  const rest = await mailOf(machine, 'hooked');
  if (rest.length > 0) throw new Error('the next hook left something');
  const after = sent
    .filter((id) => next.stdout.includes(`Message ${id}`))
    .map((id) => ({ id, body: '', attempt: 0, again: isMarked(next.stdout, id) }));
  count('repeats marked', wantShown(sent, before, after));
};

/** Its block says that it may have been shown before. */
function isMarked(text: string, id: string): boolean {
  const from = text.indexOf(`Message ${id}`);
  const until = text.indexOf('Message ', from + 8);
  return text.slice(from, until === -1 ? undefined : until).includes('shown before');
}

/** `ipc watch`: it never claims to have handed over; all of it is there for the next check. */
export const watch: Victim = async (stage) => {
  const { machine, random, usualMs } = stage;
  const child = machine.start(['watch', '--as', 'watcher', '--json']);
  void child.stdout.text();
  const [sent] = await Promise.all([queued(stage, 'watcher'), killWithin(child, random, 4 * usualMs)]);
  await wantFree(machine, 'watcher');
  wantShown(sent, [], await mailOf(machine, 'watcher'));
};

/** `ipc check` by hand: read whole and not confirmed comes again, marked. */
export const check: Victim = async (stage) => {
  const { machine, random, usualMs, count } = stage;
  const sent = await queued(stage, 'reader');
  const child = machine.start(['check', '--as', 'reader', '--all', '--json']);
  const [text] = await Promise.all([child.stdout.text(), killWithin(child, random, 1.5 * usualMs)]);
  const before = text.endsWith('\n') ? sent.filter((id) => text.includes(id)) : [];
  count('repeats marked', wantShown(sent, before, await mailOf(machine, 'reader')));
};

/** `ipc register`: who was killed at it can still be that name; nothing has it that no key opens. */
export const register: Victim = async (stage) => {
  const { machine, random, round, usualMs } = stage;
  const name = `named-${round}`;
  const sent = await queued(stage, name, 1);
  const child = machine.start(['register', name]);
  await killWithin(child, random, 1.5 * usualMs);
  wantShown(sent, [], await mailOf(machine, name));
};

/** `ipc rename`: whatever it is called by now, its mail is within reach under that name. */
export const rename: Victim = async (stage) => {
  const { machine, random, round, usualMs, count } = stage;
  const [from, to] = [`old-${round}`, `new-${round}`];
  await machine.ok(['whoami', '--as', from]);
  const child = machine.start(['rename', to, '--as', from]);
  await killWithin(child, random, 1.5 * usualMs);
  const sent = await queued(stage, from, 1);
  const { you } = await machine.json<{ you: { name: string } }>(['whoami', '--as', from]);
  if (you.name === to) count('renames done');
  wantShown(sent, [], await mailOf(machine, you.name));
};
