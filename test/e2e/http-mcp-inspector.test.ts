/** The MCP Inspector judges `/mcp` of the compiled `ipc serve`: what it lists, and one of each it can be asked for. */
import { describe, expect } from 'bun:test';
import { openDoor } from './http-door.ts';
import { tokenFor } from './http-mcp-client.ts';
import { type Inspected, inspect, inspected } from './inspector.ts';
import { openMachine } from './machine.ts';

describe('the MCP Inspector over HTTP', () => {
  inspected(
    'finds nothing to warn of in the tools, and calls one, reads a resource, gets a prompt',
    async () => {
      await using machine = await openMachine();
      const door = await openDoor(machine);
      const token = await tokenFor(machine, 'inspector');
      const target = [`${door.url}/mcp`, '--transport', 'http', '--header', `Authorization: Bearer ${token}`];
      const ask = async (...words: readonly string[]): Promise<Inspected> => {
        const found = await inspect(machine, target, ['--method', ...words]);
        expect(found).toMatchObject({ code: 0, stderr: '' });
        return found;
      };
      // It writes warnings on stderr, and nothing when there is none.
      const { result: listed } = await ask('tools/list', '--strict');
      expect(listed['tools']).toBeArrayOfSize(9);
      const given = '{"to":"bob","text":"hi","data":{"n":1}}';
      const sent = await ask('tools/call', '--tool-name', 'send', '--tool-args-json', given);
      expect(JSON.stringify(sent.result)).toContain('queued for bob');
      expect(await machine.ok(['check', '--as', 'bob'])).toContain('inspector');
      const { result: read } = await ask('resources/read', '--uri', 'ipc://agents');
      expect(read['contents']).toMatchObject([{ uri: 'ipc://agents', mimeType: 'text/plain' }]);
      expect((await ask('resources/templates/list')).result['resourceTemplates']).toBeArrayOfSize(3);
      expect((await ask('prompts/list')).result['prompts']).not.toBeEmpty();
      const { result: prompt } = await ask('prompts/get', '--prompt-name', 'status');
      expect(prompt['messages']).toMatchObject([{ role: 'user' }]);
    },
    60_000,
  );
});
