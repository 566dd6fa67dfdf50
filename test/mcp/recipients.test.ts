/** Whom a model means: the forms in which clients and the Inspector pass `to`. */
import { expect, test } from 'bun:test';
import { definitionOf, messageTools } from '../../src/mcp/toolset.ts';
import { recipients } from '../../src/mcp/tools/fields.ts';

test.each<[unknown, string[]]>([
  ['bob', ['bob']],
  ['bob, alice', ['bob', 'alice']],
  ['#reviews,@all', ['#reviews', '@all']],
  [
    ['bob', '#reviews'],
    ['bob', '#reviews'],
  ],
  [['bob, alice'], ['bob', 'alice']],
  ['["bob", "alice"]', ['bob', 'alice']],
  ['the frontend team', ['the frontend team']],
])('%j is %j', (given, names) => expect(recipients.parse(given)).toEqual(names));

test.each<[unknown]>([[undefined], [''], [' , '], [[]], [7], [{ name: 'bob' }], [[7]]])(
  '%j names nobody',
  (given) => expect(recipients.safeParse(given).success).toBe(false),
);

test('it is declared as a text, and as needed', () => {
  for (const name of ['send', 'ask']) {
    const found = messageTools.find((tool) => tool.name === name);
    expect(found && definitionOf(found, { allowRun: false, allowFiles: true }).inputSchema).toMatchObject({
      properties: { to: { type: 'string' } },
      required: expect.arrayContaining(['to']),
    });
  }
});
