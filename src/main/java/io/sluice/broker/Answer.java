package io.sluice.broker;

import io.sluice.bus.BusCodec;
import io.sluice.bus.BusMessage;
import io.sluice.bus.SluiceException;
import io.vertx.core.eventbus.Message;
import java.util.function.Function;

/** Who is owed one answer: either of the methods is called, once. */
interface Answer<T> {

  void succeed(T value);

  void fail(SluiceException failure);

  /** Answers a request on the event bus. */
  static <T extends BusMessage> Answer<T> to(Message<?> message) {
    return new Answer<>() {
      @Override
      public void succeed(T value) {
        BusCodec.reply(message, value);
      }

      @Override
      public void fail(SluiceException failure) {
        SluiceException.fail(message, failure);
      }
    };
  }

  /** Answers another one with what comes of the value; a failure is passed on. */
  static <T, R> Answer<T> mapped(Answer<R> answer, Function<? super T, ? extends R> reply) {
    return new Answer<>() {
      @Override
      public void succeed(T value) {
        answer.succeed(reply.apply(value));
      }

      @Override
      public void fail(SluiceException failure) {
        answer.fail(failure);
      }
    };
  }
}
