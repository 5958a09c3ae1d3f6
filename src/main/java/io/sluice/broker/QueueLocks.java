package io.sluice.broker;

import io.sluice.bus.ClientKept;
import io.sluice.bus.ClientKept.Queue;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Which client may consume a queue of a group in order. A lock ends by time alone or by its owner,
 * not with a connection: the one who was cut off may still be at work. In memory only; after a
 * restart the first to ask gets it, as with RocketMQ. Owned by the Broker's event loop.
 */
final class QueueLocks {

  private record Lock(String clientId, long lastMs) {}

  private final Map<String, Map<Queue, Lock>> groups = new HashMap<>();

  /** Locks what is free, expired or the client's own; the queues it has now. */
  List<Queue> lock(String group, String clientId, List<Queue> queues, long nowMs) {
    Map<Queue, Lock> locks = groups.computeIfAbsent(group, name -> new HashMap<>());
    List<Queue> granted = new ArrayList<>();
    for (Queue queue : queues) {
      Lock lock = locks.get(queue);
      if (lock == null || isExpired(lock, nowMs) || lock.clientId.equals(clientId)) {
        locks.put(queue, new Lock(clientId, nowMs));
        granted.add(queue);
      }
    }
    return granted;
  }

  /** Gives back what is the client's own. */
  void unlock(String group, String clientId, List<Queue> queues) {
    Map<Queue, Lock> locks = groups.get(group);
    if (locks == null) {
      return;
    }
    for (Queue queue : queues) {
      Lock lock = locks.get(queue);
      if (lock != null && lock.clientId.equals(clientId)) {
        locks.remove(queue);
      }
    }
    if (locks.isEmpty()) {
      groups.remove(group);
    }
  }

  /** Whether this queue of the group is locked. */
  boolean isHeld(String group, String topic, int queueId, long nowMs) {
    Map<Queue, Lock> locks = groups.isEmpty() ? null : groups.get(group);
    Lock lock = locks == null ? null : locks.get(new Queue(topic, queueId));
    return lock != null && !isExpired(lock, nowMs);
  }

  /** The topics that the group has locked queues of. */
  Set<String> lockedTopics(String group) {
    Set<String> topics = new HashSet<>();
    groups.getOrDefault(group, Map.of()).keySet().forEach(queue -> topics.add(queue.topic()));
    return topics;
  }

  /** The groups that have locked queues. */
  Set<String> groups() {
    return Set.copyOf(groups.keySet());
  }

  /** Whether a queue of the group is locked. */
  boolean isHeld(String group, long nowMs) {
    return groups.getOrDefault(group, Map.of()).values().stream()
        .anyMatch(lock -> !isExpired(lock, nowMs));
  }

  /** Forgets what is over. */
  void expire(long nowMs) {
    groups.values().forEach(locks -> locks.values().removeIf(lock -> isExpired(lock, nowMs)));
    groups.values().removeIf(Map::isEmpty);
  }

  private static boolean isExpired(Lock lock, long nowMs) {
    return nowMs - lock.lastMs > ClientKept.LOCK_MS;
  }
}
