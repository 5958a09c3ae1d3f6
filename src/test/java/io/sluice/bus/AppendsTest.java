package io.sluice.bus;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.sluice.bus.NameServerRequest.BrokerNode;
import io.sluice.bus.NameServerRequest.GetRoute;
import io.sluice.bus.NameServerRequest.Route;
import io.sluice.bus.NameServerRequest.TopicRoute;
import io.sluice.message.MessageBatch;
import io.sluice.message.PropertiesWriter;
import io.sluice.message.QueueSelector;
import io.sluice.testkit.Await;
import io.sluice.testkit.ManualClock;
import io.vertx.core.Context;
import io.vertx.core.Future;
import io.vertx.core.Promise;
import io.vertx.core.Vertx;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is sent again, to whom and in which order: the Brokers answer what the test says. */
class AppendsTest {

  private static final SluiceException GONE =
      new SluiceException(ErrorCode.BROKER_UNAVAILABLE, "nobody listens");
  private static final SluiceException DRAINING =
      new SluiceException(ErrorCode.DRAINING, "it leaves");
  private static final SluiceException TIMEOUT =
      new SluiceException(ErrorCode.TIMEOUT, "no answer in time");

  private final Vertx vertx = Vertx.vertx();
  private final Context context = vertx.getOrCreateContext();
  private final ManualClock clock = new ManualClock(0);
  private final Map<String, String> routes = new ConcurrentHashMap<>();
  private final List<Asked> asked = new CopyOnWriteArrayList<>();
  private final List<String> heard = new CopyOnWriteArrayList<>();
  private Appends appends;

  /** One request as it came to a Broker. */
  private record Asked(
      String broker, AppendRequest request, long timeoutMs, Promise<AppendReply> answer) {

    @Override
    public String toString() {
      StringBuilder text = new StringBuilder(broker);
      for (int i = 0; i < request.batch().count(); i++) {
        text.append(' ').append(request.batch().topic(i));
      }
      return text.toString();
    }
  }

  @BeforeEach
  void open() {
    BusCodec.register(vertx);
    vertx
        .eventBus()
        .<NameServerRequest>localConsumer(
            Addresses.nameServers(),
            message -> {
              String topic = ((GetRoute) message.body()).topic();
              String broker = routes.get(topic);
              if (broker == null) {
                SluiceException.fail(message, GONE);
                return;
              }
              message.reply(
                  new Route(
                      List.of(new TopicRoute(broker, TopicConfig.of(topic, 1))),
                      List.of(new BrokerNode("cluster", broker, 0, "127.0.0.1:10911", 0))));
            });
    BrokerDirectory directory = new BrokerDirectory(vertx, clock);
    appends =
        new Appends(
            vertx, directory, new OrderedRoutes(directory, context), clock, 10_000, this::ask);
  }

  @AfterEach
  void close() throws Exception {
    vertx.close().toCompletionStage().toCompletableFuture().get(10, TimeUnit.SECONDS);
  }

  @Test
  void shouldOfferToAnotherMasterWhatNobodyTook() {
    routes.put("t", "b");
    append("a", "t");
    clock.advanceMs(1_000);
    fail(0, GONE);
    awaitAsked("a t", "b t");
    assertEquals(10_000, asked.get(0).timeoutMs());
    assertEquals(9_000, asked.get(1).timeoutMs(), "the time is one for all tries");
    store(1);
    awaitHeard("t#0 at b");
  }

  @Test
  void shouldNotSendAgainWhatMayBeStored() {
    routes.put("t", "b");
    append("a", "t", "t");
    fail(0, TIMEOUT);
    awaitHeard("t#0 TIMEOUT", "t#1 TIMEOUT");
    assertEquals(1, asked.size());
  }

  @Test
  void shouldSendTheTopicsOfARequestTheirOwnWays() {
    routes.putAll(Map.of("t", "b", "u", "c"));
    append("a", "t", "u", "t");
    fail(0, DRAINING);
    awaitAsked("a t u t", "b t t", "c u");
    fail(2, TIMEOUT);
    store(1);
    awaitHeard("u#1 TIMEOUT", "t#0 at b", "t#2 at b");
    assertEquals(
        asked.get(0).request().batch().size(),
        asked.get(1).request().batch().size() + asked.get(2).request().batch().size());
  }

  @Test
  void shouldSendOnceMoreAndNeverAgainWhereTheProcessStops() {
    routes.putAll(Map.of("t", "b", "u", "c"));
    append("a", "t");
    fail(0, DRAINING);
    run(appends::end);
    awaitAsked("a t", "b t");
    fail(1, DRAINING);
    awaitHeard("t#0 DRAINING");

    append("a", "u");
    fail(2, GONE);
    awaitAsked("a t", "b t", "a u", "c u");
    store(3);
    awaitHeard("t#0 DRAINING", "u#0 at c");
  }

  @Test
  void shouldFailAtOnceWhatNoRouteIsKnownOfWhereTheProcessStops() {
    Appends all = appends;
    appends = all.inOrder();
    run(all::end);
    append("a", "t");
    append("a", "t");
    fail(0, DRAINING);
    fail(1, DRAINING);
    awaitHeard("t#0 DRAINING", "t#0 DRAINING");
  }

  @Test
  void shouldNotPartWhatIsStoredAsAWhole() {
    routes.putAll(Map.of("t", "b", "u", "c"));
    run(
        () ->
            appends.append(
                "a", new AppendRequest(batch("t", "u"), AckLevel.DISK, true, 0), sender("t", "u")));
    fail(0, DRAINING);
    awaitHeard("t#0 DRAINING", "u#1 DRAINING");
  }

  @Test
  void shouldLetNothingOvertakeWhatWaits() {
    routes.put("t", "b");
    appends = appends.inOrder();
    append("a", "t");
    append("a", "t", "t");
    // Answered out of order: the second is refused while the first is still on its way.
    fail(1, GONE);
    fail(0, GONE);
    append("b", "t", "t", "t");
    append("b", "u");
    awaitAsked("a t", "a t t", "b u", "b t", "b t t", "b t t t");
    for (int i = 2; i < 6; i++) {
      store(i);
    }
    append("b", "t");
    awaitAsked("a t", "a t t", "b u", "b t", "b t t", "b t t t", "b t");
  }

  @Test
  void shouldPartWhatStandsBehindThoseThatWaitFromWhatDoesNot() {
    routes.put("t", "b");
    appends = appends.inOrder();
    append("a", "t");
    fail(0, GONE);
    append("a", "u", "t");
    awaitAsked("a t", "a u", "b t", "b t");
    store(1);
    store(3);
    awaitHeard("u#0 at a", "t#1 at b");
  }

  @Test
  void shouldFailWhatWasOvertakenOnItsWay() {
    routes.put("t", "b");
    appends = appends.inOrder();
    append("a", "t");
    append("a", "t", "t");
    fail(0, GONE);
    store(1);
    awaitHeard("t#0 at a", "t#1 at a", "t#0 BROKER_UNAVAILABLE");
    // The same where it is not known.
    append("a", "t");
    append("a", "t");
    fail(2, GONE);
    fail(3, TIMEOUT);
    awaitHeard(
        "t#0 at a", "t#1 at a", "t#0 BROKER_UNAVAILABLE", "t#0 TIMEOUT", "t#0 BROKER_UNAVAILABLE");
    assertEquals(4, asked.size());
  }

  @Test
  void shouldGiveUpInTimeAndWaitForAnOutageOnce() {
    routes.put("t", "a");
    appends = appends.inOrder();
    append("a", "t");
    fail(0, GONE);
    awaitAsked("a t", "a t");
    fail(1, GONE);
    clock.advanceMs(2_500);
    append("a", "t");
    awaitAsked("a t", "a t", "a t", "a t");
    clock.advanceMs(501);
    fail(2, GONE);
    fail(3, GONE);
    // The second had not waited so long, but the Broker was gone so long.
    awaitHeard("t#0 BROKER_UNAVAILABLE", "t#0 BROKER_UNAVAILABLE");
    append("a", "t");
    fail(4, GONE);
    awaitHeard("t#0 BROKER_UNAVAILABLE", "t#0 BROKER_UNAVAILABLE", "t#0 BROKER_UNAVAILABLE");
    // One that is stored ends the outage.
    append("a", "t");
    store(5);
    append("a", "t");
    fail(6, GONE);
    Await.until(asked::toString, () -> asked.size() == 8);
  }

  private Future<AppendReply> ask(String broker, AppendRequest request, long timeoutMs) {
    Promise<AppendReply> answer = Promise.promise();
    asked.add(new Asked(broker, request, timeoutMs, answer));
    return answer.future();
  }

  private void append(String broker, String... topics) {
    run(
        () ->
            appends.append(
                broker, new AppendRequest(batch(topics), AckLevel.DISK, false, 0), sender(topics)));
  }

  private static MessageBatch batch(String... topics) {
    MessageBatch batch = new MessageBatch();
    for (String topic : topics) {
      ByteBuffer body = ByteBuffer.wrap(new byte[10]);
      batch.add(topic, QueueSelector.ANY, 0, 0, 1, new byte[8], 0, 0, body, new PropertiesWriter());
    }
    return batch;
  }

  private Appends.Sender sender(String... topics) {
    return new Appends.Sender() {
      @Override
      public void answered(AppendReply reply, Appends.Part part) {
        assertEquals(reply.count(), part.count());
        hear(part, "at " + reply.brokerName());
      }

      @Override
      public void failed(SluiceException failure, Appends.Part part) {
        hear(part, failure.code().name());
      }

      private void hear(Appends.Part part, String what) {
        for (int i = 0; i < part.count(); i++) {
          heard.add(topics[part.index(i)] + '#' + part.index(i) + ' ' + what);
        }
      }
    };
  }

  private void fail(int number, SluiceException failure) {
    run(() -> asked.get(number).answer().fail(failure));
  }

  private void store(int number) {
    Asked one = asked.get(number);
    run(
        () ->
            one.answer().complete(new AppendReply(one.broker(), one.request().batch().count(), 1)));
  }

  private void awaitAsked(String... all) {
    Await.until(asked::toString, () -> asked.toString().equals(List.of(all).toString()));
  }

  private void awaitHeard(String... all) {
    Await.until(heard::toString, () -> heard.equals(List.of(all)));
  }

  /** On the context, and waits until it is done. */
  private void run(Runnable action) {
    Promise<Void> done = Promise.promise();
    context.runOnContext(
        nothing -> {
          action.run();
          done.complete();
        });
    Await.result("a turn", done.future());
  }
}
