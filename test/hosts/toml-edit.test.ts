/** A table at the end of a person's TOML, and the file as it was without it. */
import { describe, expect, test } from 'bun:test';
import type { Target } from '../../src/hosts/host.ts';
import { holdsAll, withOurs, withoutOurs } from '../../src/hosts/merge.ts';
import { tomlString } from '../../src/hosts/toml-edit.ts';
import { thrownBy } from '../support/thrown.ts';

const target = {
  format: 'toml',
  file: 'config.toml',
  path: ['mcp_servers', 'ipc'],
  block: '[mcp_servers.ipc]\ncommand = "/opt/ipc"\nargs = ["mcp"]\n\n[mcp_servers.ipc.env]\nA = "b"',
} as const satisfies Target;

const found: Readonly<Record<string, string>> = {
  'an empty file': '',
  'no end of line at the end': 'model = "gpt-5" # mine',
  'comments and another server': '# mine\nmodel = "x"\n\n[mcp_servers.other] # theirs\ncommand = "true"\n',
  CRLF: 'model = "x"\r\n\r\n[tui]\r\ntheme = "dark"\r\n',
  'a byte order mark': '\uFEFFmodel = "x"\n',
  'dates and big numbers': 'at = 2026-11-21T04:05:06Z\nlarge = 9007199254740993\n[a.b]\nc = [1, 2]\n',
};

describe.each(Object.entries(found))('%s', (_name, before) => {
  test('holds ours, and is itself again without it', () => {
    const { text, written } = withOurs(before, target);
    expect(holdsAll(text, target)).toBe(true);
    expect(text.startsWith(before)).toBe(true);
    expect(withoutOurs(text, 'f', written)).toEqual({ text: before, changed: [] });
    expect(withOurs(text, target)).toEqual({ text, written: [] });
  });

  test('what somebody adds behind it stays', () => {
    const { text, written } = withOurs(before, target);
    const { text: left, changed } = withoutOurs(`${text}\n[profiles.x]\nmodel = "y"\n`, 'f', written);
    expect(changed).toEqual([]);
    expect(left).toBe(`${before}\n[profiles.x]\nmodel = "y"\n`);
  });
});

test('what was changed in our table stays and is named', () => {
  const { text, written } = withOurs('model = "x"\n', target);
  const edited = text.replace('args = ["mcp"]', 'args = ["mcp", "--allow-run"]');
  expect(withoutOurs(edited, 'f', written)).toEqual({ text: edited, changed: ['mcp_servers.ipc'] });
  const longer = text.replace('A = "b"', 'A = "b"\nC = "d"');
  expect(withoutOurs(longer, 'f', written)).toEqual({ text: longer, changed: ['mcp_servers.ipc'] });
});

test('a table that another program wrote anew, with other line ends or no blank line, still goes', () => {
  const { written } = withOurs('model = "x"\n', target);
  const { block } = target;
  for (const [text, left] of [
    [`model = "x"\r\n\r\n${block.replaceAll('\n', '\r\n')}\r\n`, 'model = "x"\r\n'],
    [`${block}\n\n[tui]\nx = 1\n`, '\n[tui]\nx = 1\n'],
    [`a = 1\n${block}\n[tui]\nx = 1\n`, 'a = 1\n[tui]\nx = 1\n'],
  ] as const)
    expect(withoutOurs(text, 'f', written)).toEqual({ text: left, changed: [] });
  // Written in another way altogether it is not guessed at.
  const inline = 'mcp_servers = { ipc = { command = "/opt/ipc", args = ["mcp"], env = { A = "b" } } }\n';
  expect(withoutOurs(inline, 'f', written)).toEqual({ text: inline, changed: ['mcp_servers.ipc'] });
});

test('a table of that name by somebody else is named, not doubled', () => {
  const text = '[mcp_servers.ipc]\ncommand = "other"\n';
  expect(thrownBy(() => withOurs(text, target))).toMatchObject({ code: 'conflict' });
});

test('where the servers are one inline table there is no room for another', () => {
  const text = 'mcp_servers = { other = { command = "true" } }\n';
  expect(thrownBy(() => withOurs(text, target))).toMatchObject({ code: 'conflict' });
});

test('what cannot be read is refused with its line and column', () => {
  expect(thrownBy(() => withOurs('a = 1\nb = = 2\n', target))).toMatchObject({
    code: 'invalid_data',
    details: { line: 2 },
  });
});

test('a path is a TOML string whatever is in it', () => {
  const path = 'C:\\Program Files\\"ipc"\u007F\tü';
  const { text } = withOurs('', { ...target, block: `[mcp_servers.ipc]\ncommand = ${tomlString(path)}` });
  expect(
    (Bun.TOML.parse(text) as { mcp_servers: { ipc: { command: string } } }).mcp_servers.ipc.command,
  ).toBe(path);
});
