package io.sluice.remoting;

import io.sluice.bus.AckLevel;
import io.sluice.bus.AppendReply;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageBatch;
import io.sluice.message.MessageLayout;
import io.sluice.message.Names;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.QueueSelector;
import io.sluice.util.Clock;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.Queue;
import java.util.Set;

/**
 * Codes 10, 310 and 320: sends of one message or of a batch. The messages of one turn of the event
 * loop go to the Broker as one request; a batch of a client goes alone, all or none.
 */
final class SendHandler implements RequestHandler {

  /** RocketMQ's {@code regionId}; clients read it from the answer and crash without it. */
  static final String REGION = "DefaultRegion";

  /** RocketMQ 5.5.0, TopicValidator: topics a client may not send to. */
  private static final Set<String> NOT_FOR_SENDING =
      Set.of(
          "SCHEDULE_TOPIC_XXXX",
          "RMQ_SYS_TRANS_HALF_TOPIC",
          "RMQ_SYS_TRANS_OP_HALF_TOPIC",
          "TRANS_CHECK_MAX_TIME_TOPIC",
          "SELF_TEST_TOPIC",
          "OFFSET_MOVED_EVENT");

  /** Codes that tell a client that the message is stored; only with the place where. */
  private static final Set<Integer> STORED_CODES = Set.of(10, 11, 12);

  /**
   * What a client's sysFlag may say; the address bits are ours, the transaction bits the broker's.
   */
  private static final int SYS_FLAG_OF_CLIENT =
      ~(MessageLayout.SYS_TRANSACTION_MASK
          | MessageLayout.SYS_BORN_HOST_V6
          | MessageLayout.SYS_STORE_HOST_V6);

  private final RemotingOptions options;
  private final TopicHints topics;
  private final AppendCollector appends;
  private final SendProperties properties;
  private final RetryTopics retryTopics;
  private final OffsetMessageId ids;
  private final Clock clock;
  private final Map<String, Queue<Send>> waitingForTopic = new HashMap<>();

  /**
   * A send.
   *
   * @param deadOf the group whose dead letter it is, or null
   */
  private record Send(Exchange exchange, SendHeader header, String deadOf) {}

  /**
   * A handler.
   *
   * @param storeHost the advertised IPv4 address as it stands in records
   */
  SendHandler(
      RemotingOptions options,
      TopicHints topics,
      AppendCollector appends,
      SendProperties properties,
      RetryTopics retryTopics,
      byte[] storeHost,
      Clock clock) {
    this.options = options;
    this.topics = topics;
    this.appends = appends;
    this.properties = properties;
    this.retryTopics = retryTopics;
    this.clock = clock;
    ids = new OffsetMessageId(storeHost);
  }

  @Override
  public void handle(Exchange exchange) {
    ExtFields fields = exchange.fields();
    Send send =
        new Send(
            exchange,
            exchange.request().code == RequestCode.SEND_MESSAGE
                ? SendHeader.readLong(fields)
                : SendHeader.readShort(fields),
            null);
    check(send);
    if (send.header.topic().startsWith(Names.RETRY_PREFIX)) {
      retry(send);
      return;
    }
    Queue<Send> waiting = waitingForTopic.get(send.header.topic());
    if (waiting != null) {
      waiting.add(send);
    } else if (topics.find(send.header.topic(), clock.nowNs()) == null) {
      ensureTopic(send);
    } else {
      append(send);
    }
  }

  /**
   * A consumer sends what it could not consume by itself: the Broker says where that goes. To any
   * queue there: the client may have chosen one before the topic was made, and no order is kept.
   */
  private void retry(Send send) {
    String group = send.header.topic().substring(Names.RETRY_PREFIX.length());
    send.exchange.when(
        retryTopics.find(send.header, send.exchange.request().version),
        found ->
            appendOrFail(
                new Send(
                    send.exchange, send.header.to(found.topic()), found.dead() ? group : null)));
  }

  private void check(Send send) {
    String topic = send.header.topic();
    String problem = Names.topicProblem(topic);
    if (problem != null) {
      throw new SluiceException(ErrorCode.INVALID_TOPIC, problem);
    }
    if (NOT_FOR_SENDING.contains(topic) || topic.startsWith(Names.SYSTEM_PREFIX)) {
      throw new SluiceException(
          ErrorCode.NO_PERMISSION, "the topic " + topic + " belongs to the system");
    }
    int bodyBytes = send.exchange.request().bodyBytes();
    if (bodyBytes == 0 || bodyBytes > options.getMaxMessageBytes()) {
      throw new SluiceException(
          ErrorCode.MESSAGE_TOO_LARGE,
          "the body has "
              + bodyBytes
              + " bytes; allowed are 1 to "
              + options.getMaxMessageBytes()
              + " (maxMessageSize)");
    }
  }

  /** Asks for the topic first; what comes for it meanwhile lines up behind, so order is kept. */
  private void ensureTopic(Send send) {
    String topic = send.header.topic();
    Queue<Send> waiting = new ArrayDeque<>();
    waiting.add(send);
    waitingForTopic.put(topic, waiting);
    topics
        .ensure(topic, send.header.defaultTopic(), send.header.defaultQueues(), clock.nowNs())
        .onComplete(
            result -> {
              waitingForTopic.remove(topic);
              for (Send waiter : waiting) {
                if (result.failed()) {
                  waiter.exchange.fail(result.cause());
                } else {
                  appendOrFail(waiter);
                }
              }
            });
  }

  private void appendOrFail(Send send) {
    try {
      append(send);
    } catch (SluiceException | MalformedFrameException refused) {
      send.exchange.fail(refused);
    }
  }

  private void append(Send send) {
    boolean isBatch =
        send.header.batch() || send.exchange.request().code == RequestCode.SEND_BATCH_MESSAGE;
    try {
      if (isBatch) {
        appendBatch(send);
      } else {
        appendOne(send);
      }
    } catch (IllegalArgumentException tooLargeOrBadName) {
      throw new SluiceException(ErrorCode.MESSAGE_TOO_LARGE, tooLargeOrBadName.getMessage());
    }
  }

  private void appendOne(Send send) {
    SendHeader header = send.header;
    PropertiesWriter read = properties.read(header.properties());
    if (send.deadOf != null) {
      properties.bury(send.deadOf, header.reconsumeTimes());
    }
    String uniqueKey = read.uniqueKey();
    appends.add(
        ackOf(send),
        new Answer(send, 1, uniqueKey),
        batch -> encode(batch, send, header.flag(), send.exchange.request().body(), read));
  }

  /** A client's batch: message after message, each with its own flag, body and properties. */
  private void appendBatch(Send send) {
    if (send.header.topic().startsWith(Names.RETRY_PREFIX)) {
      throw new SluiceException(ErrorCode.MESSAGE_TOO_LARGE, "a batch can not go to a retry topic");
    }
    ByteBuffer body = send.exchange.request().body();
    MessageBatch messages = new MessageBatch(body.remaining() * 2 + 1024);
    boolean waits = true;
    String firstKey = null;
    while (body.hasRemaining()) {
      String uniqueKey = addElement(messages, send, body);
      firstKey = firstKey == null ? uniqueKey : firstKey;
      waits &= properties.waits();
    }
    AckLevel ack =
        send.exchange.request().isOneway() || !waits ? AckLevel.MEMORY : options.getAck();
    appends.addAtomic(ack, new Answer(send, messages.count(), firstKey), messages);
  }

  /** Adds the next message of a batch; its unique key. */
  private String addElement(MessageBatch messages, Send send, ByteBuffer body) {
    // int size, int magic, int body crc, int flag, int body length, body, short length, properties
    int size = body.remaining() < 22 ? -1 : body.getInt(body.position());
    if (size < 22 || size > body.remaining()) {
      throw brokenBatch(messages.count());
    }
    ByteBuffer element = body.slice(body.position(), size);
    body.position(body.position() + size);
    int flag = element.getInt(12);
    int bodyBytes = element.getInt(16);
    if (bodyBytes < 0 || bodyBytes > size - 22) {
      throw brokenBatch(messages.count());
    }
    int propertiesBytes = element.getShort(20 + bodyBytes) & 0xffff;
    if (22 + bodyBytes + propertiesBytes != size) {
      throw brokenBatch(messages.count());
    }
    int propertiesAt = element.arrayOffset() + 22 + bodyBytes;
    PropertiesWriter read =
        properties.read(element.array(), propertiesAt, propertiesAt + propertiesBytes);
    encode(messages, send, flag, element.slice(20, bodyBytes), read);
    return read.uniqueKey();
  }

  private static SluiceException brokenBatch(int index) {
    return new SluiceException(
        ErrorCode.MESSAGE_TOO_LARGE, "message " + index + " of the batch can not be read");
  }

  private void encode(
      MessageBatch batch, Send send, int flag, ByteBuffer body, PropertiesWriter read) {
    SendHeader header = send.header;
    byte[] bornHost = send.exchange.connection().remoteHost();
    int sysFlag = header.sysFlag() & SYS_FLAG_OF_CLIENT;
    if (bornHost.length == MessageLayout.HOST_V6_BYTES) {
      sysFlag |= MessageLayout.SYS_BORN_HOST_V6;
    }
    long selector =
        header.queueId() < 0 ? QueueSelector.ANY : QueueSelector.queue(header.queueId());
    long dueAtMs = send.deadOf == null ? properties.dueAtMs(clock.nowMs()) : 0;
    if (properties.isTransactional()) {
      String group = properties.producerGroup();
      batch.addHalf(
          header.topic(),
          selector,
          group == null ? header.producerGroup() : group,
          dueAtMs,
          flag,
          sysFlag,
          header.bornAtMs(),
          bornHost,
          header.reconsumeTimes(),
          body,
          read);
      return;
    }
    if (dueAtMs > 0) {
      batch.addDelayed(
          header.topic(),
          selector,
          dueAtMs,
          flag,
          sysFlag,
          header.bornAtMs(),
          bornHost,
          header.reconsumeTimes(),
          body,
          read);
      return;
    }
    batch.add(
        header.topic(),
        selector,
        flag,
        sysFlag,
        header.bornAtMs(),
        bornHost,
        header.reconsumeTimes(),
        0,
        body,
        read);
  }

  /** What must have happened before the answer; null for a oneway send, which gets none. */
  private AckLevel ackOf(Send send) {
    if (send.exchange.request().isOneway()) {
      return null;
    }
    return properties.waits() ? options.getAck() : AckLevel.MEMORY;
  }

  /** Answers one send once its messages are stored. */
  private final class Answer implements AppendCollector.Waiter {
    private final Exchange exchange;
    private final String topic;
    private final int wantedQueueId;
    private final int count;
    private final String uniqueKey;

    private Answer(Send send, int count, String uniqueKey) {
      exchange = send.exchange;
      topic = send.header.topic();
      wantedQueueId = send.header.queueId();
      this.count = count;
      this.uniqueKey = uniqueKey;
    }

    @Override
    public void stored(AppendReply reply, int first) {
      for (int i = first; i < first + count; i++) {
        if (reply.error(i) != null) {
          failed(reply.error(i));
          return;
        }
      }
      exchange.ok(
          new ExtFields(7)
              .put("msgId", messageIds(reply, first))
              .put("queueId", Math.max(0, queueId(reply, first)))
              // A client reads it as a number; a delayed message has its place later.
              .put("queueOffset", Math.max(0, reply.queueOffset(first)))
              .put("transactionId", uniqueKey)
              .put("recallHandle", recallHandle(reply, first))
              .put("MSG_REGION", REGION)
              .put("TRACE_ON", "true"));
    }

    /** For what has its place later, a half too, RocketMQ 5.5.0 names the queue that was wanted. */
    private int queueId(AppendReply reply, int index) {
      return reply.queueId(index) < 0 ? wantedQueueId : reply.queueId(index);
    }

    /** Null if the message is there already. */
    private String recallHandle(AppendReply reply, int index) {
      long dueAtMs = reply.deliverAtMs(index);
      return count == 1 && dueAtMs > 0
          ? new RecallHandle(topic, reply.brokerName(), dueAtMs, uniqueKey).toText()
          : null;
    }

    @Override
    public void failed(SluiceException failure) {
      int code = failure.code().remotingCode();
      exchange.fail(
          STORED_CODES.contains(code) ? ResponseCode.SYSTEM_ERROR : code,
          failure.code() + ": " + failure.getMessage());
    }

    private String messageIds(AppendReply reply, int first) {
      return count == 1 ? ids.of(reply.physicalOffset(first)) : ids.of(reply, first, count);
    }
  }
}
