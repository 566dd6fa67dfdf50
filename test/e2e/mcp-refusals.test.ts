/** What the tools answer a model that asks for what cannot be, and the answers that are rarely wanted. */
import { expect, test } from 'bun:test';
import { openMachine } from './machine.ts';
import { openMcp } from './mcp-client.ts';

const ID = '01890000-0000-7000-8000-000000000000';

test('each refusal says what was wanted and what was found', async () => {
  await using machine = await openMachine();
  await using ann = await openMcp(machine, { as: 'ann', args: ['--allow-run'] });
  await using bob = await openMcp(machine, { as: 'bob' });
  const refusals: [string, Record<string, unknown>, string][] = [
    ['send', { to: 'bob' }, 'wanted text, data or files; found nothing to send'],
    ['send', { to: 'bob', run: ' ' }, 'wanted a command as run, found nothing'],
    ['send', { to: 'bob', run: 'true', data: {} }, 'wanted run or data, found both'],
    ['send', { to: 'bob', run: 'no-such-program' }, 'no-such-program'],
    ['send', { to: 'bob', text: '\ud800' }, 'half of a surrogate pair'],
    ['send', { to: 'bob', forward: 'last' }, 'there is none for "last"'],
    ['send', { to: 'bob', forward: ID }, 'among those you sent or were sent'],
    ['send', { to: 'bob', text: 'x', files: ['gone.txt'] }, 'gone.txt'],
    ['send', { to: 'a b', text: 'x' }, 'wanted a name of'],
    ['ask', { to: '#nobody-there', text: 'anyone?', timeout: 0 }, 'no one else is there'],
    ['who', { name: 'a b' }, 'wanted a name, found "a b"'],
    ['who', { name: 'ghost' }, 'ghost'],
    ['register', { name: 'all' }, 'reserved'],
    ['mailbox', { action: 'ack' }, 'wanted ids with action ack'],
    ['mailbox', { action: 'ack', ids: [ID] }, 'none of these was sent to ann'],
    ['mailbox', { action: 'mute' }, 'wanted a name with action mute, found ""'],
    ['mailbox', { action: 'join', name: '#' }, 'wanted a topic with action join, found "#"'],
    ['mailbox', { action: 'cancel', ids: [ID] }, 'message'],
  ];
  const found: typeof refusals = [];
  for (const [tool, args, words] of refusals) {
    const said = await ann.refused(tool, args);
    found.push([tool, args, said.includes(words) ? words : said]);
  }
  expect(found).toEqual(refusals);
  expect(await bob.refused('send', { to: 'ann', run: 'true' })).toContain('started without --allow-run');
});

test('rare answers: oneself, topics left, taken back, a second acknowledgement, nothing found', async () => {
  await using machine = await openMachine();
  await using ann = await openMcp(machine, { as: 'ann' });
  await using bob = await openMcp(machine, { as: 'bob' });
  expect(await ann.text('who', { name: 'me' })).toContain('ann');
  // Whose first call is answered has his name: that of a server just begun may still be on its way.
  expect(await bob.text('who', { name: 'me' })).toContain('bob');
  expect(await ann.text('who', { name: '@bob' })).toContain('bob');
  expect(await ann.text('mailbox', { action: 'leave', name: '#reviews' })).toContain('you were not in');
  await ann.text('mailbox', { action: 'join', name: 'reviews' });
  expect(await ann.text('who', { topics: true })).toContain('reviews');
  expect(await ann.text('mailbox', { action: 'leave', name: 'reviews' })).toContain('left');
  const sent = await ann.text('send', { to: 'bob', text: 'take me back' });
  const id = /[0-9a-f-]{36}/.exec(sent)?.[0] ?? '';
  expect(await ann.text('mailbox', { action: 'cancel', ids: [id] })).toContain('taken back from bob');
  expect(await ann.text('history', { query: 'nowhere' })).toContain('Nothing found.');
  const kept = /[0-9a-f-]{36}/.exec(await ann.text('send', { to: 'bob', text: 'kept' }))?.[0] ?? '';
  await bob.text('check');
  expect(await bob.text('mailbox', { action: 'ack', ids: [kept, ID] })).toContain(`not yours: ${ID}`);
  expect(await bob.text('mailbox', { action: 'pause', seconds: 60 })).toContain('paused');
  expect(await bob.text('mailbox', { action: 'resume' })).toContain('not paused');
});
