/**
 * GitHub's events as a person or a model wants to read them: what happened, where, by whom, and where to
 * look. Titles and comments are strangers' text: on one line or quoted. An event not in the table is told
 * by its name; the whole payload goes along in any case.
 */
import type { Json } from '../../protocol/model.ts';
import { at, listAt, oneLine, quoted, textAt } from './fields.ts';

/** What happened, without the repository; then further lines. */
interface Told {
  readonly what: string;
  readonly more?: readonly (string | undefined)[];
  readonly url?: string | undefined;
}

const LISTED_COMMITS = 10;
const SIZES = ['commits', 'additions', 'deletions', 'changed_files'] as const;

const line = (payload: Json, path: string, most?: number): string => {
  const text = textAt(payload, path);
  return text === undefined ? '?' : oneLine(text, most);
};
const who = (payload: Json): string => line(payload, 'sender.login', 60);
const quote = (payload: Json, path: string): string | undefined => {
  const text = textAt(payload, path);
  return text === undefined ? undefined : quoted(text);
};
const count = (number: number, thing: string): string => `${number} ${thing}${number === 1 ? '' : 's'}`;
const branch = (ref: string): string => ref.replace(/^refs\/(?:heads|tags)\//, '');
const short = (sha: string): string => oneLine(sha.slice(0, 7));
/** GitHub's words that say nothing by themselves. */
const ACTIONS: Readonly<Record<string, string>> = {
  converted_to_draft: 'made a draft of',
  ready_for_review: 'took out of draft',
  review_request_removed: 'no longer asks for a review of',
  review_requested: 'asked for a review of',
  synchronize: 'pushed to',
};
const acted = (payload: Json): string => {
  const action = line(payload, 'action', 40);
  if (action === 'closed' && at(payload, 'pull_request.merged') === true) return 'merged';
  return (Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined) ?? action.replaceAll('_', ' ');
};
const numbered = (payload: Json, path: string): string =>
  `#${line(payload, `${path}.number`)}: ${line(payload, `${path}.title`)}`;

/** How a check, a run or a suite stands. */
const outcome = (payload: Json, path: string): string => {
  const ended = textAt(payload, `${path}.conclusion`) !== undefined;
  return line(payload, `${path}.${ended ? 'conclusion' : 'status'}`, 40).replaceAll('_', ' ');
};

const events: Readonly<Record<string, (payload: Json) => Told>> = {
  check_run: (payload) => ({
    what: `check ${line(payload, 'check_run.name')} on ${short(line(payload, 'check_run.head_sha'))}: ${outcome(payload, 'check_run')}`,
    more: [quote(payload, 'check_run.output.summary')],
    url: textAt(payload, 'check_run.html_url'),
  }),
  check_suite: (payload) => ({
    what: `checks of ${line(payload, 'check_suite.app.name')} on ${line(payload, 'check_suite.head_branch')} (${short(line(payload, 'check_suite.head_sha'))}): ${outcome(payload, 'check_suite')}`,
    more: [quote(payload, 'check_suite.head_commit.message')],
  }),
  commit_comment: (payload) => comment(payload, `commit ${short(line(payload, 'comment.commit_id'))}`),
  create: (payload) => ({
    what: `${who(payload)} created ${line(payload, 'ref_type', 20)} ${line(payload, 'ref')}`,
  }),
  delete: (payload) => ({
    what: `${who(payload)} deleted ${line(payload, 'ref_type', 20)} ${line(payload, 'ref')}`,
  }),
  dependabot_alert: (payload) => ({
    what: `Dependabot alert ${acted(payload)}: ${line(payload, 'alert.security_advisory.summary')} (${line(payload, 'alert.security_advisory.severity', 20)}, ${line(payload, 'alert.dependency.package.name')})`,
    url: textAt(payload, 'alert.html_url'),
  }),
  deployment_status: (payload) => ({
    what: `deployment to ${line(payload, 'deployment.environment')}: ${line(payload, 'deployment_status.state', 40)}`,
    more: [quote(payload, 'deployment_status.description')],
    url: textAt(payload, 'deployment_status.log_url'),
  }),
  discussion: (payload) => ({
    what: `${who(payload)} ${acted(payload)} discussion ${numbered(payload, 'discussion')}`,
    more: [textAt(payload, 'action') === 'created' ? quote(payload, 'discussion.body') : undefined],
    url: textAt(payload, 'discussion.html_url'),
  }),
  discussion_comment: (payload) => comment(payload, `discussion ${numbered(payload, 'discussion')}`),
  fork: (payload) => ({
    what: `${who(payload)} forked it to ${line(payload, 'forkee.full_name')}`,
    url: textAt(payload, 'forkee.html_url'),
  }),
  issue_comment: (payload) =>
    comment(
      payload,
      `${at(payload, 'issue.pull_request') === undefined ? 'issue' : 'pull request'} ${numbered(payload, 'issue')}`,
    ),
  issues: (payload) => ({
    what: `${who(payload)} ${acted(payload)} issue ${numbered(payload, 'issue')}${detail(payload)}`,
    more: [textAt(payload, 'action') === 'opened' ? quote(payload, 'issue.body') : undefined],
    url: textAt(payload, 'issue.html_url'),
  }),
  ping: (payload) => ({
    what: `GitHub's webhook ${line(payload, 'hook_id')} reaches this mailbox${wants(payload)}`,
    more: [quote(payload, 'zen')],
  }),
  pull_request: (payload) => ({
    what: `${who(payload)} ${acted(payload)} pull request ${numbered(payload, 'pull_request')}${detail(payload)}`,
    more: [
      `${line(payload, 'pull_request.base.ref')} ← ${line(payload, 'pull_request.head.ref')}${size(payload)}`,
      textAt(payload, 'action') === 'opened' ? quote(payload, 'pull_request.body') : undefined,
    ],
    url: textAt(payload, 'pull_request.html_url'),
  }),
  pull_request_review: (payload) => ({
    what: `${who(payload)} reviewed pull request ${numbered(payload, 'pull_request')}: ${line(payload, 'review.state', 40).replaceAll('_', ' ')}`,
    more: [quote(payload, 'review.body')],
    url: textAt(payload, 'review.html_url'),
  }),
  pull_request_review_comment: (payload) => {
    const place = textAt(payload, 'comment.path');
    const where = place === undefined ? '' : ` at ${oneLine(place)}`;
    return comment(payload, `pull request ${numbered(payload, 'pull_request')}${where}`);
  },
  push: (payload) => push(payload),
  release: (payload) => ({
    what: `${who(payload)} ${acted(payload)} release ${line(payload, 'release.tag_name')}${named(payload, 'release.name')}`,
    more: [textAt(payload, 'action') === 'published' ? quote(payload, 'release.body') : undefined],
    url: textAt(payload, 'release.html_url'),
  }),
  repository: (payload) => ({ what: `${who(payload)} ${acted(payload)} the repository` }),
  star: (payload) => ({
    what: `${who(payload)} ${textAt(payload, 'action') === 'deleted' ? 'took a star away' : 'gave a star'}`,
  }),
  status: (payload) => ({
    what: `status ${line(payload, 'context')} on ${short(line(payload, 'sha'))}: ${line(payload, 'state', 40)}`,
    more: [quote(payload, 'description')],
    url: textAt(payload, 'target_url'),
  }),
  workflow_job: (payload) => ({
    what: `job ${line(payload, 'workflow_job.name')} of ${line(payload, 'workflow_job.workflow_name')} on ${line(payload, 'workflow_job.head_branch')}: ${outcome(payload, 'workflow_job')}`,
    url: textAt(payload, 'workflow_job.html_url'),
  }),
  workflow_run: (payload) => ({
    what: `workflow ${line(payload, 'workflow_run.name')} #${line(payload, 'workflow_run.run_number')} on ${line(payload, 'workflow_run.head_branch')}: ${outcome(payload, 'workflow_run')}`,
    more: [named(payload, 'workflow_run.display_title').replace(/^ /, '')],
    url: textAt(payload, 'workflow_run.html_url'),
  }),
};

export function githubSummary(event: string, payload: Json): string {
  const repository = textAt(payload, 'repository.full_name') ?? textAt(payload, 'organization.login');
  const place = repository === undefined ? 'GitHub' : oneLine(repository);
  const tell = Object.hasOwn(events, event) ? events[event] : undefined;
  const { what, more = [], url } = tell?.(payload) ?? other(event, payload);
  const further = [...more, url === undefined ? undefined : oneLine(url, 500)];
  return [`${place}: ${what}`, ...further.filter((each) => each !== undefined && each !== '')].join('\n');
}

function other(event: string, payload: Json): Told {
  const action = textAt(payload, 'action') === undefined ? '' : ` ${acted(payload)}`;
  const by = textAt(payload, 'sender.login') === undefined ? '' : ` by ${who(payload)}`;
  return { what: `${oneLine(event, 60)}${action}${by}` };
}

function comment(payload: Json, on: string): Told {
  const action = textAt(payload, 'action');
  const verb = action === undefined || action === 'created' ? 'commented' : `${acted(payload)} a comment`;
  return {
    what: `${who(payload)} ${verb} on ${on}`,
    more: [action === 'deleted' ? undefined : quote(payload, 'comment.body')],
    url: textAt(payload, 'comment.html_url'),
  };
}

function push(payload: Json): Told {
  const ref = line(payload, 'ref');
  const target = ref.startsWith('refs/tags/') ? `tag ${branch(ref)}` : branch(ref);
  const pusher =
    textAt(payload, 'sender.login') === undefined ? line(payload, 'pusher.name', 60) : who(payload);
  if (at(payload, 'deleted') === true) return { what: `${pusher} deleted ${target}` };
  const commits = listAt(payload, 'commits');
  const forced = at(payload, 'forced') === true ? 'force-pushed' : 'pushed';
  const listed = commits.slice(-LISTED_COMMITS).map((each) => {
    const message = oneLine((textAt(each, 'message') ?? '').split('\n')[0] ?? '', 120);
    return `  ${short(textAt(each, 'id') ?? '')} ${message} (${line(each, 'author.name', 60)})`;
  });
  const left = commits.length - listed.length;
  return {
    what: `${pusher} ${forced} ${count(commits.length, 'commit')} to ${target}`,
    more: [left > 0 ? `  … ${count(left, 'earlier commit')}` : undefined, ...listed],
    url: textAt(payload, 'compare'),
  };
}

/** Whom or what the action was about: a label, an assignee, a reviewer. */
function detail(payload: Json): string {
  const about =
    textAt(payload, 'label.name') ??
    textAt(payload, 'requested_reviewer.login') ??
    textAt(payload, 'requested_team.name') ??
    (/^(?:un)?assigned$/.test(textAt(payload, 'action') ?? '')
      ? textAt(payload, 'assignee.login')
      : undefined);
  return about === undefined ? '' : ` (${oneLine(about, 60)})`;
}

function size(payload: Json): string {
  const [commits = 0, added = 0, deleted = 0, files = 0] = SIZES.map((name) => {
    const found = at(payload, `pull_request.${name}`);
    return typeof found === 'number' ? found : undefined;
  });
  return files === 0 ? '' : `, ${count(commits, 'commit')}, +${added} −${deleted} in ${count(files, 'file')}`;
}

function named(payload: Json, path: string): string {
  const name = textAt(payload, path);
  return name === undefined ? '' : ` ${oneLine(name)}`;
}

function wants(payload: Json): string {
  const wanted = listAt(payload, 'hook.events').filter((event) => typeof event === 'string');
  return wanted.length === 0 ? '' : `: ${oneLine(wanted.join(', '))}`;
}
