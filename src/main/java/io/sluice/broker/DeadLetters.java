package io.sluice.broker;

import io.sluice.bus.SluiceException;
import io.sluice.message.MessageBatch;
import io.sluice.message.MessageBlock;
import io.sluice.message.MessageLayout;
import io.sluice.message.MessageView;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.PropertyNames;
import io.sluice.message.QueueSelector;
import io.sluice.store.BlockBuilder;
import io.sluice.store.ConsumeQueue;
import io.sluice.store.MessageStore;
import io.sluice.store.StoreException;
import io.vertx.core.Future;
import java.lang.System.Logger.Level;
import java.util.ArrayDeque;

/**
 * Copies messages that had their last attempt to the group's dead letters and settles them, as one
 * append: a crash neither loses a dead letter nor makes two. Until then they wait here, in number
 * bounded by the unsettled offsets.
 *
 * <p>The copy is the message as it was (body, properties, times, born host) with the topic, queue
 * and offset it came from, the group, and the reason. Owned by the Broker's event loop.
 */
final class DeadLetters implements ChangeBuffer.DeadLetters {

  private static final System.Logger LOG = System.getLogger(DeadLetters.class.getName());

  /** A longer reason is cut: it shares 32 KiB with the message's own properties. */
  private static final int MAX_REASON_CHARS = 1_000;

  /** The record of one settlement takes about 150 bytes. */
  private static final int SETTLEMENT_BYTES = 1_024;

  private final MessageStore store;
  private final Turn turn;
  private final ArrayDeque<Letter> letters = new ArrayDeque<>();
  private final ArrayDeque<Owed> owed = new ArrayDeque<>();
  private final PropertiesWriter properties = new PropertiesWriter();
  private final MessageView view = new MessageView();
  private Catalog catalog;
  private Dispatcher dispatcher;
  private StateLog log;
  private long queued;
  private long buried;
  private boolean waits;

  private static final class Letter {
    private final QueueCursor cursor;
    private final long offset;
    private final String reason;
    private boolean warm;

    private Letter(QueueCursor cursor, long offset, String reason) {
      this.cursor = cursor;
      this.offset = offset;
      this.reason = reason;
    }
  }

  /** An answer that rests on the letters queued before it. */
  private record Owed(long queued, Answer<Void> answer) {}

  DeadLetters(MessageStore store, Turn turn) {
    this.store = store;
    this.turn = turn;
  }

  /** Gives what is made after this. */
  void connect(Catalog catalog, StateLog log, Dispatcher dispatcher) {
    this.catalog = catalog;
    this.log = log;
    this.dispatcher = dispatcher;
  }

  @Override
  public void dead(QueueCursor cursor, long offset, String reason) {
    letters.add(new Letter(cursor, offset, reason));
    queued++;
    turn.request();
  }

  /** Answers once all that is queued now is in the dead letters; not durable by itself. */
  void whenBuried(Answer<Void> answer) {
    if (letters.isEmpty()) {
      answer.succeed(null);
    } else {
      owed.add(new Owed(queued, answer));
    }
  }

  /** Buries what can be buried now. A step of the turn. */
  void bury() {
    while (!letters.isEmpty() && !waits && !log.isBlocked()) {
      Letter letter = letters.peek();
      if (letter.cursor.dyingAttempts(letter.offset) > 0 && !bury(letter)) {
        return;
      }
      letters.poll();
      buried++;
    }
    while (!owed.isEmpty() && owed.peek().queued() <= buried) {
      owed.poll().answer().succeed(null);
    }
  }

  /** Fails the answers that are owed, at the end. */
  void close(SluiceException reason) {
    while (!owed.isEmpty()) {
      owed.poll().answer().fail(reason);
    }
  }

  /** Copies and settles one; false if that has to wait. */
  private boolean bury(Letter letter) {
    QueueCursor cursor = letter.cursor;
    ConsumeQueue queue = catalog.queue(cursor.consumption, cursor.queueId);
    if (letter.offset >= queue.minOffset()) {
      if (!letter.warm && !store.isWarm(queue, letter.offset, 1)) {
        bringIn(letter, queue);
        return false;
      }
      return copy(letter, queue);
    }
    settle(letter);
    return true;
  }

  private void settle(Letter letter) {
    letter.cursor.buried(letter.offset, log.changes());
    dispatcher.touch(letter.cursor.consumption);
  }

  private void bringIn(Letter letter, ConsumeQueue queue) {
    waits = true;
    Future.fromCompletionStage(store.warm(queue, letter.offset, 1, Long.MAX_VALUE, true))
        .onComplete(
            warm -> {
              waits = false;
              letter.warm = true;
              turn.request();
            });
  }

  private boolean copy(Letter letter, ConsumeQueue queue) {
    TopicState topic = catalog.deadLetterTopic(letter.cursor.consumption.group.name());
    // What else has changed goes before, so that the copy's record stays small.
    if (!log.flushAll()) {
      return false;
    }
    MessageBatch batch = encode(letter, queue, topic);
    ConsumeQueue[] target = {catalog.queue(topic, 0)};
    if (batch.size() + SETTLEMENT_BYTES > store.maxAtomicBytes()) {
      return copyFirst(letter, topic, batch, target);
    }
    if (!store.hasRoom(batch.size() + SETTLEMENT_BYTES, false)) {
      waitForStore();
      return false;
    }
    settle(letter);
    log.flushWith(batch, target, () -> dispatcher.arrived(topic));
    return true;
  }

  /**
   * Both do not fit into one segment, as it may be with a very large message: then the copy goes
   * first, and a crash before the settlement makes a second one.
   */
  private boolean copyFirst(
      Letter letter, TopicState topic, MessageBatch batch, ConsumeQueue[] target) {
    if (store.append(batch, 0, 1, target, new long[1], new long[1], false) < 1) {
      waitForStore();
      return false;
    }
    dispatcher.arrived(topic);
    settle(letter);
    return true;
  }

  private void waitForStore() {
    StoreException refusal = store.refusal();
    if (refusal == null || Refusals.isPassing(refusal)) {
      waits = true;
      store.whenWritable(
          () -> {
            waits = false;
            turn.request();
          });
    } else {
      close(Refusals.of(refusal));
    }
  }

  private MessageBatch encode(Letter letter, ConsumeQueue queue, TopicState topic) {
    BlockBuilder builder = store.newBlock(1);
    builder.add(queue.physicalOffset(letter.offset), queue.recordBytes(letter.offset));
    try (MessageBlock block = builder.build()) {
      block.view(0, view);
      MessageBatch batch = new MessageBatch(view.size() + 1_024);
      try {
        add(batch, letter, topic, true);
      } catch (IllegalArgumentException e) {
        LOG.log(
            Level.WARNING,
            "the dead letter of {0} queue {1} offset {2} does not say where it came from: {3}",
            queue.topic(),
            queue.queueId(),
            letter.offset,
            e.getMessage());
        add(batch, letter, topic, false);
      }
      return batch;
    }
  }

  private void add(MessageBatch batch, Letter letter, TopicState topic, boolean withOrigin) {
    properties.clear();
    view.forEachProperty(
        (name, value) -> {
          if (!isOrigin(name) || !withOrigin) {
            properties.put(name, value);
          }
        });
    if (withOrigin) {
      putOrigin(letter);
    }
    int sysFlag = MessageLayout.sysFlagOfCopy(view.sysFlag());
    batch.add(
        topic.name(),
        QueueSelector.queue(0),
        view.flag(),
        sysFlag,
        view.bornAtMs(),
        view.bornHost(),
        letter.cursor.dyingAttempts(letter.offset),
        0,
        view.bodySlice(),
        properties);
  }

  private void putOrigin(Letter letter) {
    QueueCursor cursor = letter.cursor;
    String topic = cursor.consumption.topic.name();
    String retryTopic = view.property(PropertyNames.RETRY_TOPIC);
    String uniqueKey = view.property(PropertyNames.UNIQUE_KEY);
    properties
        .put(PropertyNames.RETRY_TOPIC, retryTopic == null ? topic : retryTopic)
        .put(PropertyNames.ORIGIN_GROUP, cursor.consumption.group.name())
        .put(PropertyNames.DLQ_ORIGIN_TOPIC, topic)
        .put(PropertyNames.DLQ_ORIGIN_MESSAGE_ID, uniqueKey)
        .put(PropertyNames.DEAD_CAUSE, cause(letter))
        .put(PropertyNames.DEAD_REASON, clean(letter.reason));
    if (cursor.isOfRedriven()) {
      // It came from the topic's own queue the first time.
      properties
          .put(PropertyNames.DEAD_QUEUE_ID, view.property(PropertyNames.DEAD_QUEUE_ID))
          .put(PropertyNames.DEAD_QUEUE_OFFSET, view.property(PropertyNames.DEAD_QUEUE_OFFSET));
    } else {
      properties
          .put(PropertyNames.DEAD_QUEUE_ID, Integer.toString(cursor.queueId))
          .put(PropertyNames.DEAD_QUEUE_OFFSET, Long.toString(letter.offset));
    }
  }

  /** Whether its time was over, it had all of its attempts, or a consumer gave it up before. */
  private static String cause(Letter letter) {
    if (QueueCursor.EXPIRED.equals(letter.reason)) {
      return "expired";
    }
    int attempts = letter.cursor.dyingAttempts(letter.offset);
    int most = letter.cursor.consumption.group.config.maxAttempts();
    return attempts >= most ? "attempts" : "rejected";
  }

  private static boolean isOrigin(String name) {
    return switch (name) {
      case PropertyNames.RETRY_TOPIC,
          PropertyNames.ORIGIN_GROUP,
          PropertyNames.DLQ_ORIGIN_TOPIC,
          PropertyNames.DLQ_ORIGIN_MESSAGE_ID,
          PropertyNames.DEAD_CAUSE,
          PropertyNames.DEAD_REASON,
          PropertyNames.DEAD_QUEUE_ID,
          PropertyNames.DEAD_QUEUE_OFFSET ->
          true;
      default -> false;
    };
  }

  private static String clean(String reason) {
    if (reason == null || reason.isBlank()) {
      return "all attempts failed";
    }
    String cut =
        reason.length() > MAX_REASON_CHARS ? reason.substring(0, MAX_REASON_CHARS) : reason;
    return cut.replace('\u0001', ' ').replace('\u0002', ' ');
  }
}
