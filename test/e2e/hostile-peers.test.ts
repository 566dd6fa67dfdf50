/** Peers that mean harm, on the compiled binary's socket: the short form of each attack (issue 6). */
import { testAttack } from '../torture/attack.ts';
import { crowd } from '../torture/connections.ts';
import { fuzz } from '../torture/fuzz.ts';

testAttack(crowd);
testAttack(fuzz);
