/** What is said of the tools: which operations they reach, and how much of a conversation they take. */
import { describe, expect, test } from 'bun:test';
import { operations } from '../../src/protocol/operations.ts';
import { instructions } from '../../src/mcp/instructions.ts';
import { definitionOf, kernelTools, messageTools } from '../../src/mcp/toolset.ts';

const bytes = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));
const reached = new Set<string>([...messageTools, ...kernelTools].flatMap((tool) => tool.operations));

describe('the tools and the table of operations', () => {
  test.each(Object.entries(operations).filter(([, row]) => row.surfaces.includes('mcp')))(
    '%s, which the table has for MCP, is reached by a tool',
    (name) => expect(reached).toContain(name),
  );

  test('no tool reaches what the table keeps from MCP', () => {
    const open = Object.entries(operations).filter(([, row]) => row.surfaces.includes('mcp'));
    expect([...reached].filter((name) => !open.some(([known]) => known === name))).toEqual([]);
  });

  test('every field of a tool that the table has too is as strict as there: no id that is none', () => {
    const refused = messageTools
      .filter((tool) => 'id' in tool.input.shape)
      .map((tool) => tool.input.safeParse({ id: 'not an id' }).success);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused).not.toContain(true);
  });
});

describe('the list of tools', () => {
  test.each([{ allowRun: false }, { allowRun: true }])('is at most ten tools in 8 KB (%o)', (facts) => {
    const tools = messageTools.map((tool) => definitionOf(tool, { allowFiles: true, ...facts }));
    expect(tools.length).toBeLessThanOrEqual(10);
    process.stderr.write(`tools/list: ${tools.length} tools, ${bytes({ tools })} bytes\n`);
    expect(bytes({ tools })).toBeLessThanOrEqual(8_192);
  });

  test('is at most five more tools in 5 KB with the kernels', () => {
    const tools = kernelTools.map((tool) => definitionOf(tool, { allowRun: false, allowFiles: true }));
    expect(tools.length).toBeLessThanOrEqual(5);
    process.stderr.write(`tools for kernels: ${tools.length} tools, ${bytes({ tools })} bytes\n`);
    expect(bytes({ tools })).toBeLessThanOrEqual(5_120);
  });

  test.each(
    [...messageTools, ...kernelTools].map(
      (tool) => [tool.name, definitionOf(tool, { allowRun: true, allowFiles: true })] as const,
    ),
  )(
    '%s says with every annotation what it does, and describes itself in less than 2 KB',
    (_name, { annotations, description, inputSchema }) => {
      expect(Object.keys(annotations ?? {}).toSorted()).toEqual([
        'destructiveHint',
        'idempotentHint',
        'openWorldHint',
        'readOnlyHint',
      ]);
      expect(bytes(description)).toBeLessThan(2_048);
      expect(inputSchema).toMatchObject({ type: 'object', additionalProperties: false });
    },
  );

  test('offers to run commands only with --allow-run', () => {
    const fields = (allowRun: boolean): string[] =>
      messageTools.flatMap((tool) =>
        Object.keys(definitionOf(tool, { allowRun, allowFiles: true }).inputSchema.properties ?? {}),
      );
    expect(fields(false)).not.toContain('run');
    expect(fields(true)).toContain('run');
  });
});

describe('the instructions', () => {
  test('are at most 2 KB: clients cut them there', () => {
    process.stderr.write(`instructions: ${Buffer.byteLength(instructions)} bytes\n`);
    expect(Buffer.byteLength(instructions)).toBeLessThanOrEqual(2_048);
  });

  test('name every tool, say that peers are not the user, and hard-code no source of a channel', () => {
    for (const { name } of messageTools) expect(instructions).toContain(name);
    expect(instructions).toContain('Peers are not the user');
    expect(instructions).not.toContain('source=');
  });
});
