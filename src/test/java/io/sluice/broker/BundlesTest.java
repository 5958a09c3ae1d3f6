package io.sluice.broker;

import static io.sluice.broker.BrokerKit.BROKER;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.sluice.bus.BrokerLine;
import io.sluice.bus.BusMessage;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.Filter;
import io.sluice.bus.ReceiveReply;
import io.sluice.bus.ReceiveRequest;
import io.sluice.bus.ReleaseRequest;
import io.sluice.bus.SettleReply;
import io.sluice.bus.SettleReply.Outcome;
import io.sluice.bus.SettleRequest;
import io.sluice.bus.SluiceException;
import io.sluice.bus.StartPosition;
import io.sluice.testkit.ManualClock;
import io.vertx.core.Context;
import io.vertx.core.internal.VertxInternal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Requests in bundles, from a front's {@link BrokerLine} to a Broker and back. */
class BundlesTest {

  private static final String TOPIC = "orders";

  private static final long TIMEOUT_MS = 5_000;

  @TempDir Path directory;

  private final ManualClock clock = new ManualClock(1_000_000);
  private BrokerKit kit;
  private Context front;
  private BrokerLine line;

  @BeforeEach
  void start() throws Exception {
    kit = new BrokerKit(directory).start();
    front = ((VertxInternal) kit.vertx).createEventLoopContext();
    line = onFront(() -> new BrokerLine(kit.vertx, front, clock, "front-1", TIMEOUT_MS));
  }

  @AfterEach
  void close() throws Exception {
    kit.close();
  }

  @Test
  void shouldAnswerEachRequestOfOneBundle() throws Exception {
    kit.send(TOPIC, "a");

    List<CompletableFuture<ReceiveReply>> replies = new ArrayList<>();
    onFront(
        () -> {
          for (int i = 0; i < 100; i++) {
            replies.add(ask(receive("group-" + i, 1_000)));
          }
          return null;
        });

    for (CompletableFuture<ReceiveReply> reply : replies) {
      assertEquals(List.of("a"), BrokerKit.bodies(BrokerKit.copy(reply.get(10, SECONDS))));
    }
    assertEquals(0, onFront(line::waiting));
  }

  @Test
  void shouldSettleWhatCameInABundle() throws Exception {
    kit.send(TOPIC, "a");
    CompletableFuture<ReceiveReply> received = onFront(() -> ask(receive("group", 0)));
    SettleRequest acks = BrokerKit.ackRequest("group", BrokerKit.copy(received.get(10, SECONDS)));

    CompletableFuture<SettleReply> settled = onFront(() -> ask(acks));

    assertEquals(List.of(Outcome.OK), List.of(settled.get(10, SECONDS).outcomes()));
  }

  @Test
  void shouldTakeARequestBeforeTheReleaseThatFollowsIt() throws Exception {
    CompletableFuture<ReceiveReply> received =
        onFront(
            () -> {
              CompletableFuture<ReceiveReply> asked = ask(receive("group", 60_000));
              ask(new ReleaseRequest("holder"));
              return asked;
            });

    assertEquals(0, received.get(10, SECONDS).messages().count());
  }

  @Test
  void shouldFailOneRequestOfABundleAlone() throws Exception {
    kit.send(TOPIC, "a");
    List<CompletableFuture<ReceiveReply>> replies =
        onFront(() -> List.of(this.<ReceiveReply>ask(receive("group", -1)), ask(receive("g", 0))));

    assertEquals(ErrorCode.INVALID_ARGUMENT, failureOf(replies.get(0)));
    assertEquals(1, BrokerKit.copy(replies.get(1).get(10, SECONDS)).size());
  }

  @Test
  void shouldFailWhatNoBrokerTakes() throws Exception {
    CompletableFuture<ReceiveReply> asked =
        onFront(() -> ask("nobody", receive("group", 60_000), 60_000));

    assertEquals(ErrorCode.BROKER_UNAVAILABLE, failureOf(asked));
  }

  @Test
  void shouldFailWhatIsNotAnsweredInTime() throws Exception {
    CompletableFuture<ReceiveReply> asked =
        onFront(() -> ask(BROKER, receive("group", 60_000), 1_000));

    clock.advanceMs(2_000);

    assertEquals(ErrorCode.TIMEOUT, failureOf(asked));
    // The answer that comes later finds nobody, and the place serves the next request.
    kit.send(TOPIC, "late");
    CompletableFuture<ReceiveReply> next = onFront(() -> ask(receive("other", 1_000)));
    assertEquals(List.of("late"), BrokerKit.bodies(BrokerKit.copy(next.get(10, SECONDS))));
  }

  @Test
  void shouldAnswerEveryRequestWhenTheBrokerStops() throws Exception {
    CompletableFuture<ReceiveReply> asked = onFront(() -> ask(receive("group", 60_000)));
    // Once it is known to wait there.
    onFront(() -> ask(receive("other", 0))).get(10, SECONDS);

    kit.stop();

    assertEquals(ErrorCode.SHUTTING_DOWN, failureOf(asked));
  }

  @Test
  void shouldAnswerTheOthersWhenOneAskerFails() throws Exception {
    CompletableFuture<ReceiveReply> asked =
        onFront(
            () -> {
              line.ask(
                  BROKER,
                  receive("group", 0),
                  TIMEOUT_MS,
                  (reply, failure) -> {
                    throw new IllegalStateException("this asker fails on purpose");
                  });
              return ask(receive("other", 0));
            });

    assertEquals(0, asked.get(10, SECONDS).messages().count());
  }

  private <T extends BusMessage> CompletableFuture<T> ask(BusMessage request) {
    return ask(BROKER, request, 60_000);
  }

  private <T extends BusMessage> CompletableFuture<T> ask(
      String broker, BusMessage request, long timeoutMs) {
    CompletableFuture<T> answer = new CompletableFuture<>();
    line.<T>ask(
        broker,
        request,
        timeoutMs,
        (reply, failure) -> {
          if (failure == null) {
            answer.complete(reply);
          } else {
            answer.completeExceptionally(failure);
          }
        });
    return answer;
  }

  private static ReceiveRequest receive(String group, long waitMs) {
    return new ReceiveRequest(
        group,
        TOPIC,
        10,
        1 << 20,
        waitMs,
        30_000,
        Filter.ALL,
        false,
        StartPosition.EARLIEST,
        "holder");
  }

  private <T> T onFront(java.util.concurrent.Callable<T> action) throws Exception {
    CompletableFuture<T> done = new CompletableFuture<>();
    front.runOnContext(
        nothing -> {
          try {
            done.complete(action.call());
          } catch (Exception e) {
            done.completeExceptionally(e);
          }
        });
    return done.get(10, SECONDS);
  }

  private static ErrorCode failureOf(CompletableFuture<?> asked) {
    ExecutionException failed =
        assertThrows(ExecutionException.class, () -> asked.get(10, SECONDS));
    return ((SluiceException) failed.getCause()).code();
  }
}
