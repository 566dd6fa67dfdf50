import { expect, test } from 'bun:test';
import { existsSync } from 'node:fs';
import { localOffset } from '../../src/system/zone.ts';
import { temporaryHome } from '../support/home.ts';

const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Asia/Kolkata',
  'Australia/Lord_Howe',
  'Pacific/Apia',
  'America/Sao_Paulo',
];
const instants = [
  '1985-06-01T00:00:00Z',
  '2011-12-30T12:00:00Z',
  '2026-03-29T00:59:59Z',
  '2026-03-29T01:00:00Z',
  '2026-08-22T10:00:00Z',
  '2026-10-25T00:59:59Z',
  '2026-10-25T01:00:00Z',
  '2060-07-01T00:00:00Z',
].map((text) => Date.parse(text));

/** What the runtime says, in a process of that zone. */
function runtimeOffsets(zone: string | undefined): unknown {
  const script = `console.log(JSON.stringify(${JSON.stringify(instants)}.map((at) => -new Date(at).getTimezoneOffset())))`;
  const env = zone === undefined ? {} : { TZ: zone };
  return JSON.parse(Bun.spawnSync([process.execPath, '-e', script], { env }).stdout.toString());
}

/** Ours, in a process of the same zone, since it asks the runtime for what it does not know. */
function ourOffsets(zone: string | undefined): unknown {
  const folder = `${import.meta.dir}/../../src/system`;
  const script = `
    const { localOffset } = await import(${JSON.stringify(`${folder}/zone.ts`)});
    const { readEnvironment } = await import(${JSON.stringify(`${folder}/environment.ts`)});
    console.log(JSON.stringify(${JSON.stringify(instants)}.map(localOffset(readEnvironment()))));
  `;
  const env = zone === undefined ? {} : { TZ: zone };
  return JSON.parse(Bun.spawnSync([process.execPath, '-e', script], { env }).stdout.toString());
}

test.each([...zones, undefined, 'CET-1CEST,M3.5.0,M10.5.0/3', 'No/Such_Zone'])(
  'the offset of %p is what the runtime says, on both sides of a change and far ahead',
  (zone) => {
    expect(ourOffsets(zone)).toEqual(runtimeOffsets(zone));
  },
);

test.skipIf(!existsSync('/usr/share/zoneinfo/Europe/Berlin'))(
  'a zone of the system’s table is read from it',
  async () => {
    await using home = await temporaryHome({ TZ: 'Europe/Berlin' });
    const offset = localOffset(home.environment);
    // The tests' own process has another zone, so the runtime cannot have said it.
    expect(offset(Date.parse('2026-08-22T10:00:00Z'))).toBe(120);
    expect(offset(Date.parse('2026-12-22T10:00:00Z'))).toBe(60);
  },
);

test('no variable leads out of the folder of zones', async () => {
  await using home = await temporaryHome({ TZ: '../../../etc/passwd' });
  const here = -new Date(instants[0] ?? 0).getTimezoneOffset();
  expect(localOffset(home.environment)(instants[0] ?? 0)).toBe(here);
});

test.each([
  ['UTC+3', -180],
  ['UTC-5', 300],
  ['<+0330>-3:30', 210],
  ['<-03>3', -180],
  ['GMT0', 0],
])('the rule %s is a fixed %d minutes east', async (rule, minutes) => {
  await using home = await temporaryHome({ TZ: rule });
  const offset = localOffset(home.environment);
  for (const at of instants) expect(offset(at)).toBe(minutes);
});
