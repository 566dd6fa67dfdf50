/** Before every test file: nothing of the machine's own `ipc`, and nothing of whoever runs the tests, gets in. */
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

const FOREIGN = /^(IPC_|CLAUDE|CODEX_|GEMINI_|CURSOR_|COPILOT_|OPENCODE|QWEN_)/;
const OURS = /^IPC_TEST_/;
for (const name of Object.keys(process.env)) {
  if (FOREIGN.test(name) && !OURS.test(name)) delete process.env[name];
}
// A test that forgets to make a home of its own must not find the user's, nor may a program that passes
// no IPC_HOME on to what it starts. Who asks a registry needs the user's own settings of it.
process.env['IPC_TEST_USER_HOME'] ??= homedir();
process.env['HOME'] = join(tmpdir(), 'ipc-test-without-a-home', 'user');
process.env['IPC_HOME'] = join(tmpdir(), 'ipc-test-without-a-home', 'missing');
