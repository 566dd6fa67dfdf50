/** Jupyter counts cursor positions in code points, JavaScript in UTF-16 units (kernels.md §3). */

export function toCodePoints(code: string, units: number): number {
  return Array.from(code.slice(0, units)).length;
}

export function toUnits(code: string, codePoints: number): number {
  return Array.from(code).slice(0, codePoints).join('').length;
}
