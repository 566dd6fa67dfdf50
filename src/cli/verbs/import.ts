/** `ipc import`: the mail of claude-ipc-mcp and mcp-relay, taken over with its times and what was read. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { asFailure, Failure, type FailureBody } from '../../protocol/failures.ts';
import type { Call } from '../call.ts';
import { fromTable } from '../flags.ts' with { type: 'macro' };
import { interruptible } from '../interrupt.ts';
import type { SourceReport } from '../import/run.ts';
import type { Spec } from '../verb.ts';

const table = fromTable('store.import');

const spec: Spec = {
  name: 'import',
  summary: table.summary,
  usage: '[file…]',
  group: 'care',
  words: { min: 0 },
  flags: [
    { name: 'dry-run', field: 'dryRun', kind: 'switch', help: 'say what would come, and change nothing' },
    {
      name: 'name',
      field: 'name',
      kind: 'text',
      hint: 'old=new',
      repeat: true,
      help: 'who is called something else here; may be repeated',
    },
  ],
  examples: [
    ['ipc import', '~/.claude-ipc-data/messages.db and ~/.relay_buffer.db, those that are there'],
    ['ipc import --dry-run', 'what would come'],
    ['ipc import --name code=backend', "mcp-relay's Code is backend here"],
    ['ipc import ~/old/messages.db', 'a file of either system, by what is in it'],
  ],
  notes: `What was unread there waits here in the mailbox of the same name; what was read is in ipc history. Each message
keeps its time and sender, marked as imported and not verified, and no door pushes it. A second import adds what has come
since and nothing twice. The old file is only read, from a copy: the old system may run, and stays as it was.
A name that is not legal here is changed and said; what it waits for is fetched by whoever takes the name (ipc register).`,
  operations: {
    'store.import': { from: 'the file', messages: 'the file' },
    'store.imported': { ids: 'the file' },
  },
};

interface Missed {
  readonly file: string;
  readonly failure: FailureBody;
}

async function run(call: Call): Promise<number> {
  const chosen = chosenNames(call.values.texts('name'));
  const dryRun = call.values.on('dryRun');
  const files = call.words.length > 0 ? namedFiles(call) : await filesFound(call);
  await using session = await call.open({ agent: 'none' });
  // Before a file is read: the daemon would refuse the first message only.
  if (!dryRun && session.identity.kind !== 'human')
    throw new Failure(
      'not_allowed',
      `wanted a person at a terminal to import, found kind ${session.identity.kind}`,
      {
        hint: 'ipc import --dry-run',
      },
    );
  using interrupt = interruptible();
  const { importFile } = await import('../import/run.ts');
  const sources: SourceReport[] = [];
  const missed: { file: string; failure: Failure }[] = [];
  for (const file of files) {
    try {
      sources.push(await importFile(call, session, file, { dryRun, chosen, signal: interrupt.signal }));
    } catch (error) {
      if (interrupt.signal.aborted) {
        call.output.say('what came so far is here; the same command goes on with the rest');
        return 130;
      }
      // One file that cannot be read keeps no other from being taken over.
      if (files.length === 1) throw error;
      missed.push({ file, failure: asFailure(error) });
    }
  }
  const failed: Missed[] = missed.map(({ file, failure }) => ({ file, failure: failure.body() }));
  const { reportText } = await import('../import/report.ts');
  await call.tell({ dryRun, sources, failed }, ({ style }) =>
    sources.map((source) => reportText(source, { dryRun }, style)).join(''),
  );
  for (const { failure } of missed) call.output.complain(`${failure.message}\n  ${failure.hint}`);
  return missed[0]?.failure.exit ?? 0;
}

function namedFiles({ words, world }: Call): readonly string[] {
  return words.map((word) => resolve(world.environment.directory, word));
}

/** Throws `no_such_file` when neither system was used here. */
async function filesFound({ world }: Call): Promise<readonly string[]> {
  const { systems } = await import('../import/open-foreign.ts');
  const places = systems.map(({ place }) => join(world.environment.userHome, place));
  const found = places.filter((place) => existsSync(place));
  if (found.length > 0) return found;
  throw new Failure('no_such_file', `wanted ${places.join(' or ')}; there is neither`, {
    hint: 'ipc import <file>',
  });
}

/** Throws `invalid`. */
function chosenNames(texts: readonly string[]): ReadonlyMap<string, string> {
  return new Map(
    texts.map((text) => {
      const at = text.lastIndexOf('=');
      if (at > 0 && at < text.length - 1) return [text.slice(0, at), text.slice(at + 1)] as const;
      throw new Failure('invalid', `wanted old=new for --name, found ${JSON.stringify(text)}`, {
        hint: 'ipc help import',
      });
    }),
  );
}

export const verb = { spec, run };
