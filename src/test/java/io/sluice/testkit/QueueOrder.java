package io.sluice.testkit;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What consumers that keep order are to see of each queue: from offset 0 on one message after the
 * other, none left out. Some may come once more, as long as nobody was told that they are settled;
 * then those behind them come again too, in order. Safe for any thread.
 */
public final class QueueOrder {

  private final Map<Integer, Queue> queues = new HashMap<>();
  private final List<String> broken = new ArrayList<>();
  private int repeats;

  /** What one queue has shown; the offsets are exclusive, and next is never beyond the bodies. */
  private static final class Queue {
    private final List<String> bodies = new ArrayList<>();
    private long next;
    private long settledTo;
  }

  /** A consumer has got this message, and is through with it before the next of its queue. */
  public synchronized void delivered(int queueId, long queueOffset, String body) {
    Queue queue = queues.computeIfAbsent(queueId, id -> new Queue());
    String what = "offset " + queueOffset + " of queue " + queueId + " (" + body + ")";
    if (queueOffset > queue.next) {
      broken.add(what + " came where offset " + queue.next + " was to come");
    } else if (queueOffset < queue.settledTo) {
      broken.add(what + " came again, settled is up to " + queue.settledTo);
    } else if (queueOffset < queue.bodies.size()) {
      repeats++;
      if (!queue.bodies.get((int) queueOffset).equals(body)) {
        broken.add(what + " was " + queue.bodies.get((int) queueOffset) + " before");
      }
    } else {
      queue.bodies.add(body);
    }
    queue.next = queueOffset + 1;
  }

  /** The consumer was told that this message is settled. */
  public synchronized void settled(int queueId, long queueOffset) {
    Queue queue = queues.get(queueId);
    queue.settledTo = Math.max(queue.settledTo, queueOffset + 1);
  }

  /** All that was against the order. */
  public synchronized List<String> broken() {
    return List.copyOf(broken);
  }

  /** Messages that have come at least once. */
  public synchronized int seen() {
    return queues.values().stream().mapToInt(queue -> queue.bodies.size()).sum();
  }

  /** How many came once more. */
  public synchronized int repeats() {
    return repeats;
  }

  /** The bodies of one queue in the order of their offsets. */
  public synchronized List<String> bodies(int queueId) {
    Queue queue = queues.get(queueId);
    return queue == null ? List.of() : List.copyOf(queue.bodies);
  }
}
