package io.sluice.store;

import io.sluice.message.Names;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/** The queues by topic and number. Owner thread only, but during recovery. */
final class QueueTable {

  /** Queues of one topic: their numbers index an array. */
  static final int MAX_QUEUE_ID = (1 << 16) - 1;

  /** The only queue of its topic: stands at index 0. */
  private static final int LONE_QUEUE_ID = Names.REDRIVE_QUEUE_ID;

  private final QueueChunks chunks;
  private final Map<String, LogQueue[]> topics = new HashMap<>();

  QueueTable(QueueChunks chunks) {
    this.chunks = chunks;
  }

  LogQueue queue(String topic, int queueId) {
    if (queueId == LONE_QUEUE_ID) {
      return loneQueue(topic);
    }
    LogQueue[] queues = topics.get(topic);
    if (queues != null && queueId >= 0 && queueId < queues.length && queues[queueId] != null) {
      return queues[queueId];
    }
    if (queueId < 0 || queueId > MAX_QUEUE_ID) {
      throw new IllegalArgumentException(
          "topic '" + topic + "' has no queue " + queueId + "; allowed is 0 to " + MAX_QUEUE_ID);
    }
    if (queues == null) {
      checkTopic(topic);
      queues = new LogQueue[queueId + 1];
    } else if (queueId >= queues.length) {
      queues = Arrays.copyOf(queues, Math.max(queueId + 1, queues.length * 2));
    }
    topics.put(topic, queues);
    queues[queueId] = new LogQueue(chunks, topic, queueId);
    return queues[queueId];
  }

  private LogQueue loneQueue(String topic) {
    LogQueue[] queues = topics.get(topic);
    if (queues == null) {
      checkTopic(topic);
      queues = new LogQueue[] {new LogQueue(chunks, topic, LONE_QUEUE_ID)};
      topics.put(topic, queues);
    }
    return queues[0];
  }

  private static void checkTopic(String topic) {
    int bytes = topic.getBytes(StandardCharsets.UTF_8).length;
    if (bytes > QueueDirectory.MAX_TOPIC_BYTES) {
      throw new IllegalArgumentException(
          "the topic's name takes "
              + bytes
              + " bytes; allowed are "
              + QueueDirectory.MAX_TOPIC_BYTES);
    }
  }

  /** The queues of a topic, some null; null if there are none. */
  LogQueue[] ofTopic(String topic) {
    return topics.get(topic);
  }

  void forEach(Consumer<LogQueue> action) {
    for (LogQueue[] queues : topics.values()) {
      for (LogQueue queue : queues) {
        if (queue != null) {
          action.accept(queue);
        }
      }
    }
  }

  List<LogQueue> all() {
    List<LogQueue> all = new ArrayList<>();
    forEach(all::add);
    return all;
  }
}
