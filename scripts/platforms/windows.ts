/** What must hold on Windows: its pipe, its paths, its names. */
import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdir, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { proofOf } from '../../src/system/secret.ts';
import { type Check, received } from './everywhere.ts';
import { eventually, want } from './user.ts';

type Talk = { readonly heard: () => string } & AsyncDisposable;

export const windows: readonly Check[] = [
  {
    name: 'the home is in %LOCALAPPDATA%, also for those whose environment was scrubbed or has a HOME of its own',
    smoke: true,
    run: async (user) => {
      const usual = { IPC_HOME: undefined };
      const scrubbed = { ...usual, LOCALAPPDATA: undefined, USERPROFILE: undefined };
      const odd = { ...usual, LOCALAPPDATA: undefined, HOME: '/c/elsewhere' };
      await user.run(['daemon', 'stop'], { env: usual });
      const begun = await user.json(['daemon', 'start'], { env: usual });
      for (const env of [usual, scrubbed, odd]) {
        const found = await user.json(['daemon', 'status'], { env });
        want(found['pid'] === begun['pid'], () => `${JSON.stringify(env)} leads to ${JSON.stringify(found)}`);
        const local = (process.env['LOCALAPPDATA'] ?? '').replaceAll('\\', '/');
        want(String(found['home']).toLowerCase() === `${local}/ipc`.toLowerCase(), () =>
          String(found['home']),
        );
      }
      await user.ok(['daemon', 'stop'], { env: usual });
      return undefined;
    },
  },
  {
    name: 'one home has one daemon, however its path is spelt',
    run: async (user) => {
      const { pid } = await user.json(['daemon', 'start']);
      const slashed = user.home.replaceAll('\\', '/');
      const spelt = [
        slashed,
        user.home.toUpperCase(),
        `${slashed.toLowerCase()}//./x/..`,
        slashed.replace(/^[A-Z]:/i, ''),
      ];
      for (const home of spelt) {
        const found = await user.json(['daemon', 'status'], { home });
        want(found['pid'] === pid, () => `${home} leads to ${JSON.stringify(found)}`);
      }
      return undefined;
    },
  },
  {
    name: 'a tilde is the user’s own folder, never a folder called ~',
    run: async (user) => {
      const profile = join(user.folder, 'profile');
      await mkdir(profile);
      const options = { home: '~\\its home', env: { USERPROFILE: profile } };
      await user.ok(['daemon', 'start'], options);
      await user.ok(['daemon', 'stop'], options);
      want(existsSync(join(profile, 'its home')), () => 'it is not in the profile');
      want(!existsSync(join(user.folder, '~')), () => 'a folder called ~ was made');
      return undefined;
    },
  },
  {
    name: 'who holds the pipe’s name and not the key of the home is told nothing, and no daemon fights it',
    smoke: true,
    run: async (user) => {
      await user.ok(['send', '--as', 'alice', 'bob', 'before']);
      const { socket } = await user.status();
      await user.ok(['daemon', 'stop']);
      {
        await using squatter = squat(socket);
        const sent = await user.run(['send', '--as', 'alice', 'bob', 'a secret word']);
        want(sent.code === 77 && sent.stderr.includes('told nothing'), () => `${sent.code} ${sent.stderr}`);
        const run = await user.run(['daemon', 'run']);
        want(run.code === 69, () => `daemon run ended with ${run.code}: ${run.stdout}${run.stderr}`);
        const heard = squatter.heard();
        want(heard.includes('rpc.hello'), () => `the squatter heard ${heard}`);
        for (const word of ['credential', 'a secret word', 'alice'])
          want(!heard.includes(word), () => `the squatter heard ${word}`);
      }
      await user.ok(['send', '--as', 'alice', 'bob', 'after']);
      want((await received(user, 'bob')) === 2, () => 'not two messages');
      return undefined;
    },
  },
  {
    name: 'who connects to the pipe without the key is let nowhere in',
    smoke: true,
    run: async (user) => {
      await user.ok(['daemon', 'start']);
      const { socket } = await user.status();
      const none = await ask(socket, () => ({}));
      const wrong = await ask(socket, (nonces) => ({ proof: proofOf('k'.repeat(43), 'client', nonces) }));
      for (const answer of [none, wrong]) want(answer.includes('secret_mismatch'), () => answer);
      const key = (await readFile(join(user.home, 'pipe.key'), 'utf8')).trim();
      const right = await ask(socket, (nonces) => ({ proof: proofOf(key, 'client', nonces) }));
      want(right.includes('"pid"') && !right.includes('error'), () => right);
      return undefined;
    },
  },
  {
    name: 'names that Windows has for devices, or cuts dots off, are agents like others',
    run: async (user) => {
      await user.ok(['send', '--as', 'nul', 'con', 'to a device']);
      await user.ok(['send', '--as', 'bob', 'bob.', 'to another bob']);
      want((await received(user, 'con')) === 1, () => 'con has not got it');
      want((await received(user, 'bob')) === 0 && (await received(user, 'bob.')) === 1, () => 'bob. is bob');
      return undefined;
    },
  },
  {
    name: 'a file of the home is replaced though somebody has it open',
    run: async (user) => {
      await user.ok(['config', 'set', 'idleExit', '60']);
      const reader = openSync(join(user.home, 'config.json'), 'r');
      const setting = user.run(['config', 'set', 'idleExit', '70']);
      // It has come to the file, and cannot go on.
      await eventually(
        async () => (await readdir(user.home)).some((name) => name.endsWith('~')),
        'the new file',
      );
      closeSync(reader);
      const { code, stderr } = await setting;
      want(code === 0, () => `config set ended with ${code}: ${stderr}`);
      want((await user.ok(['config', 'get', 'idleExit'])).includes('70'), () => 'the old setting is there');
      return undefined;
    },
  },
  {
    name: 'a command’s path keeps its backslashes',
    run: async (user) => {
      await user.ok(['send', '--as', 'alice', 'bob', '--run', `"${user.ipc}" version`]);
      const plain = user.ipc.includes(' ') ? `"${user.ipc}"` : user.ipc;
      await user.ok(['send', '--as', 'alice', 'bob', '--run', `${plain} version`]);
      await user.ok(['send', '--as', 'alice', 'bob', '--shell', '--run', 'echo %OS%']);
      const text = await user.ok(['check', '--as', 'bob']);
      want(text.split('ipc ').length >= 3 && text.includes('Windows_NT'), () => text);
      return undefined;
    },
  },
];

/** Answers every greeting as one who does not know the key would. */
function squat(socket: string): Talk {
  let heard = '';
  const server = Bun.listen({
    unix: socket,
    socket: {
      data: (client, chunk) => {
        heard += chunk.toString();
        const id = (JSON.parse(chunk.toString().split('\n')[0] ?? '{}') as { id?: number }).id ?? null;
        const result = { version: '0.1.0', nonce: 'n'.repeat(43), proof: 'p'.repeat(43) };
        client.write(`${JSON.stringify({ jsonrpc: '2.0', id, result })}\n`);
      },
    },
  });
  return {
    heard: () => heard,
    [Symbol.asyncDispose]: async () => server.stop(true),
  };
}

/** Greets a daemon and answers its challenge; returns what came back. */
async function ask(
  socket: string,
  answer: (nonces: { client: string; daemon: string }) => Record<string, unknown>,
): Promise<string> {
  const client = 'c'.repeat(43);
  const hello = { protocol: { min: 1, max: 1 }, version: '0.0.0' };
  const frame = (id: number, params: object) =>
    `${JSON.stringify({ jsonrpc: '2.0', id, method: 'rpc.hello', params })}\n`;
  const done = Promise.withResolvers<string>();
  let text = '';
  const connection = await Bun.connect({
    unix: socket,
    socket: {
      open: (pipe) => void pipe.write(frame(1, { ...hello, nonce: client })),
      data: (pipe, chunk) => {
        text += chunk.toString();
        const [first, second] = text.split('\n');
        if (second !== undefined && second !== '') done.resolve(second);
        else {
          const { result } = JSON.parse(first ?? '{}') as { result?: { nonce: string } };
          pipe.write(frame(2, { ...hello, ...answer({ client, daemon: result?.nonce ?? '' }) }));
        }
      },
      close: () => done.resolve(text),
    },
  });
  const second = await done.promise;
  connection.end();
  return second;
}
