import { describe, expect, test } from 'bun:test';
import { parseArguments } from '../../src/cli/arguments.ts';
import { phrases, understand, understood } from '../../src/cli/phrases.ts';
import { groups, topVerbs } from '../../src/cli/verb-list.ts';

describe('the phrases of systems 000 and 002', () => {
  test.each<[string, string[]]>([
    ['Register this instance as gemini', ['register', 'gemini']],
    ['register me as "fred"', ['register', 'fred']],
    ['My name is Barney.', ['register', 'Barney']],
    ['call me nessa!', ['register', 'nessa']],
    ['msgs?', ['check']],
    ['any messages?', ['check']],
    ['Any new messages', ['check']],
    ['check messages', ['check']],
    ['check my inbox', ['check']],
    ['do I have any mail?', ['check']],
    ['msg barney: the migration is complete', ['send', 'barney', '--', 'the migration is complete']],
    ['tell fred the tests are green', ['send', 'fred', '--', 'the tests are green']],
    ['Tell fred that it works', ['send', 'fred', '--', 'it works']],
    ['tell fred, it works', ['send', 'fred', '--', 'it works']],
    ['send to nessa: look at this', ['send', 'nessa', '--', 'look at this']],
    ['send a message to nessa: hi', ['send', 'nessa', '--', 'hi']],
    ['msg alice, bob and #reviews: ready: now', ['send', 'alice,bob,#reviews', '--', 'ready: now']],
    ['msg the frontend team: deploy', ['send', '#frontend', '--', 'deploy']],
    ['broadcast: lunch', ['send', '@all', '--', 'lunch']],
    ['tell everyone lunch is ready', ['send', '@all', '--', 'lunch is ready']],
    ['Tell everyone: lunch', ['send', '@all', '--', 'lunch']],
    ["who's online?", ['who']],
    ['Who is here', ['who']],
    ['list instances', ['who']],
    ['who am I?', ['whoami']],
    ['rename to fred-debugging', ['rename', 'fred-debugging']],
    ['start auto checking 5', ['autocheck', 'start', '5']],
    ['Start auto-checking every 10 minutes', ['autocheck', 'start', '10']],
    ['start auto checking', ['autocheck', 'start']],
    ['stop auto checking', ['autocheck', 'stop']],
    ['is auto checking on?', ['autocheck', 'status']],
    ['auto check status', ['autocheck', 'status']],
    ['reply: on it', ['reply', '--', 'on it']],
    ['forward to nessa', ['send', 'nessa', '--forward', 'last']],
    ['forward that to nessa.', ['send', 'nessa', '--forward', 'last']],
    ['get', ['check']],
    ['check the relay', ['check']],
    ["get Code's response", ['check', '--from', 'Code']],
    ['what did Desktop say?', ['history', '--with', 'Desktop']],
    ['ask Desktop to review the plan', ['ask', 'Desktop', '--', 'review the plan']],
    ['ask Desktop which port it is', ['ask', 'Desktop', '--', 'which port it is']],
    ['tell Code the build is green', ['send', 'Code', '--', 'the build is green']],
    ['get status', ['whoami']],
    ['clear my messages', ['clear']],
  ])('%j is %j', (text, argv) => {
    expect(understand(text)).toEqual(argv);
  });

  test.each([
    'make me a sandwich',
    'message',
    'tell bob',
    'call me',
    'call me Bob Smith',
    'forward',
    'I am tired',
    'ask alice and bob',
    'clear',
    'get lost',
  ])('%j is not taken for something it does not say', (text) => {
    expect(understand(text)?.[0] === 'send' || understand(text)?.[0] === 'register').toBe(false);
  });

  test('without a colon a sentence never writes to a word that only looks like a second name', () => {
    expect(understand('tell fred and run the tests')).toBeUndefined();
  });

  test('a text arrives as it was written, with its lines, dashes and flags', () => {
    const text = '--help -x\n\n  and  two  spaces: ünïcode 漢';
    expect(understand(`msg bob: ${text}`)).toEqual(['send', 'bob', '--', text]);
    const { words, plain } = parseArguments(['bob', '--', text], { flags: [], name: 'send', now: () => 0 });
    expect(words).toEqual(['bob', text]);
    expect(plain).toBe(1);
  });

  test('every phrase leads to a verb there is, and each family is named to whoever was not understood', () => {
    for (const { argv } of phrases)
      expect(Object.keys({ ...topVerbs, ...groups })).toContain(
        argv({ name: 'x', to: 'x', text: 'x' })[0] ?? '',
      );
    expect(understood().length).toBeGreaterThan(8);
  });
});
