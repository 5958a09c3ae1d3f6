package io.sluice.store;

/**
 * What the start of a store found and did.
 *
 * @param cleanShutdown whether the last process closed the store
 * @param checkpointOffset physical offset of the checkpoint that recovery began at
 * @param scannedBytes bytes of log checked
 * @param scannedRecords records found whole
 * @param cutBytes bytes of a torn tail that were cut off
 * @param tookMs how long it took
 */
public record RecoveryReport(
    boolean cleanShutdown,
    long checkpointOffset,
    long scannedBytes,
    long scannedRecords,
    long cutBytes,
    long tookMs) {}
