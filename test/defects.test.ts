/**
 * Where each defect of the systems that `ipc` replaces is shown not to be one here. The numbers are those
 * of the inventory that was made of them; a row without its test fails.
 */
import { expect, test } from 'bun:test';

/** What went wrong there, then files below test/ and the beginning of a title in them. */
const defects: Readonly<Record<string, readonly [string, ...(readonly [file: string, title: string])[]]>> = {
  D2: [
    'listing agents always failed',
    ['e2e/defects-mcp-broker.test.ts', 'D2, D15'],
    ['e2e/defects-broker.test.ts', 'D2, D15'],
  ],
  D3: [
    'a check emptied the queue before its answer was read',
    ['e2e/defects-mcp-broker.test.ts', 'D3'],
    ['e2e/defects-broker.test.ts', 'D3'],
    ['e2e/mcp-life.test.ts', 'an answer that nobody could be given is not confirmed'],
    ['e2e/mcp-life.test.ts', 'answers larger than the client’s pipe'],
  ],
  D4: [
    'every error read "no new messages"',
    ['e2e/defects-mcp-broker.test.ts', 'D4'],
    ['e2e/defects-broker.test.ts', 'D4'],
  ],
  D5: [
    'automatic processing kept fifty characters',
    ['e2e/defects-mcp-broker.test.ts', 'D5'],
    ['e2e/defects-broker.test.ts', 'D5, D8'],
  ],
  D10: [
    'anyone could rename anyone',
    ['e2e/defects-mcp-broker.test.ts', 'D10'],
    ['e2e/defects-broker.test.ts', 'D10'],
  ],
  D11: [
    'two sessions drained one queue',
    ['e2e/defects-mcp-broker.test.ts', 'D11'],
    ['e2e/defects-broker.test.ts', 'D11'],
  ],
  D12: [
    'a renamed agent spoke under its old name',
    ['e2e/defects-mcp-broker.test.ts', 'D12'],
    ['e2e/defects-broker.test.ts', 'D12'],
  ],
  D13: [
    'a rename was forgotten by a restart',
    ['e2e/defects-mcp-broker.test.ts', 'D13'],
    ['e2e/defects-broker.test.ts', 'D13'],
  ],
  D14: [
    'a newline in a name; `system` for anyone',
    ['e2e/defects-mcp-broker.test.ts', 'D14'],
    ['e2e/defects-broker.test.ts', 'D14'],
    ['protocol/names.test.ts', 'a trailing newline does not slip through (D14)'],
  ],
  D15: [
    'the list had everyone who ever came',
    ['e2e/defects-mcp-broker.test.ts', 'D2, D15'],
    ['e2e/defects-broker.test.ts', 'D2, D15'],
  ],
  D16: [
    'acknowledgements were acknowledged for ever',
    ['e2e/defects-mcp-broker.test.ts', 'D16'],
    ['e2e/defects-broker.test.ts', 'D16'],
  ],
  D23: [
    'the session token stood in the transcript',
    ['e2e/defects-mcp-broker.test.ts', 'D23'],
    ['e2e/defects-broker.test.ts', 'D23'],
  ],
  D24: [
    'any file, any command, and a frozen server meanwhile',
    ['e2e/defects-mcp-broker.test.ts', 'D24: a command that runs for long'],
    ['e2e/defects-mcp-broker.test.ts', 'D24: no file outside'],
    ['e2e/mcp-files.test.ts', 'below the client’s directory are attached; others'],
  ],
  D25: [
    'one setting for all, at a path that anybody knows',
    ['e2e/defects-mcp-broker.test.ts', 'D25'],
    ['e2e/hook-auto-check.test.ts', 'D25'],
    ['e2e/defects-broker.test.ts', 'D25'],
  ],
  D26: [
    'one identity for a user, readable before it was closed',
    ['e2e/defects-mcp-broker.test.ts', 'D26'],
    ['e2e/defects-broker.test.ts', 'D26'],
  ],
  R1: [
    'a message ran code in PowerShell',
    ['doors/notice.test.ts', '%j reaches PowerShell by its environment alone'],
    ['e2e/notice-desktop.test.ts', 'a notification daemon shows hostile text as text'],
  ],
  R2: ['notices ended after an hour', ['core/notices.test.ts', 'hours without a call end no notifier']],
  R3: [
    'without a player one notice came for ever, and no other',
    ['e2e/defects-mcp-relay.test.ts', 'R3: without the sound’s player'],
    ['e2e/defects-mcp-relay.test.ts', 'R3: without the program that shows them'],
    ['core/notices.test.ts', 'what could not be shown is not given to the same notifier again'],
  ],
  R4: [
    'the twenty-first message evicted one unread',
    ['e2e/defects-mcp-relay.test.ts', 'R4'],
    ['e2e/defects-relay.test.ts', 'R4'],
  ],
  R5: [
    'the newest came before the older',
    ['e2e/defects-mcp-relay.test.ts', 'R5'],
    ['e2e/defects-relay.test.ts', 'R5'],
  ],
  R6: [
    'all sessions of a program were one reader',
    ['e2e/defects-mcp-relay.test.ts', 'R6'],
    ['e2e/defects-relay.test.ts', 'R6'],
  ],
  R7: ['get marked five and acted on one', ['e2e/defects-mcp-relay.test.ts', 'R7']],
  R8: ['the model was ordered to obey', ['e2e/defects-mcp-relay.test.ts', 'R8']],
  R9: [
    'set-up replaced hooks and erased settings',
    ['e2e/setup-asked.test.ts', 'the user’s own SessionStart hooks run on'],
    ['e2e/setup-asked.test.ts', 'one with a syntax error is refused and untouched'],
    ['e2e/setup-files.test.ts', 'nine clients with settings of their own are set up, and byte for byte'],
  ],
  R10: ['database and log were open to all', ['e2e/defects-mcp-relay.test.ts', 'R10']],
  R11: [
    'a restart told everything again',
    ['core/notices.test.ts', 'only one of two notifiers is told; when it goes'],
    ['core/notices.test.ts', 'a notice is an offer and no more, claimed after it was shown; a restart'],
    ['core/notices.test.ts', 'a burst for a person is one notice'],
  ],
  R12: [
    'a body was read as an option, or as markup',
    ['doors/notice.test.ts', '%j stays one argument on Linux, escaped as markup, after the options'],
    ['e2e/defects-mcp-relay.test.ts', 'R3: without the sound’s player'],
  ],
  R13: ['failures of the store were not caught', ['e2e/defects-mcp-relay.test.ts', 'R13']],
  R14: [
    'a model that forgot a field read its own messages',
    ['e2e/defects-mcp-relay.test.ts', 'R14'],
    ['e2e/defects-relay.test.ts', 'R14'],
  ],
  R15: [
    'clear deleted for both sides',
    ['e2e/defects-mcp-relay.test.ts', 'R15'],
    ['e2e/defects-relay.test.ts', 'R15'],
  ],
  K1: [
    'a kernel that was only attached could not be interrupted',
    ['e2e/defects-ipython-mcp.test.ts', 'K1, K2'],
    ['kernel/side-by-side.test.ts', 'a cell of the other client can be interrupted, and is named as whose'],
  ],
  K2: ['while code ran nothing could be asked', ['e2e/defects-ipython-mcp.test.ts', 'K1, K2']],
  K3: [
    'after thirty seconds every answer was that to the question before',
    ['e2e/defects-ipython-mcp.test.ts', 'K3'],
    ['kernel/session.test.ts', 'answers are never off by one'],
    ['kernel/lies.test.ts', 'with answers to other questions'],
  ],
  K4: [
    'an error threw away what was printed before it',
    ['e2e/defects-ipython-mcp.test.ts', 'K4'],
    ['kernel/session.test.ts', 'output before an error and the traceback are kept'],
  ],
  K5: [
    'plots and displays were ignored',
    ['e2e/defects-ipython-mcp.test.ts', 'K5'],
    ['kernel/session.test.ts', 'a plot comes back as an image'],
    ['e2e/kernel-mcp.test.ts', 'start a kernel, run code in it, and bring a plot back as an image'],
  ],
  K6: [
    'escape sequences reached the model',
    ['e2e/defects-ipython-mcp.test.ts', 'K6'],
    ['kernel/output.test.ts', 'never lets an escape through'],
  ],
  K7: [
    'input() hung the kernel',
    ['e2e/defects-ipython-mcp.test.ts', 'K7'],
    ['kernel/session.test.ts', '`input()` is refused at once unless allowed'],
    ['e2e/kernel-share.test.ts', 'may ask for input only when that was said'],
  ],
  K8: [
    'blanks were lost, stderr was mixed in, output had no limit, nothing was said meanwhile',
    ['e2e/defects-ipython-mcp.test.ts', 'K8'],
    ['kernel/session.test.ts', 'stdout and stderr are apart, and not a blank is lost'],
    ['e2e/kernel-mcp.test.ts', 'say while they wait what the cell printed last'],
  ],
  K9: [
    'a dead kernel was connected still',
    ['e2e/defects-ipython-mcp.test.ts', 'K9, K10'],
    ['e2e/kernel-death.test.ts', 'of the kernel: the cell died with its output so far'],
    ['kernel/death.test.ts', 'killed while it runs a cell: seen at once'],
  ],
  K10: [
    'every shutdown was graceful, even of the dead',
    ['e2e/defects-ipython-mcp.test.ts', 'K9, K10'],
    ['e2e/defects-ipython-mcp.test.ts', 'K10: a shutdown has ended the process'],
  ],
  K11: [
    'the key stood in the answer, or in the package',
    ['e2e/defects-ipython-mcp.test.ts', 'K11'],
    ['kernel/places.test.ts', 'a key is never the same'],
  ],
  K12: ['whoever held the ports was connected to', ['e2e/defects-ipython-mcp.test.ts', 'K12']],
  K13: [
    'pipes nobody read, kernels nobody knew any more',
    ['e2e/defects-ipython-mcp.test.ts', 'K13'],
    ['kernel/places.test.ts', 'a program that ends at once is told by its last words'],
    ['e2e/kernel-death.test.ts', 'of its host: the kernel and its variables live'],
  ],
  K14: [
    'a busy kernel could not be joined',
    ['e2e/defects-ipython-mcp.test.ts', 'K14'],
    ['kernel/session.test.ts', 'it says what it is, and a second client is ready'],
  ],
  K15: [
    'another Python than one’s own, and Python alone',
    ['e2e/defects-ipython-mcp.test.ts', 'K15'],
    ['kernel/places.test.ts', 'come to a command with its places filled in'],
    ['clients/deno-kernel.run.ts', 'Deno: streams, results, errors, order'],
  ],
  K16: ['no schemas, no pages, no tests', ['e2e/defects-ipython-mcp.test.ts', 'K16']],
};

const wanted = [2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 16, 23, 24, 25, 26].map((n) => `D${n}`);
const wantedRelay = Array.from({ length: 15 }, (_, n) => `R${n + 1}`);
const wantedKernel = Array.from({ length: 16 }, (_, n) => `K${n + 1}`);

test('every defect that a user of the session met has its row', () => {
  expect(Object.keys(defects)).toEqual([...wanted, ...wantedRelay, ...wantedKernel]);
});

const cited = Object.entries(defects).flatMap(([number, [what, ...places]]) =>
  places.map(([file, title]) => [number, what, file, title] as const),
);

test.each(cited)('%s, %s: test/%s has %j', async (_number, _what, file, title) => {
  const text = await Bun.file(`${import.meta.dir}/${file}`).text();
  // As a title stands: the first argument of a call, perhaps on a line of its own.
  expect(text).toMatch(new RegExp(`\\(\\s*['"\`]${RegExp.escape(title)}`));
});
