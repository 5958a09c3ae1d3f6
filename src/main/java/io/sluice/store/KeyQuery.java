package io.sluice.store;

/**
 * What is looked for in the index of keys.
 *
 * @param queues of the topic, as they are now
 * @param key a word of KEYS, or a unique id
 * @param max so many of those stored in the given time, the newest first
 * @param fromMs stored at this time or later
 * @param toMs stored at this time or before
 */
record KeyQuery(
    String topic, LogQueue.Snapshot[] queues, String key, int max, long fromMs, long toMs) {

  boolean isInTime(long storedAtMs) {
    return storedAtMs >= fromMs && storedAtMs <= toMs;
  }
}
