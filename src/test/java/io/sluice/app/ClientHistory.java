package io.sluice.app;

import io.sluice.bus.AckLevel;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/**
 * What clients were told while faults happened, and whether that fits together and stays true.
 * Messages are known by their keys, which are {@code <producer>-<number>}; a producer sends to one
 * queue, a number after the other. Safe for any thread.
 */
final class ClientHistory {

  /** A place in the topic. */
  record Place(int queueId, long queueOffset) {}

  /**
   * Something that must stay true.
   *
   * @param certain false if a power cut of the master may take it back
   */
  private record Told(String key, long atMs, boolean certain, String by) {}

  /** An ack of a level that a failover may take back. */
  private record Weak(String key, Place place, AckLevel level, long atMs) {}

  /** A message that a group was told to be done with. */
  private record Settled(String group, Place place) {}

  private final Map<Place, Told> told = new HashMap<>();
  private final Map<String, Place> places = new HashMap<>();
  private final List<Weak> weak = new ArrayList<>();
  private final Set<Settled> settled = new HashSet<>();
  private final Map<Long, String> ackers = new TreeMap<>();
  private long promotedMs = -1;
  private long powerCutMs = -1;
  private int replicatedAcks;
  private int reads;

  /** A producer was answered. */
  synchronized void acked(String key, Place place, AckLevel level, long nowMs) {
    if (level == AckLevel.REPLICATED) {
      replicatedAcks++;
      tell(key, place, nowMs, true, "a replicated ack");
    } else {
      weak.add(new Weak(key, place, level, nowMs));
    }
  }

  /** A replicated ack left a master. */
  synchronized void ackedBy(String host, long epoch) {
    String before = ackers.putIfAbsent(epoch, host);
    if (before != null && !before.equals(host)) {
      throw new AssertionError(
          "in epoch " + epoch + " both " + before + " and " + host + " gave replicated acks");
    }
  }

  /** A consumer was given a message. */
  synchronized void read(String key, Place place, long nowMs, String by) {
    reads++;
    tell(key, place, nowMs, false, by);
  }

  private void tell(String key, Place place, long nowMs, boolean certain, String by) {
    Told before = told.get(place);
    if (before != null && !before.key.equals(key)) {
      throw new AssertionError(
          place + " was " + before + ", and now " + by + " says that it is " + key);
    }
    Place other = places.put(key, place);
    if (other != null && !other.equals(place)) {
      throw new AssertionError(
          key
              + " was at "
              + other
              + " ("
              + told.get(other)
              + "), and is at "
              + place
              + ", by "
              + by);
    }
    if (before == null || certain && !before.certain) {
      told.put(place, new Told(key, nowMs, certain, by));
    }
  }

  /** A group was told that a message is done with. */
  synchronized void settled(String group, Place place) {
    settled.add(new Settled(group, place));
  }

  /** A group was given a message. */
  synchronized void received(String group, String key, Place place, long nowMs) {
    if (settled.contains(new Settled(group, place))) {
      throw new AssertionError(
          key + " at " + place + " was settled by " + group + ", and is handed to it again");
    }
    read(key, place, nowMs, "a consumer of " + group);
  }

  /** From here on what was acked before at lower levels may be missing. */
  synchronized void promoted(long nowMs) {
    promotedMs = nowMs;
  }

  /**
   * The master lost what it had not forced.
   *
   * @param sinceMs what was read since then may have been part of it
   */
  synchronized void masterLostPower(long nowMs, long sinceMs) {
    powerCutMs = nowMs;
    told.entrySet()
        .removeIf(
            each -> {
              Told what = each.getValue();
              boolean gone = !what.certain && what.atMs >= sinceMs;
              if (gone) {
                places.remove(what.key);
              }
              return gone;
            });
  }

  /**
   * Compares with all that is stored at the end.
   *
   * @param queues for each queue its keys by their offsets
   */
  synchronized void compare(List<Map<Long, String>> queues) {
    Map<String, Place> found = new HashMap<>();
    for (int queueId = 0; queueId < queues.size(); queueId++) {
      Map<String, Integer> last = new HashMap<>();
      for (Map.Entry<Long, String> each : queues.get(queueId).entrySet()) {
        Place place = new Place(queueId, each.getKey());
        String key = each.getValue();
        Place other = found.put(key, place);
        if (other != null) {
          throw new AssertionError(key + " is stored twice, at " + other + " and at " + place);
        }
        String producer = key.substring(0, key.indexOf('-'));
        int sequence = Integer.parseInt(key.substring(key.indexOf('-') + 1));
        Integer before = last.put(producer, sequence);
        if (before != null && before >= sequence) {
          throw new AssertionError(
              "in queue " + queueId + " " + key + " stands behind number " + before);
        }
      }
    }
    told.forEach(
        (place, what) -> {
          Map<Long, String> queue = queues.get(place.queueId());
          String there = queue.get(place.queueOffset());
          if (!hasExpired(queue, place) && !what.key.equals(there)) {
            throw new AssertionError(
                what + " was told of " + place + ", where at the end is " + there);
          }
        });
    for (Weak each : weak) {
      boolean mayBeLost =
          promotedMs >= each.atMs || each.level == AckLevel.MEMORY && powerCutMs >= each.atMs;
      Map<Long, String> queue = queues.get(each.place.queueId());
      String there = queue.get(each.place.queueOffset());
      if (!mayBeLost && !hasExpired(queue, each.place) && !each.key.equals(there)) {
        throw new AssertionError(each + " is lost; at its place is " + there);
      }
    }
  }

  private static boolean hasExpired(Map<Long, String> queue, Place place) {
    long first = queue.isEmpty() ? Long.MAX_VALUE : queue.keySet().iterator().next();
    return place.queueOffset() < first;
  }

  /** Replicated acks so far. */
  synchronized int replicatedAcks() {
    return replicatedAcks;
  }

  @Override
  public synchronized String toString() {
    return replicatedAcks
        + " replicated acks, "
        + weak.size()
        + " of other levels, "
        + reads
        + " reads, "
        + settled.size()
        + " settled, "
        + ackers.size()
        + " epochs with acks";
  }
}
