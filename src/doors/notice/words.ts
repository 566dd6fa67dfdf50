/** What a notice says: one message, or how many came in together. Plain text; each platform escapes it. */
import type { Output } from '../../protocol/operations.ts';
import { visibleLine } from '../../present/escape.ts';

export interface NoticeWords {
  readonly title: string;
  readonly body: string;
}

type News = Output<'notices'>['messages'];
const PREVIEW = 200;
const NAMED = 3;

export function noticeWords(news: News): NoticeWords {
  const [first] = news;
  const to = named(news.map((each) => each.to));
  if (first !== undefined && news.length === 1)
    return { title: `New message for ${to} from ${visibleLine(first.from)}`, body: short(first.preview) };
  const from = named(news.map((each) => each.from));
  const latest = news.at(-1);
  return {
    title: short(`${news.length} messages for ${to} from ${from}`),
    body: latest === undefined ? '' : short(`${latest.from}: ${latest.preview}`),
  };
}

function named(names: readonly string[]): string {
  const all = [...new Set(names.map(visibleLine))];
  const rest = all.length - NAMED;
  return all.slice(0, NAMED).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

/** As system 002: 197 characters and dots. Line breaks become blanks: a notice has little room. */
function short(text: string): string {
  const characters = Array.from(visibleLine(text.replaceAll(/\s+/g, ' ').trim()));
  return characters.length <= PREVIEW
    ? characters.join('')
    : `${characters.slice(0, PREVIEW - 3).join('')}...`;
}
