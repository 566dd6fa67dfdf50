/** Notices: the words, and the command lines of three platforms. Text of others is data there (R1, R12). */
import { expect, test } from 'bun:test';
import { linux } from '../../src/doors/notice/linux.ts';
import { macos } from '../../src/doors/notice/macos.ts';
import { windows } from '../../src/doors/notice/windows.ts';
import { noticeWords } from '../../src/doors/notice/words.ts';
import { MessageId } from '../../src/protocol/model.ts';

const id = MessageId.parse('01890000-0000-7000-8000-000000000001');
const news = (from: string, preview: string) => ({
  id,
  to: 'Desktop',
  from,
  sentAt: '2026-01-01T00:00:00.000Z',
  preview,
});
const hostile = [
  '$(touch x)',
  '"; rm',
  '-u critical',
  '<b>bold</b>',
  '`id`',
  "'; Start-Process calc",
  '%PATH%',
];

test('the title is system 002’s, and a burst is counted', () => {
  expect(noticeWords([news('Code', 'hello')])).toEqual({
    title: 'New message for Desktop from Code',
    body: 'hello',
  });
  const burst = noticeWords([news('a', '1'), news('b', '2'), news('a', '3')]);
  expect(burst).toEqual({ title: '3 messages for Desktop from a, b', body: 'a: 3' });
});

test('a preview is at most 200 characters, on one line, without control characters', () => {
  const { body } = noticeWords([news('a', `two\nlines\x1b[2J ${'x'.repeat(300)}`)]);
  expect(body).toHaveLength(200);
  expect(body).toStartWith('two lines\\x1b[2J xxx');
  expect(body).toEndWith('...');
});

test.each(hostile)('%j stays one argument on Linux, escaped as markup, after the options', (body) => {
  const { argv } = linux.show({ title: body, body, sound: 'default' });
  expect(argv.indexOf('--')).toBe(argv.length - 3);
  expect(argv.at(-2)).toBe(body);
  expect(argv.at(-1)).toBe(body.replaceAll('<', '&lt;').replaceAll('>', '&gt;'));
});

test.each(hostile)('%j is an argument of the macOS script, and no part of it', (body) => {
  const { argv } = macos.show({ title: 't', body, sound: 'default' });
  expect(argv.slice(argv.indexOf('--') + 1)).toEqual([body, 't', 'blow']);
  expect(argv.slice(0, argv.indexOf('--')).join('\n')).not.toContain(body);
});

test.each(hostile)('%j reaches PowerShell by its environment alone', (body) => {
  const { argv, variables } = windows.show({ title: body, body, sound: 'default' });
  expect(argv).toEqual(windows.show({ title: 't', body: 'b', sound: 'off' }).argv);
  expect(variables).toEqual({
    IPC_NOTICE_TITLE: body,
    IPC_NOTICE_BODY: body,
    IPC_NOTICE_SOUND: 'ms-winsoundevent:Notification.Default',
  });
});

test('sounds are system 002’s, another one, or none', () => {
  const sounds = (sound: string) => ({
    linux: linux.play({ title: 't', body: 'b', sound }).map(({ argv }) => argv.join(' ')),
    macos: macos.show({ title: 't', body: 'b', sound }).argv.slice(-1),
    windows: windows.show({ title: 't', body: 'b', sound }).variables?.['IPC_NOTICE_SOUND'],
  });
  const file = '/usr/share/sounds/freedesktop/stereo/message.oga';
  expect(sounds('default').linux).toEqual([
    `paplay ${file}`,
    `pw-play ${file}`,
    `canberra-gtk-play -f ${file}`,
  ]);
  expect(sounds('off')).toEqual({ linux: [], macos: ['t'], windows: 'off' });
  expect(sounds('tink').macos).toEqual(['tink']);
});
