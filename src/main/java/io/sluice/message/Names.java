package io.sluice.message;

import java.util.Set;

/**
 * Rules for the names of topics and groups, and the names the system keeps for itself.
 *
 * <p>Source: Apache RocketMQ 5.5.0, TopicValidator, Validators and MixAll.
 */
public final class Names {

  /** Longest name of a topic, in characters. */
  public static final int MAX_TOPIC_LENGTH = 127;

  /** Longest name of a topic that is a group's, for its retries or dead letters. */
  public static final int MAX_DERIVED_LENGTH = 255;

  /** Longest name of a group, in characters. */
  public static final int MAX_GROUP_LENGTH = 120;

  /** Prefix of the topic that holds a group's messages to be tried again (RocketMQ clients). */
  public static final String RETRY_PREFIX = "%RETRY%";

  /** Prefix of the topic that holds a group's dead letters. */
  public static final String DEAD_LETTER_PREFIX = "%DLQ%";

  /** Prefix of topics that belong to the system. */
  public static final String SYSTEM_PREFIX = "rmq_sys_";

  /** The topic whose records are the broker's own state changes; never seen by users. */
  public static final String STATE_TOPIC = SYSTEM_PREFIX + "sluice_state";

  /**
   * The queue of what was redriven for one group and topic; its topic has no other. Beyond the
   * numbers of all other queues, so that a receipt tells it from them.
   */
  public static final int REDRIVE_QUEUE_ID = 1 << 16;

  /** The topic of the markers before records that are in the log all or none. */
  public static final String ATOMIC_TOPIC = SYSTEM_PREFIX + "sluice_atomic";

  /** The topic that holds messages to be delivered later, all in its queue 0. */
  public static final String TIMER_TOPIC = SYSTEM_PREFIX + "wheel_timer";

  /** The topic that holds messages whose transaction is open, all in its queue 0: RocketMQ's. */
  public static final String HALF_TOPIC = "RMQ_SYS_TRANS_HALF_TOPIC";

  /** The topic that keeps messages whose transaction nobody ended in time: RocketMQ's. */
  public static final String UNDECIDED_TOPIC = "TRANS_CHECK_MAX_TIME_TOPIC";

  /**
   * Where RocketMQ's clients send their traces unless told otherwise. RocketMQ counts it among its
   * own, but it is sent to, read and made like any other.
   */
  public static final String TRACE_TOPIC = "RMQ_SYS_TRACE_TOPIC";

  /** Where RocketMQ's benchmarks send to; likewise. */
  public static final String BENCHMARK_TOPIC = "BenchmarkTest";

  private static final Set<String> SYSTEM_TOPICS =
      Set.of(
          "TBW102",
          "SCHEDULE_TOPIC_XXXX",
          HALF_TOPIC,
          "RMQ_SYS_TRANS_OP_HALF_TOPIC",
          "RMQ_SYS_ROCKSDB_TRANS_HALF_TOPIC",
          "RMQ_SYS_ROCKSDB_TRANS_OP_HALF_TOPIC",
          UNDECIDED_TOPIC,
          "SELF_TEST_TOPIC",
          "OFFSET_MOVED_EVENT",
          "CHECKPOINT_TOPIC");

  private static final String SYSTEM_GROUP_PREFIX = "CID_RMQ_SYS_";

  private static final Set<String> SYSTEM_GROUPS =
      Set.of(
          "TOOLS_CONSUMER",
          "FILTERSRV_CONSUMER",
          "SELF_TEST_C_GROUP",
          "__MONITOR_CONSUMER",
          "CID_ONS-HTTP-PROXY",
          "CID_ONSAPI_OWNER",
          "CID_ONSAPI_PERMISSION",
          "CID_ONSAPI_PULL");

  private static final String ALLOWED = "letters, digits, '_', '-', '%' and '|'";

  private Names() {}

  /**
   * What is wrong with a topic's name.
   *
   * @return a sentence that says what was found and what is allowed, or null if the name is good
   */
  public static String topicProblem(String topic) {
    return problem("topic", topic, isDerived(topic) ? MAX_DERIVED_LENGTH : MAX_TOPIC_LENGTH);
  }

  /** What is wrong with a group's name, or null; as {@link #topicProblem}. */
  public static String groupProblem(String group) {
    return problem("group", group, MAX_GROUP_LENGTH);
  }

  /** Whether a topic belongs to the system, so that users neither send to it nor see it listed. */
  public static boolean isSystemTopic(String topic) {
    return topic.startsWith(SYSTEM_PREFIX) || SYSTEM_TOPICS.contains(topic);
  }

  /** Whether a group belongs to RocketMQ's tools or Brokers, so that users do not administer it. */
  public static boolean isSystemGroup(String group) {
    return group.startsWith(SYSTEM_GROUP_PREFIX) || SYSTEM_GROUPS.contains(group);
  }

  /** The topic that holds a group's dead letters. */
  public static String deadLetterTopic(String group) {
    return DEAD_LETTER_PREFIX + group;
  }

  /**
   * The topic that holds what was redriven for a group that consumes a topic with leases. Users can
   * not name it, as it has a '+' ({@code RocketMQ} parts its own retry topics of pop so).
   */
  public static String redriveTopic(String group, String topic) {
    return RETRY_PREFIX + group + '+' + topic;
  }

  private static boolean isDerived(String topic) {
    return topic != null
        && (topic.startsWith(RETRY_PREFIX) || topic.startsWith(DEAD_LETTER_PREFIX));
  }

  private static String problem(String kind, String name, int maxLength) {
    if (name == null || name.isEmpty()) {
      return "the " + kind + " name is empty; allowed are 1 to " + maxLength + " characters";
    }
    if (name.length() > maxLength) {
      return "the "
          + kind
          + " name has "
          + name.length()
          + " characters; allowed are 1 to "
          + maxLength;
    }
    for (int i = 0; i < name.length(); i++) {
      if (!isAllowed(name.charAt(i))) {
        return "the "
            + kind
            + " name '"
            + name
            + "' has "
            + describe(name.charAt(i))
            + " at position "
            + i
            + "; allowed are "
            + ALLOWED;
      }
    }
    return null;
  }

  private static String describe(char c) {
    return c > ' ' && c < 127 ? "'" + c + "'" : String.format("the character U+%04X", (int) c);
  }

  private static boolean isAllowed(char c) {
    return (c >= 'a' && c <= 'z')
        || (c >= 'A' && c <= 'Z')
        || (c >= '0' && c <= '9')
        || c == '_'
        || c == '-'
        || c == '%'
        || c == '|';
  }
}
