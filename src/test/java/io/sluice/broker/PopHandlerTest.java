package io.sluice.broker;

import static io.sluice.broker.BrokerKit.bodies;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.broker.BrokerKit.Received;
import io.sluice.bus.Addresses;
import io.sluice.bus.AdminRequest;
import io.sluice.bus.BusMessage;
import io.sluice.bus.ClientKept;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.Filter;
import io.sluice.bus.GroupConfig;
import io.sluice.bus.PopRequest;
import io.sluice.bus.PopRequest.Ack;
import io.sluice.bus.PopRequest.ChangeInvisible;
import io.sluice.bus.PopRequest.Changed;
import io.sluice.bus.PopRequest.CountWaiting;
import io.sluice.bus.PopRequest.Handle;
import io.sluice.bus.PopRequest.Mode;
import io.sluice.bus.PopRequest.Notified;
import io.sluice.bus.PopRequest.Notify;
import io.sluice.bus.PopRequest.Pop;
import io.sluice.bus.PopRequest.Popped;
import io.sluice.bus.PopRequest.SetMode;
import io.sluice.bus.SettleReply;
import io.sluice.bus.SettleReply.Outcome;
import io.sluice.bus.SluiceException;
import io.vertx.core.Future;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A whole Broker and its pops: leases by RocketMQ's receipts. */
class PopHandlerTest {

  private static final long LONG_MS = 60_000;

  @TempDir Path directory;

  private BrokerKit kit;

  /** What a pop brought, with the handles of its receipts. */
  private record Pops(List<Received> messages, int[] attempts, List<Handle> handles) {}

  @BeforeEach
  void start() throws Exception {
    kit = new BrokerKit(directory).start();
  }

  @AfterEach
  void stop() throws Exception {
    kit.close();
  }

  @Test
  void shouldPopEachMessageOnceAndTakeItsAck() throws Exception {
    kit.send("t", "a", "b", "c", "d", "e");
    Pops first = pop("g", -1, 3, LONG_MS);
    Pops rest = pop("g", -1, 32, LONG_MS);
    assertEquals(3, first.messages.size());
    List<Received> all = new ArrayList<>(first.messages);
    all.addAll(rest.messages);
    assertEquals(List.of("a", "b", "c", "d", "e"), BrokerKit.sortedBodies(all));
    assertEquals(List.of(Outcome.OK, Outcome.OK, Outcome.OK), ack("g", first.handles));
    // Saying it again is no mistake.
    assertEquals(List.of(Outcome.OK), ack("g", first.handles.subList(0, 1)));
    assertEquals(List.of(Outcome.OK, Outcome.OK), ack("g", rest.handles));
    assertEquals(0, pop("g", -1, 32, LONG_MS).messages.size());
  }

  @Test
  void shouldGiveWhatIsNotAckedInTimeAgainAtOnceAndToItsNewReceiptOnly() throws Exception {
    kit.sendInOrder("t", "a", "b");
    Pops first = pop("g", -1, 32, 100);
    ack("g", first.handles.subList(1, 2));
    long startMs = System.currentTimeMillis();
    Pops again = popLater("g", -1, 32, LONG_MS, 10_000);
    assertTrue(System.currentTimeMillis() - startMs < 5_000, "no delay of the group");
    assertEquals(List.of("a"), bodies(again.messages));
    assertEquals(2, again.attempts[0]);
    assertEquals(List.of(Outcome.EXPIRED), ack("g", first.handles.subList(0, 1)));
    assertEquals(List.of(Outcome.OK), ack("g", again.handles));
  }

  @Test
  void shouldMoveTheEndOfALeaseAndTakeTheNewReceipt() throws Exception {
    kit.sendInOrder("t", "a", "b");
    Pops first = pop("g", -1, 32, LONG_MS);
    Handle a = first.handles.get(0);
    Changed changed = ask(new ChangeInvisible("g", a, 30_000));
    Handle moved = new Handle("t", 0, 0, changed.mark(), changed.changedAtMs() + 30_000);
    assertEquals(List.of(Outcome.EXPIRED), ack("g", List.of(a)));
    assertEquals(ErrorCode.MESSAGE_NOT_FOUND, failure(new ChangeInvisible("g", a, 1)));
    assertEquals(List.of(Outcome.OK), ack("g", List.of(moved)));
    ask(new ChangeInvisible("g", first.handles.get(1), 0));
    Pops again = popLater("g", -1, 32, LONG_MS, 10_000);
    assertEquals(List.of("b"), bodies(again.messages));
  }

  @Test
  void shouldGiveUpAMessageAfterItsLastAttempt() throws Exception {
    kit.admin(new AdminRequest.PutGroup(new GroupConfig("g", 2, List.of(LONG_MS), LONG_MS)));
    kit.sendInOrder("t", "a");
    pop("g", -1, 1, 50);
    assertEquals(2, popLater("g", -1, 1, 50, 10_000).attempts[0]);
    BrokerKit.awaitEquals(
        List.of("a"), () -> hasDeadLetters() ? bodies(kit.receive("x", "%DLQ%g", 1)) : List.of());
    assertEquals(0, pop("g", -1, 1, 50).messages.size());
  }

  @Test
  void shouldPopFromOneQueueWhileOthersWaitForAnother() throws Exception {
    kit.sendInOrder("t", "zero");
    Future<Popped> waits = request(newPop("g", 1, 1, LONG_MS, 10_000));
    assertEquals(List.of("zero"), bodies(pop("g", 0, 1, LONG_MS).messages));
    PopRequest.Waiting waiting = ask(new CountWaiting("g", "t", 1));
    assertEquals(1, waiting.count());
    var batch = kit.batch();
    BrokerKit.add(batch, "t", io.sluice.message.QueueSelector.queue(1), null, "one");
    kit.send(batch);
    assertEquals(List.of("one"), bodies(copy(waits.await(10, SECONDS)).messages));
  }

  @Test
  void shouldKeepLeasesReceiptsAndModesOverARestart() throws Exception {
    kit.sendInOrder("t", "a", "b");
    final Pops first = pop("g", -1, 1, LONG_MS);
    ask(new SetMode("g", "t", new Mode(true, 3)));
    kit.restart();
    assertEquals(new Mode(true, 3), ask(new PopRequest.GetMode("g", "t")));
    assertEquals(List.of("b"), bodies(pop("g", -1, 32, LONG_MS).messages));
    assertEquals(List.of(Outcome.OK), ack("g", first.handles));
    ask(new SetMode("g", "t", Mode.PULL));
    kit.restart();
    assertEquals(Mode.PULL, ask(new PopRequest.GetMode("g", "t")));
  }

  @Test
  void shouldNotifyWhenThereIsSomething() throws Exception {
    kit.admin(new AdminRequest.PutTopic(io.sluice.bus.TopicConfig.of("t", 4)));
    Notified none = ask(new Notify("g", "t", -1, 0, null, null));
    assertFalse(none.available());
    Future<Notified> waits = request(new Notify("g", "t", -1, 10_000, null, null));
    kit.send("t", "a");
    assertTrue(waits.await(10, SECONDS).available());
    pop("g", -1, 1, LONG_MS);
    Notified taken = ask(new Notify("g", "t", -1, 0, null, null));
    assertFalse(taken.available());
  }

  @Test
  void shouldNotNotifyOfWhatTheFilterDoesNotWant() throws Exception {
    kit.admin(new AdminRequest.PutTopic(io.sluice.bus.TopicConfig.of("t", 4)));
    ask(new Notify("g", "t", -1, 0, null, null));
    Future<Notified> tagged = request(notify(Filter.tags("wanted")));
    Future<Notified> sql = request(notify(new Filter(Filter.Kind.SQL, "TAGS = 'asked for'")));
    sendTagged("other", "a", "b");
    assertFalse(
        this.<Notified>ask(new Notify("g", "t", -1, 0, Filter.tags("wanted"), null)).available());
    assertTrue(
        this.<Notified>ask(new Notify("g", "t", -1, 0, Filter.tags("other"), null)).available());
    assertTrue(this.<Notified>ask(new Notify("g", "t", -1, 0, null, null)).available());
    sendTagged("asked for", "c");
    assertTrue(sql.await(10, SECONDS).available());
    assertFalse(tagged.isComplete());
    sendTagged("wanted", "d");
    assertTrue(tagged.await(10, SECONDS).available());
    // Looking has passed over nothing.
    assertEquals(4, pop("g", -1, 32, LONG_MS).messages.size());
  }

  private static Notify notify(Filter filter) {
    return new Notify("g", "t", -1, 10_000, filter, null);
  }

  private void sendTagged(String tag, String... bodies) throws Exception {
    io.sluice.message.MessageBatch batch = kit.batch();
    for (String body : bodies) {
      BrokerKit.add(batch, "t", io.sluice.message.QueueSelector.queue(0), tag, body);
    }
    kit.send(batch);
  }

  @Test
  void shouldRefusePopsOfAGroupWhoseClientsShareTheQueuesUnlessToldToPop() throws Exception {
    kit.sendInOrder("t", "a", "b", "c");
    beat();
    assertEquals(ErrorCode.CONFLICT, failure(newPop("g", -1, 1, LONG_MS, 0)));
    ask(new SetMode("g", "t", new Mode(true, 0)));
    assertEquals(List.of("a", "b", "c"), bodies(pop("g", -1, 32, LONG_MS).messages));
    // The last word of a client that pulled before: done is done, and the leases stay.
    kit.request(Addresses.clientKept(BrokerKit.BROKER), new ClientKept.Commit("g", "t", 0, 1))
        .await(10, SECONDS);
    ClientKept.Offset offset =
        kit.<ClientKept.Offset>request(
                Addresses.clientKept(BrokerKit.BROKER), new ClientKept.GetOffset("g", "t", 0, true))
            .await(10, SECONDS);
    assertEquals(1, offset.queueOffset());
    assertEquals(0, pop("g", -1, 32, LONG_MS).messages.size());
    ask(new SetMode("g", "t", Mode.PULL));
    assertEquals(ErrorCode.CONFLICT, failure(newPop("g", -1, 1, LONG_MS, 0)));
  }

  @Test
  void shouldRefuseWhatIsNoPop() throws Exception {
    kit.sendInOrder("t", "a");
    assertEquals(ErrorCode.TOPIC_NOT_FOUND, failure(popOf("none", "g", 1)));
    assertEquals(ErrorCode.INVALID_ARGUMENT, failure(popOf("t", "g", 33)));
    assertEquals(ErrorCode.INVALID_ARGUMENT, failure(newPop("g", 4, 1, LONG_MS, 0)));
    pop("g", -1, 1, LONG_MS);
    assertEquals(
        List.of(Outcome.UNKNOWN, Outcome.UNKNOWN, Outcome.UNKNOWN),
        ack(
            "g",
            List.of(
                new Handle("t", 0, 7, 0, 1),
                new Handle("t", 9, 0, 0, 1),
                new Handle("none", 0, 0, 0, 1))));
  }

  @Test
  void shouldKnowTheLeasesOfAMarkAndNoOthers() {
    Random random = new Random(7);
    for (int i = 0; i < 10_000; i++) {
      long first = random.nextLong() >>> 1;
      int count = 1 + random.nextInt(32);
      int mark = PopRequest.mark(first, count);
      assertTrue(mark >= 0);
      assertTrue(PopRequest.matches(mark, first));
      assertTrue(PopRequest.matches(mark, first + count - 1));
      assertFalse(PopRequest.matches(mark, first - 1));
      assertFalse(PopRequest.matches(mark, first + count));
    }
  }

  private Pops pop(String group, int queueId, int max, long invisibleMs) throws Exception {
    return popLater(group, queueId, max, invisibleMs, 0);
  }

  private Pops popLater(String group, int queueId, int max, long invisibleMs, long waitMs)
      throws Exception {
    Popped popped = ask(newPop(group, queueId, max, invisibleMs, waitMs));
    return copy(popped, invisibleMs);
  }

  private static Pops copy(Popped popped) {
    return copy(popped, LONG_MS);
  }

  private static Pops copy(Popped popped, long invisibleMs) {
    List<Received> messages = BrokerKit.copy(popped.messages());
    List<Handle> handles =
        messages.stream()
            .map(
                m ->
                    new Handle(
                        m.topic(),
                        m.queueId(),
                        m.queueOffset(),
                        popped.mark(),
                        popped.poppedAtMs() + invisibleMs))
            .toList();
    return new Pops(messages, popped.attempts(), handles);
  }

  private static Pop popOf(String topic, String group, int max) {
    return new Pop(group, topic, -1, max, 1 << 20, 0, LONG_MS, Filter.ALL, false, false, null);
  }

  private static Pop newPop(String group, int queueId, int max, long invisibleMs, long waitMs) {
    return new Pop(
        group, "t", queueId, max, 1 << 20, waitMs, invisibleMs, Filter.ALL, false, false, null);
  }

  private List<Outcome> ack(String group, List<Handle> handles) throws Exception {
    SettleReply reply = ask(new Ack(group, handles));
    return List.of(reply.outcomes());
  }

  private boolean hasDeadLetters() {
    try {
      kit.admin(new AdminRequest.GetTopic("%DLQ%g"));
      return true;
    } catch (Exception notYet) {
      return false;
    }
  }

  private void beat() throws Exception {
    kit.request(
            Addresses.clientKept(BrokerKit.BROKER),
            new ClientKept.Heartbeat(
                new ClientKept.Member("client", "f:1", "h:1", "JAVA", 513),
                List.of(),
                List.of(
                    new ClientKept.Membership(
                        "g",
                        "CONSUME_PASSIVELY",
                        "CLUSTERING",
                        "CONSUME_FROM_FIRST_OFFSET",
                        List.of(new ClientKept.Subscription("t", Filter.ALL, 1))))))
        .await(10, SECONDS);
  }

  private ErrorCode failure(PopRequest request) {
    SluiceException failure =
        SluiceException.of(assertThrows(Exception.class, () -> this.<BusMessage>ask(request)));
    return failure.code();
  }

  private <T extends BusMessage> T ask(PopRequest request) throws Exception {
    return this.<T>request(request).await(20, SECONDS);
  }

  private <T extends BusMessage> Future<T> request(PopRequest request) {
    return kit.request(Addresses.pop(BrokerKit.BROKER), request);
  }
}
