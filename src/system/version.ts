/** Which build this is. `--define IPC_VERSION='"1.2.3"'` overrides the package's version. */
import { version as packaged } from '../../package.json';

declare const IPC_VERSION: string;

export const version: string = typeof IPC_VERSION === 'string' ? IPC_VERSION : packaged;

/** Below 0: `left` is older. Pre-releases (`1.2.0-rc.1`) are older than their release. */
export function compareVersions(left: string, right: string): number {
  const [leftCore = '', leftPre] = left.split('-', 2);
  const [rightCore = '', rightPre] = right.split('-', 2);
  const byCore = compareParts(leftCore, rightCore);
  if (byCore !== 0) return byCore;
  if (leftPre === rightPre) return 0;
  if (leftPre === undefined) return 1;
  if (rightPre === undefined) return -1;
  return compareParts(leftPre, rightPre);
}

function compareParts(left: string, right: string): number {
  const lefts = left.split('.');
  const rights = right.split('.');
  for (let index = 0; index < Math.max(lefts.length, rights.length); index += 1) {
    const order = comparePart(lefts[index] ?? '0', rights[index] ?? '0');
    if (order !== 0) return order;
  }
  return 0;
}

/** Numbers by size, words by letter. Asked at every hello, so without a collator, whose making takes longer than the hello. */
function comparePart(left: string, right: string): number {
  if (left === right) return 0;
  const number = Number(left) - Number(right);
  if (Number.isFinite(number) && number !== 0) return number;
  return left < right ? -1 : 1;
}
