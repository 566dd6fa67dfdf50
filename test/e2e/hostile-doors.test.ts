/** Hostile peers at the doors, in the short form of each attack (issue 6). */
import { testAttack } from '../torture/attack.ts';
import { httpFuzz } from '../torture/http-fuzz.ts';

testAttack(httpFuzz);
