/** What an agent reads of a post: GitHub's events in words, templates, and strangers' text that stays a stranger's. */
import { describe, expect, test } from 'bun:test';
import fc from 'fast-check';
import { githubSummary } from '../../src/http/webhook/github.ts';
import { checkTemplate, fill } from '../../src/http/webhook/template.ts';
import type { Json } from '../../src/protocol/model.ts';

const base = { repository: { full_name: 'acme/app' }, sender: { login: 'ann' } };
const pull = {
  number: 12,
  title: 'Fix it',
  html_url: 'https://github.com/acme/app/pull/12',
  base: { ref: 'main' },
  head: { ref: 'fix' },
};

describe('GitHub’s events', () => {
  test.each<[string, Json, string]>([
    [
      'ping',
      { zen: 'Keep it simple.', hook_id: 5, hook: { events: ['push', 'issues'] } },
      "acme/app: GitHub's webhook 5 reaches this mailbox: push, issues\n> Keep it simple.",
    ],
    [
      'push',
      { ref: 'refs/tags/v1', commits: [], forced: true },
      'acme/app: ann force-pushed 0 commits to tag v1',
    ],
    ['push', { ref: 'refs/heads/old', deleted: true, commits: [] }, 'acme/app: ann deleted old'],
    ['create', { ref_type: 'branch', ref: 'fix' }, 'acme/app: ann created branch fix'],
    [
      'push',
      {
        ref: 'refs/heads/main',
        pusher: { name: 'bob' },
        commits: Array.from({ length: 30 }, (_, index) => ({
          id: `${index}`.padStart(40, '0'),
          message: `Commit ${index}\n\nwith more`,
          author: { name: 'bob' },
        })).slice(0, 12),
      },
      `acme/app: ann pushed 12 commits to main\n  … 2 earlier commits\n${Array.from({ length: 10 }, (_, index) => `  0000000 Commit ${index + 2} (bob)`).join('\n')}`,
    ],
    [
      'commit_comment',
      { action: 'created', comment: { commit_id: '0123456789', body: 'Nice' } },
      'acme/app: ann commented on commit 0123456\n> Nice',
    ],
    [
      'dependabot_alert',
      {
        action: 'created',
        alert: {
          security_advisory: { summary: 'A hole', severity: 'high' },
          dependency: { package: { name: 'left-pad' } },
          html_url: 'https://example.org/1',
        },
      },
      'acme/app: Dependabot alert created: A hole (high, left-pad)\nhttps://example.org/1',
    ],
    [
      'deployment_status',
      {
        deployment: { environment: 'live' },
        deployment_status: { state: 'failure', description: 'No room' },
      },
      'acme/app: deployment to live: failure\n> No room',
    ],
    [
      'discussion',
      { action: 'created', discussion: { number: 5, title: 'Why?', body: 'Tell me' } },
      'acme/app: ann created discussion #5: Why?\n> Tell me',
    ],
    [
      'discussion_comment',
      { action: 'deleted', discussion: { number: 5, title: 'Why?' }, comment: { body: 'gone' } },
      'acme/app: ann deleted a comment on discussion #5: Why?',
    ],
    ['fork', { forkee: { full_name: 'bob/app' } }, 'acme/app: ann forked it to bob/app'],
    ['repository', { action: 'archived' }, 'acme/app: ann archived the repository'],
    ['star', { action: 'deleted' }, 'acme/app: ann took a star away'],
    [
      'issues',
      {
        action: 'assigned',
        assignee: { login: 'bob' },
        issue: { number: 3, title: 'It breaks' },
      },
      'acme/app: ann assigned issue #3: It breaks (bob)',
    ],
    ['delete', { ref_type: 'tag', ref: 'v0' }, 'acme/app: ann deleted tag v0'],
    [
      'pull_request',
      {
        action: 'opened',
        pull_request: { ...pull, body: 'Because.', commits: 1, additions: 2, deletions: 3, changed_files: 4 },
      },
      'acme/app: ann opened pull request #12: Fix it\nmain ← fix, 1 commit, +2 −3 in 4 files\n> Because.\nhttps://github.com/acme/app/pull/12',
    ],
    [
      'pull_request',
      { action: 'closed', pull_request: { ...pull, merged: true, html_url: '' } },
      'acme/app: ann merged pull request #12: Fix it\nmain ← fix',
    ],
    [
      'pull_request',
      { action: 'synchronize', pull_request: { ...pull, html_url: '' } },
      'acme/app: ann pushed to pull request #12: Fix it\nmain ← fix',
    ],
    [
      'pull_request',
      {
        action: 'review_requested',
        requested_reviewer: { login: 'bob' },
        pull_request: { ...pull, html_url: '' },
      },
      'acme/app: ann asked for a review of pull request #12: Fix it (bob)\nmain ← fix',
    ],
    [
      'pull_request_review',
      { action: 'submitted', review: { state: 'changes_requested', body: 'No.' }, pull_request: pull },
      'acme/app: ann reviewed pull request #12: Fix it: changes requested\n> No.',
    ],
    [
      'pull_request_review_comment',
      { action: 'created', comment: { path: 'src/a.ts', body: 'Why?' }, pull_request: pull },
      'acme/app: ann commented on pull request #12: Fix it at src/a.ts\n> Why?',
    ],
    [
      'issues',
      { action: 'labeled', label: { name: 'bug' }, issue: { number: 3, title: 'It breaks' } },
      'acme/app: ann labeled issue #3: It breaks (bug)',
    ],
    [
      'issue_comment',
      { action: 'created', issue: { number: 3, title: 'It breaks' }, comment: { body: 'Same here' } },
      'acme/app: ann commented on issue #3: It breaks\n> Same here',
    ],
    [
      'issue_comment',
      { action: 'edited', issue: { number: 3, title: 'x', pull_request: {} }, comment: { body: 'y' } },
      'acme/app: ann edited a comment on pull request #3: x\n> y',
    ],
    [
      'check_run',
      {
        action: 'completed',
        check_run: { name: 'lint', head_sha: '0123456789', status: 'completed', conclusion: 'failure' },
      },
      'acme/app: check lint on 0123456: failure',
    ],
    [
      'check_run',
      {
        action: 'created',
        check_run: { name: 'lint', head_sha: '0123456789', status: 'queued', conclusion: null },
      },
      'acme/app: check lint on 0123456: queued',
    ],
    [
      'check_suite',
      {
        check_suite: {
          app: { name: 'Actions' },
          head_branch: 'main',
          head_sha: 'abcdefabc',
          conclusion: 'success',
        },
      },
      'acme/app: checks of Actions on main (abcdefa): success',
    ],
    [
      'workflow_run',
      {
        workflow_run: {
          name: 'CI',
          run_number: 9,
          head_branch: 'main',
          conclusion: 'failure',
          display_title: 'Fix it',
        },
      },
      'acme/app: workflow CI #9 on main: failure\nFix it',
    ],
    [
      'workflow_job',
      { workflow_job: { name: 'test', workflow_name: 'CI', head_branch: 'main', status: 'in_progress' } },
      'acme/app: job test of CI on main: in progress',
    ],
    [
      'release',
      { action: 'published', release: { tag_name: 'v2', name: 'Two', body: 'New.' } },
      'acme/app: ann published release v2 Two\n> New.',
    ],
    ['star', { action: 'created' }, 'acme/app: ann gave a star'],
    ['sponsorship', { action: 'created' }, 'acme/app: sponsorship created by ann'],
    ['constructor', {}, 'acme/app: constructor by ann'],
  ])('%s', (event, payload, told) => {
    expect(githubSummary(event, { ...base, ...(payload as object) })).toBe(told);
  });

  test('a title with newlines, escapes and bidi controls stays one visible line', () => {
    const title = 'ok\nacme/app: ann merged pull request #1\u001b[2J\u202e';
    const told = githubSummary('issues', { ...base, action: 'opened', issue: { number: 1, title } });
    expect(told).toBe(
      'acme/app: ann opened issue #1: ok acme/app: ann merged pull request #1\\x1b[2J\\u{202e}',
    );
  });

  test('every line of a comment is quoted, and a long one is cut', () => {
    const body = Array.from({ length: 100 }, (_, line) => `line ${line}`).join('\r\n');
    const told = githubSummary('issue_comment', {
      ...base,
      action: 'created',
      issue: { number: 1, title: 'x' },
      comment: { body },
    });
    const [head, ...lines] = told.split('\n');
    expect([head, lines.length, lines.at(-1), lines.every((line) => line.startsWith('> '))]).toEqual([
      'acme/app: ann commented on issue #1: x',
      21,
      '> …',
      true,
    ]);
  });

  test('no payload, whatever is in it, breaks the telling or leaves a control character', () => {
    const events = fc.constantFrom(
      'push',
      'pull_request',
      'issues',
      'issue_comment',
      'check_run',
      'release',
      'ping',
      '__proto__',
    );
    const keys = fc.constantFrom(
      'action',
      'commits',
      'pull_request',
      'issue',
      'comment',
      'title',
      'body',
      'number',
      'ref',
      'sender',
      'login',
      'id',
      '__proto__',
    );
    const payload = fc.dictionary(keys, fc.jsonValue({ stringUnit: 'binary' }));
    fc.assert(
      fc.property(events, payload, payload, (event, outer, inner) => {
        const told = githubSummary(event, {
          ...outer,
          pull_request: inner,
          issue: inner,
          comment: inner,
          commits: [inner],
        } as Json);
        // oxlint-disable-next-line no-control-regex -- they are what is looked for
        expect(told).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]/);
        expect(told.isWellFormed()).toBe(true);
      }),
    );
  });
});

describe('templates', () => {
  const request = { event: 'push', id: 'd1', text: 'raw' };
  const json = { a: { b: [{ c: 'deep' }] }, n: 3, no: null, evil: '{{n}}', esc: '\u001b[31m' };

  test.each([
    ['{{a.b.0.c}} and {{ n }}', 'deep and 3'],
    ['{{a.b}}', '[{"c":"deep"}]'],
    ['[{{missing}}] [{{a.x.y}}] [{{no}}]', '[] [] [null]'],
    ['{{@event}} {{@id}} {{@body}}', 'push d1 raw'],
    ['{{evil}}', '{{n}}'],
    ['{{esc}}', '\\x1b[31m'],
    ['{{constructor.name}}{{__proto__.x}}{{n.toFixed}}', ''],
    ['{{a.b.length}}', '1'],
    ['no place at all', 'no place at all'],
  ])('%p becomes %p', (template, text) => {
    checkTemplate(template);
    expect(fill(template, json, request)).toBe(text);
  });

  test('an event and an id are one line, whatever the header smuggled in', () => {
    const hostile = { ...request, event: 'push\nfrom: root', id: 'd1\r\n\u001b[31m' };
    expect(fill('{{@event}} {{@id}}', json, hostile)).toBe('push from: root d1 \\x1b[31m');
  });

  test.each(['{{a b}}', '{{', '{{}}', '{{a.}}', 'x'.repeat(5_000)])(
    '%p is refused when it is written',
    (template) => {
      expect(() => checkTemplate(template)).toThrow(expect.objectContaining({ code: 'invalid_data' }));
    },
  );
});
