package io.sluice.broker;

import io.sluice.bus.AppendReply;
import io.sluice.bus.BrokerDirectory;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.ReplyMessage;
import io.sluice.bus.ReplyTo;
import io.sluice.bus.Requests;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageView;
import io.sluice.message.PlainBodies;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.PropertyNames;
import io.sluice.util.Clock;
import io.sluice.util.Durations;
import io.vertx.core.Context;
import io.vertx.core.MultiMap;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.eventbus.DeliveryOptions;
import io.vertx.core.eventbus.Message;

/**
 * Plain sends with {@code Sluice-Reply-Wait}: the answer on the event bus is the consumer's reply,
 * its body as a Buffer and its properties as headers. Owned by the Broker's event loop.
 */
final class PlainRequests {

  static final String REPLY_WAIT = "sluice-reply-wait";

  private static final long MAX_WAIT_MS = 300_000;

  /** RocketMQ's clients need some cluster's name to reply; every name is routed. */
  private static final String ANY_CLUSTER = "DefaultCluster";

  private final Requests requests;

  PlainRequests(Vertx vertx, Context context, Clock clock, String id) {
    requests = new Requests(vertx, context, new BrokerDirectory(vertx, clock), id);
  }

  /** How long the sender waits for a reply, or 0. */
  static long replyWaitMs(MultiMap headers) {
    String text = headers.get(REPLY_WAIT);
    if (text == null) {
      return 0;
    }
    long waitMs = Durations.parseMs(text);
    if (waitMs < 1 || waitMs > MAX_WAIT_MS) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT, "Sluice-Reply-Wait is " + text + "; allowed is up to 5m");
    }
    if (headers.contains("Sluice-Delay")
        || headers.contains("Sluice-Deliver-At")
        || headers.contains("Sluice-Transaction")) {
      throw new SluiceException(
          ErrorCode.INVALID_ARGUMENT,
          "a message that waits for a reply can not be delayed, nor begin a transaction; leave out"
              + " one of the two");
    }
    return waitMs;
  }

  /** Begins to wait; the message on the event bus is answered with what comes. */
  ReplyTo await(Message<Object> message, long waitMs) {
    return requests.await(
        waitMs,
        new Requests.Requester() {
          @Override
          public boolean replied(ReplyMessage reply) {
            MessageView view =
                new PlainBodies(PlainBodies.MAX_BODY_BYTES).plain(reply.view(new MessageView()));
            DeliveryOptions options = new DeliveryOptions();
            view.forEachProperty(options::addHeader);
            String encoding = PlainBodies.contentEncoding(view);
            if (encoding != null) {
              options.addHeader("contentEncoding", encoding);
            }
            message.reply(Buffer.buffer(view.body()), options);
            return true;
          }

          @Override
          public void failed(SluiceException failure) {
            SluiceException.fail(message, failure);
          }
        });
  }

  void putInto(PropertiesWriter properties, ReplyTo replyTo, MultiMap headers) {
    if (replyTo != null) {
      properties
          .put(PropertyNames.CORRELATION_ID, replyTo.correlationId())
          .put(PropertyNames.REPLY_TO_CLIENT, replyTo.requester())
          .put(PropertyNames.REQUEST_TTL, Long.toString(replyWaitMs(headers)))
          .put(PropertyNames.CLUSTER, ANY_CLUSTER);
    }
  }

  /** Only tells what failed: the answer is the reply. */
  Answer<AppendReply> answerTo(Message<Object> message, ReplyTo replyTo) {
    return new Answer<>() {
      @Override
      public void succeed(AppendReply reply) {
        if (reply.error(0) != null) {
          fail(reply.error(0));
        }
      }

      @Override
      public void fail(SluiceException failure) {
        requests.forget(replyTo);
        SluiceException.fail(message, failure);
      }
    };
  }

  /** Does not wait any more. */
  void forget(ReplyTo replyTo) {
    if (replyTo != null) {
      requests.forget(replyTo);
    }
  }

  /** Ends all waits. */
  void close(SluiceException reason) {
    requests.close(reason);
  }
}
