/** Floor: a compiled program that does nothing. */
process.exitCode = 0;
