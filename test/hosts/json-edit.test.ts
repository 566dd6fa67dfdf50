/** Entries that come into a text and go out of it again leave every other byte where it was. */
import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { dataOf, type Json, type JsonEntry, parseJson, valueAt } from '../../src/hosts/json-edit.ts';
import { holdsAll, withOurs, withoutOurs } from '../../src/hosts/merge.ts';
import { thrownBy } from '../support/thrown.ts';

const server: JsonEntry = {
  kind: 'value',
  at: ['mcpServers', 'ipc'],
  value: { command: '/opt/ipc', args: ['mcp'] },
};
const hook: JsonEntry = {
  kind: 'item',
  at: ['hooks', 'SessionStart'],
  value: { hooks: [{ type: 'command', command: 'ipc hook' }] },
};
const end: JsonEntry = { kind: 'item', at: ['hooks', 'Stop'], value: { hooks: [{ type: 'command' }] } };
const target = { format: 'json', file: 'settings.json', entries: [server, hook, end] } as const;

/** Settings as they are found: each once with the habits of its author. */
const found: Readonly<Record<string, string>> = {
  'an empty object': '{}',
  'an empty object over two lines': '{\n}\n',
  'one line': '{"a":1,"mcpServers":{"x":{"command":"y"}}}',
  'one line with blanks': '{ "hooks": { "SessionStart": [ { "hooks": [] } ] } }\n',
  tabs: '{\n\t"a": {\n\t\t"b": 1\n\t}\n}\n',
  'four blanks, CRLF': '{\r\n    "a": 1,\r\n    "hooks": {\r\n        "Stop": []\r\n    }\r\n}\r\n',
  'a byte order mark': '\uFEFF{\n  "a": 1\n}\n',
  'comments behind values': '{\n  "a": 1 // one\n  /* end */\n}\n',
  'a comment on top': '// mine\n/* all of it */\n{\n  // first\n  "mcpServers": {\n    // none yet\n  }\n}\n',
  'trailing commas':
    '{\n  "a": [1, 2,],\n  "hooks": {\n    "SessionStart": [\n      { "hooks": [] }, // mine\n    ],\n  },\n}',
  'a comma on its own line': '{\n  "a": 1\n  ,\n}\n',
  'commas in front': '{ "a": 1\n, "b": 2\n, "mcpServers": {}\n}\n',
  'no end of line at the end': '{\n  "a": 1\n}',
  'a key twice': '{"mcpServers":{"x":{}},"mcpServers":{"y":{}}}',
  'text that looks like syntax': '{\n  "a": "// no, }, \\"x\\" ]"\n}\n',
  'existing hooks': `{\n  "hooks": {\n    "SessionStart": [\n      {\n        "matcher": "startup",\n        "hooks": [{ "type": "command", "command": "echo hi" }]\n      }\n    ]\n  }\n}\n`,
};

describe.each(Object.entries(found))('%s', (_name, before) => {
  test('holds ours, says the same of the rest, and is itself again without ours', () => {
    const { text, written } = withOurs(before, target);
    expect(holdsAll(text, target)).toBe(true);
    expect(withoutOurs(text, 'f', written)).toEqual({ text: before, changed: [] });
    expect(written.length).toBe(3);
  });

  test('twice is once', () => {
    const { text } = withOurs(before, target);
    expect(withOurs(text, target)).toEqual({ text, written: [] });
  });

  test('what somebody adds meanwhile stays when ours goes', () => {
    const { text, written } = withOurs(before, target);
    const more: JsonEntry = { kind: 'value', at: ['mcpServers', 'theirs'], value: { command: 'true' } };
    const grown = withOurs(text, { ...target, entries: [more] }).text;
    const { text: left, changed } = withoutOurs(grown, 'f', written);
    expect(changed).toEqual([]);
    expect(dataOf(nodeAt(left, ['mcpServers', 'theirs']))).toEqual({ command: 'true' });
    expect(valueAt(parseJson(left.replace('\uFEFF', ''), 'f'), ['mcpServers', 'ipc'])).toBeUndefined();
  });
});

test('any JSON, however indented, is itself again', () => {
  const key = fc.constantFrom('a', 'hooks', 'mcpServers', 'ü', '//');
  const plain = fc.dictionary(key, fc.oneof(fc.jsonValue(), fc.constant({})), { maxKeys: 4 });
  const spacing = fc.constantFrom(undefined, 1, 2, 4, '\t');
  fc.assert(
    fc.property(plain, spacing, fc.constantFrom('', '\n'), (value, indent, last) => {
      const before = JSON.stringify(value, undefined, indent) + last;
      let done: ReturnType<typeof withOurs>;
      try {
        done = withOurs(before, target);
      } catch {
        // Something else stands where ours would: then nothing was made of it.
        return;
      }
      expect(holdsAll(done.text, target)).toBe(true);
      expect(withoutOurs(done.text, 'f', done.written)).toEqual({ text: before, changed: [] });
    }),
    { numRuns: 400 },
  );
});

describe('what is in the way', () => {
  test('an entry of that name by somebody else is named, not replaced', () => {
    const text = '{"mcpServers":{"ipc":{"command":"other"}}}';
    expect(thrownBy(() => withOurs(text, target))).toMatchObject({
      code: 'conflict',
      message: 'settings.json has an entry mcpServers.ipc that ipc setup did not write: {"command":"other"}',
    });
  });

  test.each<[string, string]>([
    ['{"mcpServers":[]}', 'wanted room at mcpServers in settings.json; found [] there'],
    ['[1]', 'wanted room at its top in settings.json; found [1] there'],
    [
      '{"hooks":{"SessionStart":"no"}}',
      'wanted room at hooks.SessionStart in settings.json; found "no" there',
    ],
  ])('%s', (text, message) => {
    expect(thrownBy(() => withOurs(text, target))).toMatchObject({ code: 'conflict', message });
  });

  test('of a key that stands there twice the one that readers take gets ours', () => {
    const text = '{"mcpServers":{"x":{}},"mcpServers":{"y":{}}}';
    const read = JSON.parse(withOurs(text, target).text) as { mcpServers: object };
    expect(Object.keys(read.mcpServers)).toEqual(['y', 'ipc']);
  });

  test('brackets nested without end are refused as the file’s fault', () => {
    const text = `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    expect(thrownBy(() => withOurs(text, target))).toMatchObject({ code: 'invalid_data' });
  });

  test('a text that cannot be read is refused with its line and column', () => {
    expect(thrownBy(() => withOurs('{\n  "a": 1\n  "b": 2\n}', target))).toMatchObject({
      code: 'invalid_data',
      details: { line: 3, column: 3 },
    });
  });

  test('an entry of ours that somebody changed stays and is named', () => {
    const { text, written } = withOurs('{\n  "a": 1\n}\n', target);
    const edited = text.replace('/opt/ipc', '/usr/bin/ipc');
    const { text: left, changed } = withoutOurs(edited, 'f', written);
    expect(changed).toEqual(['mcpServers.ipc']);
    expect(dataOf(nodeAt(left, []))).toEqual({
      a: 1,
      mcpServers: { ipc: { command: '/usr/bin/ipc', args: ['mcp'] } },
    });
  });
});

function nodeAt(text: string, path: readonly string[]): NonNullable<ReturnType<typeof valueAt>> {
  const node = valueAt(parseJson(text.replace('\uFEFF', ''), 'f'), path);
  if (node === undefined) throw new Error(`nothing at ${path.join('.')} in ${text}`);
  return node;
}

test('order of keys is not a change', () => {
  const { text, written } = withOurs('{}', { ...target, entries: [server] });
  const data = JSON.parse(text) as { mcpServers: { ipc: { args: Json; command: Json } } };
  const { command, args } = data.mcpServers.ipc;
  const turned = JSON.stringify({ mcpServers: { ipc: { args, command } } }, undefined, 2);
  expect(withoutOurs(turned, 'f', written).changed).toEqual([]);
});
