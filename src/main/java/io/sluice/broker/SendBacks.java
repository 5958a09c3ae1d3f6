package io.sluice.broker;

import io.sluice.bus.AppendReply;
import io.sluice.bus.AppendRequest;
import io.sluice.bus.BusMessage;
import io.sluice.bus.ClientKept;
import io.sluice.bus.ClientKept.GetRetryTopic;
import io.sluice.bus.ClientKept.RetryTopic;
import io.sluice.bus.ClientKept.SendBack;
import io.sluice.bus.Done;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.GroupConfig;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageBatch;
import io.sluice.message.MessageBlock;
import io.sluice.message.MessageLayout;
import io.sluice.message.MessageView;
import io.sluice.message.Names;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.PropertyNames;
import io.sluice.message.QueueSelector;
import io.sluice.message.TimerRecord;
import io.sluice.store.MessageStore;
import io.sluice.util.Clock;
import io.vertx.core.Future;
import java.util.HexFormat;

/**
 * Takes messages that a client which keeps its queues itself could not consume: each becomes a new
 * record of the group's retry topic, delivered after a delay, or of its dead letters. One record is
 * stored whole or not at all, so nothing is half given back; the client's position moves by its own
 * commit.
 *
 * <p>Owned by the Broker's event loop.
 *
 * <p>Source of the rules: Apache RocketMQ 5.5.0, AbstractSendMessageProcessor (consumerSendMsgBack,
 * handleRetryAndDLQ).
 */
final class SendBacks {

  private final BrokerOptions options;
  private final MessageStore store;
  private final Catalog catalog;
  private final Appender appender;
  private final QueueLocks locks;
  private final Clock clock;
  private final PropertiesWriter properties = new PropertiesWriter();
  private final MessageView view = new MessageView();

  SendBacks(
      BrokerOptions options,
      MessageStore store,
      Catalog catalog,
      Appender appender,
      QueueLocks locks,
      Clock clock) {
    this.options = options;
    this.store = store;
    this.catalog = catalog;
    this.appender = appender;
    this.locks = locks;
    this.clock = clock;
  }

  /** Takes a message back; answered once. */
  void sendBack(SendBack request, Answer<BusMessage> answer) {
    GroupConfig group = group(request.group());
    Future.fromCompletionStage(store.findByPhysicalOffset(request.physicalOffset()))
        .onComplete(
            found -> {
              if (found.failed()) {
                answer.fail(Refusals.ofFailure(found.cause()));
                return;
              }
              try (MessageBlock message = found.result()) {
                append(request, encode(request, group, message), answer);
              } catch (SluiceException e) {
                answer.fail(e);
              } catch (IllegalArgumentException e) {
                answer.fail(new SluiceException(ErrorCode.MESSAGE_TOO_LARGE, e.getMessage()));
              }
            });
  }

  /**
   * Says where a message goes that the client sends by itself. Whoever holds locks consumes in
   * order, and tries again by itself before it gives up: then that was the last time.
   */
  RetryTopic retryTopic(GetRetryTopic request) {
    GroupConfig group = group(request.group());
    boolean dead =
        request.reconsumeTimes() > maxRetries(request.maxRetries(), group)
            || locks.isHeld(request.group(), clock.nowMs());
    TopicState topic =
        dead
            ? catalog.deadLetterTopic(request.group())
            : catalog.topicForUse(Names.RETRY_PREFIX + request.group());
    return new RetryTopic(topic.name(), dead);
  }

  /** The group, made if it is new as by any other use of it. */
  private GroupConfig group(String name) {
    return catalog.groupForUse(name).config;
  }

  private void append(SendBack request, MessageBatch batch, Answer<BusMessage> answer) {
    appender.append(
        new AppendRequest(batch, request.ack(), false, clock.nowNs()),
        new Answer<>() {
          @Override
          public void succeed(AppendReply reply) {
            if (reply.error(0) == null) {
              answer.succeed(Done.DONE);
            } else {
              answer.fail(reply.error(0));
            }
          }

          @Override
          public void fail(SluiceException failure) {
            answer.fail(failure);
          }
        });
  }

  private MessageBatch encode(SendBack request, GroupConfig group, MessageBlock message) {
    if (message.count() == 0 || Names.isSystemTopic(message.view(0, view).topic())) {
      throw new SluiceException(
          ErrorCode.MESSAGE_NOT_FOUND,
          "no message stands at the physical offset " + request.physicalOffset());
    }
    int times = view.reconsumeTimes();
    boolean dead =
        request.delayMs() == ClientKept.NEVER_AGAIN
            || times >= maxRetries(request.maxRetries(), group);
    putProperties(group, dead, times);
    MessageBatch batch = new MessageBatch(view.size() + 1_024);
    int sysFlag = MessageLayout.sysFlagOfCopy(view.sysFlag());
    if (dead) {
      batch.add(
          Names.deadLetterTopic(group.name()),
          QueueSelector.ANY,
          view.flag(),
          sysFlag,
          view.bornAtMs(),
          view.bornHost(),
          times + 1,
          0,
          view.bodySlice(),
          properties);
    } else {
      batch.addDelayed(
          Names.RETRY_PREFIX + group.name(),
          QueueSelector.ANY,
          clock.nowMs() + delayMs(request, group, times),
          view.flag(),
          sysFlag,
          view.bornAtMs(),
          view.bornHost(),
          times + 1,
          view.bodySlice(),
          properties);
    }
    return batch;
  }

  private static int maxRetries(int asked, GroupConfig group) {
    return asked < 0 ? group.maxSendBacks() : asked;
  }

  /** At least 1 ms, since what is due now is no delayed message; at most what a timer takes. */
  private long delayMs(SendBack request, GroupConfig group, int times) {
    long delayMs = request.delayMs() < 0 ? group.retryDelayMs(times + 1) : request.delayMs();
    return Math.max(1, Math.min(delayMs, options.getMaxDelay().toMillis()));
  }

  /** The message's own, where it came from, and for a dead letter what one has on every front. */
  private void putProperties(GroupConfig group, boolean dead, int times) {
    properties.clear();
    view.forEachProperty(
        (name, value) -> {
          if (!isReplaced(name) && !TimerRecord.isOfTimer(name)) {
            properties.put(name, value);
          }
        });
    String firstTopic = view.property(PropertyNames.RETRY_TOPIC);
    String firstId = view.property(PropertyNames.ORIGIN_MESSAGE_ID);
    String topic = firstTopic == null ? view.topic() : firstTopic;
    properties
        .put(PropertyNames.RETRY_TOPIC, topic)
        .put(PropertyNames.ORIGIN_MESSAGE_ID, firstId == null ? offsetMessageId(view) : firstId);
    if (dead) {
      properties
          .put(PropertyNames.ORIGIN_GROUP, group.name())
          .put(PropertyNames.DLQ_ORIGIN_TOPIC, topic)
          .put(PropertyNames.DLQ_ORIGIN_MESSAGE_ID, view.property(PropertyNames.UNIQUE_KEY))
          .put(PropertyNames.DEAD_REASON, "sent back by its consumer after retry " + times);
    }
  }

  private static boolean isReplaced(String name) {
    return switch (name) {
      case PropertyNames.RETRY_TOPIC,
          PropertyNames.ORIGIN_MESSAGE_ID,
          PropertyNames.ORIGIN_GROUP,
          PropertyNames.DLQ_ORIGIN_TOPIC,
          PropertyNames.DLQ_ORIGIN_MESSAGE_ID,
          PropertyNames.DEAD_REASON ->
          true;
      default -> false;
    };
  }

  /** RocketMQ's server-side id: store host and physical offset in hex. */
  static String offsetMessageId(MessageView view) {
    byte[] host = new byte[MessageLayout.storeHostBytes(view.sysFlag())];
    view.buffer().get(view.position() + MessageLayout.storeHost(view.sysFlag()), host);
    HexFormat hex = HexFormat.of().withUpperCase();
    return hex.formatHex(host) + hex.toHexDigits(view.physicalOffset());
  }
}
