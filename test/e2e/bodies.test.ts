/** What is in a message arrives as it was, and is shown so that it cannot harm (design §6). */
import { expect, test } from 'bun:test';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openMachine } from './machine.ts';

interface Got {
  readonly messages: {
    readonly id: string;
    readonly body: string;
    readonly bodyBlob?: { readonly path: string; readonly size: number };
    readonly attachments?: {
      readonly path: string;
      readonly size: number;
      readonly name: string;
      readonly role: string;
      readonly sha256: string;
    }[];
    readonly data?: unknown;
  }[];
}

const sha256 = async (path: string): Promise<string> => {
  const hash = new Bun.CryptoHasher('sha256');
  for await (const chunk of Bun.file(path).stream()) hash.update(chunk);
  return hash.digest('hex');
};

test('64 KiB go inline and more by reference, byte for byte', async () => {
  await using machine = await openMachine();
  for (const size of [65_536, 65_537, 1_000_000]) {
    const body = 'line of text, ü and 漢\n'.repeat(50_000).slice(0, size);
    const bytes = Buffer.from(body).subarray(0, size);
    const whole = new TextDecoder('utf-8', { fatal: false }).decode(bytes).replace(/\ufffd+$/, '');
    await machine.ok(['send', 'bob', '-'], { stdin: whole });
    const { messages } = await machine.json<Got>(['check', '--as', 'bob', '--all']);
    expect(messages).toHaveLength(1);
    const [message] = messages;
    const exact =
      message?.bodyBlob === undefined ? message?.body : await Bun.file(message.bodyBlob.path).text();
    expect(exact).toBe(whole);
    expect(await machine.ok(['history', message?.id ?? '', '--body', '--as', 'bob'])).toBe(whole);
  }
});

test('a file of 100 MB arrives byte for byte, and two senders of it share the bytes', async () => {
  await using machine = await openMachine();
  const path = join(machine.directory, 'model.bin');
  const file = await open(path, 'w');
  for (let n = 0; n < 100; n += 1)
    await file.write(
      crypto.getRandomValues(Buffer.alloc(65_536, n)).toString('binary').repeat(16),
      null,
      'latin1',
    );
  await file.close();
  const size = Bun.file(path).size;
  expect(size).toBeGreaterThan(100_000_000);
  await machine.ok(['send', 'bob', '--file', path, 'weights']);
  await machine.ok(['send', 'cyd', '--file', path, 'weights too']);
  const [bob] = (await machine.json<Got>(['check', '--as', 'bob'])).messages;
  const [cyd] = (await machine.json<Got>(['check', '--as', 'cyd'])).messages;
  const [attached] = bob?.attachments ?? [];
  expect(attached).toMatchObject({ name: 'model.bin', size, role: 'file', sha256: await sha256(path) });
  expect(await sha256(attached?.path ?? '')).toBe(attached?.sha256 ?? 'none');
  expect(cyd?.attachments?.[0]?.path).toBe(attached?.path ?? 'none');
}, 60_000);

test('any Unicode, NUL, ANSI escapes and terminal controls arrive intact and are shown harmless', async () => {
  await using machine = await openMachine();
  const nasty = [
    'plain',
    'NUL \u0000 inside',
    '\u001b[2J\u001b[31mred\u001b[0m and \u001b]0;title\u0007',
    'bidi \u202egnp.exe\u202c, zero\u200bwidth, \u0085 next line, \u009b31m C1',
    'emoji 👩‍👩‍👧‍👦, combining e\u0301, 漢字, \u{10ffff}',
    '\r\rcarriage\b\b and \v\f',
  ];
  for (const body of nasty) await machine.ok(['send', 'bob', '-'], { stdin: body });
  const peeked = (await machine.json<Got>(['check', '--as', 'bob', '--peek', '--all'])).messages.map(
    (message) => message.body,
  );
  expect(peeked).toEqual(nasty);
  const shown = await machine.ok(['check', '--as', 'bob']);
  // eslint-disable-next-line no-control-regex -- these are what must not be there
  expect(shown).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
  expect(shown).toContain('漢字');
});

test('bytes that are no text are not lost: they come as an attachment', async () => {
  await using machine = await openMachine();
  const bytes = Buffer.from([0xff, 0xfe, 0x00, 0x80, 0x41]);
  await machine.ok(['send', 'bob', '-'], { stdin: bytes });
  const [message] = (await machine.json<Got>(['check', '--as', 'bob'])).messages;
  const path = message?.attachments?.[0]?.path ?? message?.bodyBlob?.path ?? '';
  expect(Buffer.from(await Bun.file(path).bytes())).toEqual(bytes);
});

test('a body that looks like flags is a body, after --', async () => {
  await using machine = await openMachine();
  await machine.ok(['send', 'bob', '--', '--help', '-x']);
  const [message] = (await machine.json<Got>(['check', '--as', 'bob'])).messages;
  expect(message?.body).toBe('--help -x');
});

test('data is JSON from an argument or a file, and comes as it was', async () => {
  await using machine = await openMachine();
  const data = { nested: { list: [1, null, 'ü'], __proto__x: true }, n: 1e21 };
  await writeFile(join(machine.directory, 'data.json'), JSON.stringify(data));
  await machine.ok(['send', 'bob', 'see data', '--data', JSON.stringify(data)]);
  await machine.ok(['send', 'bob', 'see data', '--data', '@data.json']);
  const { messages } = await machine.json<Got>(['check', '--as', 'bob']);
  expect(messages.map((message) => message.data)).toEqual([data, data]);
  expect((await machine.run(['send', 'bob', 'x', '--data', '{broken'])).code).toBe(65);
  const long = await machine.run(['send', 'bob', 'x', '--data', '{"id":12345678901234567890}']);
  expect([long.code, long.stderr]).toEqual([65, expect.stringContaining('found 12345678901234567890')]);
});

test('--run shares a command’s output: stdout and stderr apart, exit code, any length', async () => {
  await using machine = await openMachine();
  const program =
    'for (let n = 0; n < 20000; n++) console.log("line " + n); console.error("oops"); process.exit(3)';
  const ran = await machine.run(['send', 'bob', '--run', `${process.execPath} -e '${program}'`]);
  expect(ran.stdout).toContain('bob');
  const [message] = (await machine.json<Got>(['check', '--as', 'bob'])).messages;
  expect(message?.data).toMatchObject({ exitCode: 3 });
  const part = async (role: string): Promise<string> =>
    Bun.file(message?.attachments?.find((attached) => attached.role === role)?.path ?? '').text();
  expect((await part('stdout')).split('\n')).toHaveLength(20_001);
  expect(await part('stderr')).toBe('oops\n');
  expect(message?.body).toContain('line 19999');
});
