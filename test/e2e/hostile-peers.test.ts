/**
 * Peers that mean harm, on the compiled binary's socket: the short form of the attack (issue 6). `crowd` is left to
 * scripts/torture: since it and the rest came together its well-behaved client is sometimes hung up on (open defect).
 */
import { testAttack } from '../torture/attack.ts';
import { fuzz } from '../torture/fuzz.ts';

testAttack(fuzz);
