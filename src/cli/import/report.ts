/** What an import did, or would do, for a person. */
import { visibleLine } from '../../present/escape.ts';
import type { Style } from '../../present/style.ts';
import { remarks } from './foreign.ts';
import type { SourceReport } from './run.ts';

export function reportText(report: SourceReport, { dryRun }: { dryRun: boolean }, style: Style): string {
  const { file, system, messages, added, known, left, unread, names, remarks: found, refused } = report;
  const would = dryRun ? 'would be added' : 'added';
  const lines = [
    `${visibleLine(file)} (${system}): ${messages} messages, ${added} ${would}, ${known} here already`,
  ];
  for (const { name, count } of unread) lines.push(`  ${count} unread for ${style.name(name)}`);
  for (const { from, to } of names)
    lines.push(`  ${visibleLine(JSON.stringify(from))} is ${style.name(to)} here`);
  if (left > 0) lines.push(`  ${left} rows left out: their sender is neither desktop nor code`);
  for (const { remark, count } of found) lines.push(`  ${count} with ${remarks[remark]}`);
  if (refused.length > 0)
    lines.push(`  refused by ${refused.map(visibleLine).join(', ')}: they read nothing here`);
  return `${lines.join('\n')}\n`;
}
