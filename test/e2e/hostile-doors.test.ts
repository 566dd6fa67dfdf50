/** Hostile peers at the doors, in the short form of each attack (issue 6). */
import { testAttack } from '../torture/attack.ts';
import { clientKill } from '../torture/client-kill.ts';
import { httpFuzz } from '../torture/http-fuzz.ts';
import { mcpFuzz } from '../torture/mcp-fuzz.ts';

testAttack(httpFuzz);
testAttack(mcpFuzz);
testAttack(clientKill);
