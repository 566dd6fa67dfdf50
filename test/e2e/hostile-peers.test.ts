/** Peers that mean harm, on the compiled binary's socket: the short form of each attack (issue 6). */
import { testAttack } from '../torture/attack.ts';
import { crowd } from '../torture/socket/connections.ts';
import { fuzz } from '../torture/socket/fuzz.ts';

testAttack(crowd);
testAttack(fuzz);
