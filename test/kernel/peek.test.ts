/** Looking into kernels without a debugger, of other languages, and that answer what nobody asked. */
import { expect, test } from 'bun:test';
import { factsOf, type Facts } from '../../src/kernel/message.ts';
import { KernelSession } from '../../src/kernel/session.ts';
import { rejection } from '../support/rejection.ts';
import { fakeKernel, honest } from './fake-kernel.ts';

type Said = Readonly<Record<string, Facts>>;

/** Answers each kind of request with what the test says of it; the rest as an honest kernel would. */
async function saying(said: Said) {
  const fake = fakeKernel({
    on: (request) => {
      const { header, content } = request.message;
      const asked = factsOf(factsOf(content)['user_expressions']);
      const kind = header.msg_type === 'execute_request' && 'it' in asked ? 'expression' : header.msg_type;
      const answer = said[kind];
      if (answer === undefined) return honest(request);
      if (kind === 'expression') {
        request.publish('status', { execution_state: 'busy' });
        request.reply({ status: 'ok', user_expressions: { it: answer } });
        request.publish('status', { execution_state: 'idle' });
      } else request.reply({ status: 'ok', ...answer });
    },
  });
  const session = await KernelSession.open(fake.info, { username: 'tester', withinMs: 2_000 });
  return {
    peek: session.peek,
    [Symbol.dispose]: () => {
      session.close();
      fake[Symbol.dispose]();
    },
  };
}

const noDebugger = { success: false };
const plain = (text: string): Facts => ({ status: 'ok', data: { 'text/plain': text } });
const listed = (rows: unknown): Facts => plain(`'${Buffer.from(JSON.stringify(rows)).toString('base64')}'`);

test('variables of a kernel without a debugger come by a silent expression, and are cleaned', async () => {
  const rows = [['a', 'int', '1'], ['b', 'str', '\x1b[31mred'], ['c'], 'no row', 7];
  using kernel = await saying({ debug_request: noDebugger, expression: listed(rows) });
  expect(await kernel.peek.variables()).toEqual([
    { name: 'a', type: 'int', value: '1' },
    { name: 'b', type: 'str', value: 'red' },
    { name: 'c', type: '', value: '' },
  ]);
});

test.each<[string, Facts]>([
  ['says nothing', { status: 'ok', data: {} }],
  ['fails', { status: 'error', ename: 'NameError', evalue: 'get_ipython', traceback: [] }],
  ['says something else', plain("'!!!'")],
  ['says JSON that is no list', listed({ a: 1 })],
])('one that %s has no list, and no error of ours comes of it', async (_name, expression) => {
  using kernel = await saying({ debug_request: noDebugger, expression });
  const found = await kernel.peek.variables().catch((error: unknown) => error);
  if (Array.isArray(found)) expect(found).toEqual([]);
  else expect(found).toMatchObject({ code: 'invalid' });
});

test('one variable, by the debugger, by an expression, or not at all', async () => {
  using rich = await saying({
    debug_request: { success: true, body: { data: { 'text/plain': '42' } } },
  });
  expect((await rich.peek.inspect('answer')).text).toBe('42');
  using bare = await saying({ debug_request: noDebugger, expression: plain("'forty-two'") });
  expect((await bare.peek.inspect('answer')).text).toBe("'forty-two'");
  using none = await saying({ debug_request: noDebugger, expression: { status: 'error' } });
  expect(await rejection(none.peek.inspect('answer'))).toMatchObject({ code: 'no_such_file' });
  expect(await rejection(none.peek.inspect('__import__("os")'))).toMatchObject({ code: 'invalid' });
});

test('completion, help, history and completeness of a kernel that says what it likes', async () => {
  using kernel = await saying({
    complete_request: { matches: ['ok', 7, null], cursor_start: 'no', cursor_end: 99 },
    inspect_request: { found: 'yes', data: { 'text/plain': 'help' } },
    is_complete_request: { status: 'perhaps' },
    history_request: { history: [[1, 2, ['code', 'out']], [0, 1, 'code'], 'x', [null, 'n', [1, 2]]] },
  });
  const completion = await kernel.peek.complete('o');
  expect(completion.matches[0]).toBe('ok');
  expect(completion.end).toBeLessThanOrEqual(99);
  expect(await kernel.peek.help('o')).toBeUndefined();
  expect(await kernel.peek.isComplete('o')).toBe('unknown');
  expect(await kernel.peek.history(9)).toMatchObject([
    { session: 1, line: 2, code: 'code', output: 'out' },
    { session: 0, line: 1, code: 'code', output: undefined },
    { session: 0, line: 0, code: '' },
    { session: 0, line: 0, code: '' },
  ]);
});
