package io.sluice.replication;

/**
 * A stretch of the log that one start of one master wrote.
 *
 * @param number rises with each
 * @param start physical offset of its first byte; it ends where the next one starts
 * @param id drawn at random: two masters that began the same number are told apart by it
 */
record Epoch(long number, long start, long id) {}
