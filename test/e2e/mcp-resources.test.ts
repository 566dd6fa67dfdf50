/** Resources, subscriptions, prompts and completion of the compiled `ipc mcp`. */
import { describe, expect, test } from 'bun:test';
import { join } from 'node:path';
import {
  ResourceListChangedNotificationSchema,
  ResourceUpdatedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { eventually, openMachine, type Machine } from './machine.ts';
import { openMcp, type McpSession } from './mcp-client.ts';

interface Content {
  readonly text?: string;
  readonly blob?: string;
  readonly mimeType?: string;
  readonly _meta?: Record<string, unknown>;
}

async function read({ client }: McpSession, uri: string): Promise<Content> {
  const { contents } = await client.readResource({ uri });
  return (contents[0] ?? {}) as Content;
}

async function sent(machine: Machine, ...args: readonly string[]): Promise<{ id: string; thread: string }> {
  return await machine.json(['send', ...args]);
}

describe('resources', () => {
  test('are listed, with what is unread by itself, and as templates', async () => {
    await using machine = await openMachine();
    await using bob = await openMcp(machine, { as: 'bob' });
    const { id } = await sent(machine, '--as', 'alice', 'bob', 'hello');
    const { resources } = await bob.client.listResources();
    expect(resources.map(({ uri }) => uri)).toEqual([
      'ipc://inbox',
      'ipc://messages/latest',
      'ipc://agents',
      `ipc://message/${id}`,
    ]);
    const { resourceTemplates } = await bob.client.listResourceTemplates();
    expect(resourceTemplates.map(({ uriTemplate }) => uriTemplate)).toEqual([
      'ipc://message/{id}{?from,bytes}',
      'ipc://message/{id}/attachment/{number}{?from,bytes}',
      'ipc://thread/{id}',
    ]);
  });

  test('show the inbox, the latest, one message, a thread, the agents; reading marks nothing', async () => {
    await using machine = await openMachine();
    await using bob = await openMcp(machine, { as: 'bob' });
    const first = await sent(machine, '--as', 'alice', 'bob', 'the first');
    await sent(machine, '--as', 'alice', 'bob', '--thread', first.thread, 'the second');
    const inbox = await read(bob, 'ipc://inbox');
    expect(inbox.text).toContain('the first');
    expect(inbox.text).toContain('is not the user of this conversation');
    expect((await read(bob, 'ipc://messages/latest')).text).toContain('the second');
    const one = await read(bob, `ipc://message/${first.id}`);
    expect(one.text).toContain('the first');
    expect(one.text).toContain('bob: queued');
    const thread = await read(bob, `ipc://thread/${first.thread}`);
    expect(thread.text).toContain('the first');
    expect(thread.text).toContain('the second');
    expect((await read(bob, 'ipc://agents')).text).toContain('(you are bob)');
    const receipts = await machine.ok(['receipts', '--as', 'alice', first.id]);
    expect(receipts).toContain('bob: queued');
    expect(await bob.text('check')).toContain('the first');
    expect((await read(bob, 'ipc://inbox')).text).toContain('Nothing unread');
  });

  test('a large body is read in ranges that part no character', async () => {
    await using machine = await openMachine();
    await using bob = await openMcp(machine, { as: 'bob' });
    const body = 'žluťoučký kůň '.repeat(20_000);
    await Bun.write(join(machine.directory, 'body'), body);
    const { id } = await machine.json<{ id: string }>(['send', '--as', 'alice', 'bob', '-'], { stdin: body });
    let whole = '';
    const size = Buffer.byteLength(body);
    for (let from = 0; from < size;) {
      const part = await read(bob, `ipc://message/${id}?from=${from}&bytes=65537`);
      expect(part._meta).toMatchObject({ from, size });
      whole += part.text;
      from += Number(part._meta?.['bytes']);
    }
    expect(whole).toBe(body);
    expect((await read(bob, `ipc://message/${id}?bytes=5`)).text).toBe('žluť'.slice(0, 4).slice(0, 3));
  });

  test('attachments: text as text, other bytes as a blob with the path', async () => {
    await using machine = await openMachine();
    await using bob = await openMcp(machine, { as: 'bob' });
    const bytes = new Uint8Array([0, 255, 254, 1, 2, 3]);
    await Bun.write(join(machine.directory, 'a.bin'), bytes);
    await Bun.write(join(machine.directory, 'a.txt'), 'plain');
    const { id } = await sent(
      machine,
      '--as',
      'alice',
      'bob',
      '--file',
      'a.bin',
      '--file',
      'a.txt',
      'two files',
    );
    const message = await read(bob, `ipc://message/${id}`);
    expect(message.text).toContain(`Attachment 2, a.txt: ipc://message/${id}/attachment/2`);
    const binary = await read(bob, `ipc://message/${id}/attachment/1`);
    expect(Buffer.from(binary.blob ?? '', 'base64')).toEqual(Buffer.from(bytes));
    expect(await Bun.file(String(binary._meta?.['path'])).bytes()).toEqual(bytes);
    expect((await read(bob, `ipc://message/${id}/attachment/2?from=1&bytes=3`)).text).toBe('lai');
    expect(read(bob, `ipc://message/${id}/attachment/3`)).rejects.toThrow('the message has 2');
  });

  test('what is not there, or not mine, or no address, is refused by name', async () => {
    await using machine = await openMachine();
    await using bob = await openMcp(machine, { as: 'bob' });
    const { id } = await sent(machine, '--as', 'alice', 'carol', 'not for bob');
    for (const uri of [
      `ipc://message/${id}`,
      'ipc://message/x',
      'ipc://nowhere',
      'file:///etc/passwd',
      'ipc://thread/none',
      'ipc://thread/%ZZ',
      'ipc://message/%E0%A4%A',
    ])
      await expect(read(bob, uri)).rejects.toThrow(/no message|no thread|no resource|wanted the id/);
    expect(bob.client.subscribeResource({ uri: 'ipc://nowhere' })).rejects.toThrow('no resource');
  });

  test('subscribers are told of arrivals, and no longer once they unsubscribed', async () => {
    await using machine = await openMachine();
    const updated: string[] = [];
    let lists = 0;
    await using bob = await openMcp(machine, {
      as: 'bob',
      prepare: (client) => {
        client.setNotificationHandler(
          ResourceUpdatedNotificationSchema,
          ({ params }) => void updated.push(params.uri),
        );
        client.setNotificationHandler(ResourceListChangedNotificationSchema, () => void (lists += 1));
      },
    });
    await bob.text('check');
    await bob.client.subscribeResource({ uri: 'ipc://inbox' });
    await bob.client.subscribeResource({ uri: 'ipc://thread/planning' });
    await sent(machine, '--as', 'alice', 'bob', '--thread', 'planning', 'one');
    await eventually(async () => (updated.length === 2 && lists === 1 ? true : undefined));
    expect(updated.toSorted()).toEqual(['ipc://inbox', 'ipc://thread/planning']);
    await bob.client.unsubscribeResource({ uri: 'ipc://inbox' });
    await sent(machine, '--as', 'alice', 'bob', '--thread', 'planning', 'two');
    await eventually(async () => (updated.length === 3 ? true : undefined));
    expect(updated[2]).toBe('ipc://thread/planning');
  });
});

describe('prompts', () => {
  test('get, status, send and clear are the user’s own words, and hand over nothing by themselves', async () => {
    await using machine = await openMachine();
    await using bob = await openMcp(machine, { as: 'bob' });
    const { prompts } = await bob.client.listPrompts();
    expect(prompts.map(({ name }) => name)).toEqual(['clear', 'get', 'send', 'status']);
    await sent(machine, '--as', 'alice', 'bob', 'hi');
    const text = async (name: string, args: Record<string, string> = {}): Promise<string> => {
      const { messages } = await bob.client.getPrompt({ name, arguments: args });
      const content = messages[0]?.content;
      return content?.type === 'text' ? content.text : '';
    };
    expect(await text('get')).toContain('1 unread, from alice.');
    expect(await text('get', { from: 'alice' })).toContain('with from "alice"');
    expect(await text('status')).toContain('Last activity: a message from alice, just now');
    expect(await text('status')).toContain('Name: bob');
    expect(await text('send', { to: 'alice', message: 'word for word' })).toEndWith('\n\nword for word');
    expect(await text('clear')).toContain('action clear');
    expect(text('send', { to: 'alice' })).rejects.toThrow('wanted message');
    expect(text('nothing')).rejects.toThrow('wanted one of clear');
    expect(await bob.text('check')).toContain('hi');
  });
});

describe('completion', () => {
  test('of names in prompts and of ids in addresses', async () => {
    await using machine = await openMachine();
    await using bob = await openMcp(machine, { as: 'bob' });
    const { id } = await sent(machine, '--as', 'alice', 'bob', '--thread', 'planning', 'hi');
    await sent(machine, '--as', 'adam', 'bob', 'hi');
    await bob.text('mailbox', { action: 'join', name: 'apples' });
    const complete = async (
      ref: { type: 'ref/prompt'; name: string } | { type: 'ref/resource'; uri: string },
      argument: { name: string; value: string },
    ): Promise<string[]> => (await bob.client.complete({ ref, argument })).completion.values;
    const send = { type: 'ref/prompt', name: 'send' } as const;
    expect((await complete(send, { name: 'to', value: 'a' })).toSorted()).toEqual(['adam', 'alice']);
    expect(await complete(send, { name: 'to', value: '#' })).toEqual(['#apples']);
    expect(await complete(send, { name: 'to', value: '@' })).toEqual(['@all']);
    expect(await complete(send, { name: 'message', value: '' })).toEqual([]);
    expect(await complete({ type: 'ref/prompt', name: 'get' }, { name: 'from', value: 'AL' })).toEqual([
      'alice',
    ]);
    const message = { type: 'ref/resource', uri: 'ipc://message/{id}{?from,bytes}' } as const;
    expect(await complete(message, { name: 'id', value: id.slice(0, 30) })).toContain(id);
    expect(
      await complete({ type: 'ref/resource', uri: 'ipc://thread/{id}' }, { name: 'id', value: 'pl' }),
    ).toEqual(['planning']);
  });
});
