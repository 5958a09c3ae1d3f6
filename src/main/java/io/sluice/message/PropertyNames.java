package io.sluice.message;

/**
 * Names of message properties with a meaning to the broker or the fronts. Those of RocketMQ are its
 * own (MessageConst, 5.5.0); the last group is Sluice's.
 */
public final class PropertyNames {

  public static final String KEYS = "KEYS";
  public static final String TAGS = "TAGS";
  public static final String UNIQUE_KEY = "UNIQ_KEY";
  public static final String WAIT = "WAIT";
  public static final String DELAY_LEVEL = "DELAY";
  public static final String TIMER_DELIVER_MS = "TIMER_DELIVER_MS";
  public static final String TIMER_DELAY_MS = "TIMER_DELAY_MS";
  public static final String TIMER_DELAY_SEC = "TIMER_DELAY_SEC";

  /** When a delayed message is due, in ms since 1970; on the record in the timer topic only. */
  public static final String TIMER_OUT_MS = "TIMER_OUT_MS";

  /** Whether a message was sent in a transaction: "true". */
  public static final String TRANSACTIONAL = "TRAN_MSG";

  /** The group of those who can say how a message's transaction ended. */
  public static final String PRODUCER_GROUP = "PGROUP";

  /** How long a transaction may be open before it is asked for the first time, in seconds. */
  public static final String CHECK_IMMUNITY_SECONDS = "CHECK_IMMUNITY_TIME_IN_SECONDS";

  public static final String RETRY_TOPIC = "RETRY_TOPIC";
  public static final String REAL_TOPIC = "REAL_TOPIC";
  public static final String REAL_QUEUE_ID = "REAL_QID";
  public static final String ORIGIN_MESSAGE_ID = "ORIGIN_MESSAGE_ID";
  public static final String ORIGIN_GROUP = "ORIGIN_GROUP";
  public static final String DLQ_ORIGIN_TOPIC = "DLQ_ORIGIN_TOPIC";
  public static final String DLQ_ORIGIN_MESSAGE_ID = "DLQ_ORIGIN_MESSAGE_ID";

  /** Which of a requester's requests this is, or replies to. */
  public static final String CORRELATION_ID = "CORRELATION_ID";

  /** Who waits for a reply. */
  public static final String REPLY_TO_CLIENT = "REPLY_TO_CLIENT";

  /** How long a requester waits, in ms. */
  public static final String REQUEST_TTL = "TTL";

  /** {@link #REPLY_TYPE} on a reply. */
  public static final String MESSAGE_TYPE = "MSG_TYPE";

  /** The value of {@link #MESSAGE_TYPE} on a reply. */
  public static final String REPLY_TYPE = "reply";

  /** The name of the cluster; RocketMQ's clients reply to a topic that is named after it. */
  public static final String CLUSTER = "CLUSTER";

  /** The ordering key; RocketMQ's name for a message group. */
  public static final String ORDERING_KEY = "__SHARDINGKEY";

  /** CRC-32 of the whole record before it; always the last property. */
  public static final String RECORD_CRC = "__CRC32#";

  /** The Content-Type a message was sent with. */
  public static final String CONTENT_TYPE = "CONTENT_TYPE";

  /** The key by which a repeated send is recognised, as the client gave it. */
  public static final String IDEMPOTENCY_KEY = "IDEMPOTENCY_KEY";

  /** How long a message may wait for a consumer once it is in its topic, in ms. */
  public static final String TTL_MS = "TTL_MS";

  /** The last error of a dead letter, as its consumer told it, or what happened to it. */
  public static final String DEAD_REASON = "DEAD_REASON";

  /** What made a message a dead letter: {@code attempts}, {@code rejected} or {@code expired}. */
  public static final String DEAD_CAUSE = "DEAD_CAUSE";

  /** How often a message was taken out of the dead letters and tried again. */
  public static final String REDRIVEN = "REDRIVEN";

  /** The queue a dead letter came from. */
  public static final String DEAD_QUEUE_ID = "DEAD_QUEUE_ID";

  /** The queue offset a dead letter had. */
  public static final String DEAD_QUEUE_OFFSET = "DEAD_QUEUE_OFFSET";

  private PropertyNames() {}
}
