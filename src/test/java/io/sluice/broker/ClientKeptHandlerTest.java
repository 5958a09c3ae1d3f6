package io.sluice.broker;

import static io.sluice.broker.BrokerKit.bodies;
import static io.sluice.broker.BrokerKit.receiveRequest;
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
import io.sluice.bus.ClientKept.Commit;
import io.sluice.bus.ClientKept.EnsureTopic;
import io.sluice.bus.ClientKept.GetOffset;
import io.sluice.bus.ClientKept.Heartbeat;
import io.sluice.bus.ClientKept.Member;
import io.sluice.bus.ClientKept.Membership;
import io.sluice.bus.ClientKept.Outcome;
import io.sluice.bus.ClientKept.Pull;
import io.sluice.bus.ClientKept.Pulled;
import io.sluice.bus.ClientKept.Subscription;
import io.sluice.bus.Done;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.Filter;
import io.sluice.bus.FrontNotice;
import io.sluice.bus.ReceiveReply;
import io.sluice.bus.SluiceException;
import io.sluice.message.MessageBatch;
import io.sluice.message.QueueSelector;
import io.vertx.core.Future;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A whole Broker and clients that keep their queues themselves. */
class ClientKeptHandlerTest {

  @TempDir Path directory;

  private BrokerKit kit;

  @BeforeEach
  void start() throws Exception {
    kit = new BrokerKit(directory).start();
  }

  @AfterEach
  void stop() throws Exception {
    kit.close();
  }

  @Test
  void shouldAnswerZeroOnlyWhileTheQueueIsWhole() throws Exception {
    kit.sendInOrder("t", "a", "b");
    assertEquals(0, offset("g", 0, true));
    assertEquals(0, offset("g", 3, true));
    assertEquals(ErrorCode.MESSAGE_NOT_FOUND, failure(new GetOffset("g", "t", 0, false)));
    assertEquals(ErrorCode.MESSAGE_NOT_FOUND, failure(new GetOffset("g", "t", 4, true)));
    assertEquals(ErrorCode.MESSAGE_NOT_FOUND, failure(new GetOffset("g", "none", 0, true)));
  }

  @Test
  void shouldKeepPositionsOverARestart() throws Exception {
    kit.sendInOrder("t", "a", "b", "c");
    beat("f:1", "g", 1);
    commit("g", 0, 2);
    assertEquals(ErrorCode.MESSAGE_NOT_FOUND, failure(new GetOffset("g", "t", 1, false)));
    kit.restart();
    assertEquals(2, offset("g", 0, false));
    assertEquals(ErrorCode.MESSAGE_NOT_FOUND, failure(new GetOffset("g", "t", 1, false)));
    commit("g", 0, 1);
    assertEquals(1, offset("g", 0, false));
    kit.restart();
    assertEquals(1, offset("g", 0, false));
  }

  @Test
  void shouldRefuseAPositionOfWhatIsNotThere() throws Exception {
    kit.sendInOrder("t", "a");
    assertEquals(ErrorCode.GROUP_NOT_FOUND, failure(new Commit("g", "t", 0, 1)));
    beat("f:1", "g", 1);
    assertEquals(ErrorCode.TOPIC_NOT_FOUND, failure(new Commit("g", "none", 0, 1)));
    assertEquals(ErrorCode.INVALID_ARGUMENT, failure(new Commit("g", "t", 4, 1)));
  }

  @Test
  void shouldGoOnAtTheSamePlaceWhenAGroupGoesOverToLeases() throws Exception {
    kit.sendInOrder("t", "a", "b", "c", "d");
    beat("f:1", "g", 1);
    commit("g", 0, 2);
    ask(new ClientKept.Disconnect("f:1"));
    List<Received> rest = kit.receive("g", "t", 10);
    assertEquals(List.of("c", "d"), bodies(rest));
    kit.ack("g", rest);
    assertEquals(4, offset("g", 0, false));
  }

  @Test
  void shouldGoOnAtTheSamePlaceWhenAGroupGoesOverFromLeases() throws Exception {
    kit.sendInOrder("t", "a", "b", "c", "d");
    List<Received> first = kit.receive("g", "t", 3);
    kit.ack("g", first.subList(0, 1));
    assertEquals(1, offset("g", 0, false));
    beat("f:1", "g", 1);
    assertEquals(ErrorCode.CONFLICT, failure(new GetOffset("g", "t", 0, true)));
    kit.ack("g", first.subList(1, 3));
    assertEquals(3, offset("g", 0, true));
    Pulled pulled = pull("g", 0, 3, 0);
    assertEquals(List.of("d"), bodies(BrokerKit.copy(pulled.messages())));
    // A queue that no lease has looked at stands at its beginning, not nowhere.
    assertEquals(0, offset("g", 2, false));
  }

  @Test
  void shouldRefuseLeasesWhileClientsShareTheQueues() throws Exception {
    kit.sendInOrder("t", "a");
    kit.ack("g", kit.receive("g", "t", 1));
    Future<ReceiveReply> waiting = kit.receiveLater(receiveRequest("g", "t", 1, 20_000));
    beat("f:1", "g", 1);
    assertEquals(ErrorCode.CONFLICT, failure(waiting));
    assertEquals(ErrorCode.CONFLICT, failure(kit.receiveLater(receiveRequest("g", "t", 1, 0))));
    kit.receive("other", "t", 1);
    ask(new ClientKept.Disconnect("f:1"));
    assertEquals(List.of(), kit.receive("g", "t", 1));
  }

  @Test
  void shouldPullAndSayWhereTheQueueEnds() throws Exception {
    kit.sendInOrder("t", "a", "b", "c");
    beat("f:1", "g", 1);
    Pulled pulled = pull("g", 0, 1, 0);
    assertEquals(Outcome.FOUND, pulled.outcome());
    assertEquals(3, pulled.nextOffset());
    assertEquals(0, pulled.minOffset());
    assertEquals(3, pulled.maxOffset());
    assertEquals(List.of("b", "c"), bodies(BrokerKit.copy(pulled.messages())));
    assertEquals(Outcome.EMPTY, pull("g", 0, 3, 0).outcome());
    Pulled beyond = pull("g", 0, 9, 20_000);
    assertEquals(Outcome.MOVED, beyond.outcome());
    assertEquals(3, beyond.nextOffset());
    assertEquals(0, pull("g", 1, 5, 20_000).nextOffset());
  }

  @Test
  void shouldWakeAWaitingPullByWhatItWantsOnly() throws Exception {
    kit.sendInOrder("t", "a");
    beat("f:1", "g", 1);
    Future<Pulled> waiting =
        kit.request(address(), request("g", 0, 1, 20_000, Filter.tags("x"), 1));
    // Once this one is answered, the other has looked and waits.
    assertEquals(Outcome.EMPTY, pull("g", 0, 1, 0).outcome());
    sendTagged("y", "no");
    kit.send("u", "other topic");
    assertFalse(waiting.isComplete());
    sendTagged("x", "yes");
    Pulled pulled = waiting.await(10, SECONDS);
    assertEquals(3, pulled.nextOffset());
    assertEquals(List.of("yes"), bodies(BrokerKit.copy(pulled.messages())));
  }

  @Test
  void shouldSayAtOnceThatItPassedOverWhatIsNotWanted() throws Exception {
    kit.sendInOrder("t", "a", "b");
    beat("f:1", "g", 1);
    Filter sql = new Filter(Filter.Kind.SQL, "price > 5");
    for (Filter filter : List.of(Filter.tags("x"), sql)) {
      Pulled pulled =
          kit.<Pulled>request(address(), request("g", 0, 0, 20_000, filter, 1)).await(10, SECONDS);
      assertEquals(Outcome.PASSED_OVER, pulled.outcome());
      assertEquals(2, pulled.nextOffset());
      assertFalse(kit.request(address(), request("g", 0, 2, 20_000, filter, 1)).isComplete());
    }
  }

  @Test
  void shouldAskForAHeartbeatBeforeAPullWithoutAFilter() throws Exception {
    kit.sendInOrder("t", "a");
    assertEquals(
        ErrorCode.SUBSCRIPTION_NOT_FOUND,
        failure(kit.request(address(), request("g", 0, 0, 0, null, 1))));
    beat("f:1", "g", 5);
    assertEquals(
        List.of("a"), bodies(BrokerKit.copy(pulled(request("g", 0, 0, 0, null, 5)).messages())));
    Pull newer = new Pull("g", "t", 0, 0, 32, 1 << 18, 0, null, 6, false, -1, "f:1");
    assertEquals(ErrorCode.SUBSCRIPTION_NOT_LATEST, failure(newer));
    assertEquals(
        List.of("a"), bodies(BrokerKit.copy(pulled(request("g", 0, 0, 0, null, 6)).messages())));
  }

  @Test
  void shouldTakeThePositionThatComesWithAPull() throws Exception {
    kit.sendInOrder("t", "a", "b", "c");
    beat("f:1", "g", 1);
    for (long position : new long[] {2, 3, 1}) {
      pullAt(position);
      assertEquals(position, offset("g", 0, false));
    }
    kit.restart();
    assertEquals(1, offset("g", 0, false));
  }

  @Test
  void shouldHaveRecordedAPositionThatItTold() throws Exception {
    kit.sendInOrder("t", "a", "b", "c");
    beat("f:1", "g", 1);
    commit("g", 0, 1);
    long end = logEnd();
    assertEquals(1, lag("g"));
    assertEquals(end, logEnd(), "nothing has moved, so there is nothing to record");
    pullAt(2);
    assertEquals(2, offset("g", 0, false));
    assertTrue(logEnd() > end, "an offset");
    end = logEnd();
    pullAt(3);
    assertEquals(3, lag("g"));
    assertTrue(logEnd() > end, "a lag");
  }

  @Test
  void shouldLeadLiveClientsToAPositionThatAnOperatorSets() throws Exception {
    kit.sendInOrder("t", "a", "b", "c");
    beat("f:1", "g", 1);
    commit("g", 0, 3);
    Future<Pulled> waiting = kit.request(address(), request("g", 0, 3, 20_000, null, 1));
    kit.admin(new AdminRequest.SetPosition("g", "t", null, new int[] {0}, new long[] {1}));
    assertEquals(Outcome.EMPTY, waiting.await(10, SECONDS).outcome());
    // The client still believes in what it had.
    commit("g", 0, 3);
    assertEquals(1, offset("g", 0, false));
    Pulled told = pulled(new Pull("g", "t", 0, 3, 32, 1 << 18, 0, null, 1, true, 3, "f:1"));
    assertEquals(Outcome.MOVED, told.outcome());
    assertEquals(1, told.nextOffset());
    assertEquals(1, offset("g", 0, false));
    assertEquals(List.of("b", "c"), bodies(BrokerKit.copy(pull("g", 0, 1, 0).messages())));
    commit("g", 0, 2);
    assertEquals(2, offset("g", 0, false));
  }

  @Test
  void shouldEndTheWaitsOfAConnectionThatIsGone() throws Exception {
    kit.sendInOrder("t", "a");
    beat("f:1", "g", 1);
    Future<Pulled> waiting = kit.request(address(), request("g", 0, 1, 20_000, null, 1));
    kit.release("f:1");
    assertEquals(Outcome.EMPTY, waiting.await(10, SECONDS).outcome());
  }

  @Test
  void shouldMakeGroupAndRetryTopicAndTellTheFrontsOfEachChange() throws Exception {
    ConcurrentLinkedQueue<String> told = new ConcurrentLinkedQueue<>();
    for (String front : List.of("f", "h")) {
      kit.vertx
          .eventBus()
          .<FrontNotice.GroupChanged>localConsumer(
              Addresses.front(front),
              notice -> told.add(notice.body().group() + notice.body().holders()))
          .completion()
          .await(10, SECONDS);
    }
    kit.sendInOrder("t", "a");
    beat("f:1", "g", 1);
    BrokerKit.awaitEquals(List.of("g[f:1]"), () -> List.copyOf(told));
    beat("h:1", "g", 1);
    BrokerKit.awaitEquals(
        List.of("g[f:1]", "g[f:1]", "g[h:1]"), () -> told.stream().sorted().toList());
    assertEquals(
        1, kit.<AdminRequest.Topic>admin(new AdminRequest.GetTopic("%RETRY%g")).config().queues());
    ClientKept.Consumers consumers =
        kit.<ClientKept.Consumers>request(address(), new ClientKept.GetConsumers("g"))
            .await(10, SECONDS);
    assertEquals(2, consumers.members().size());
    assertEquals(ErrorCode.CONSUMER_OFFLINE, failure(new ClientKept.GetConsumers("none")));
  }

  @Test
  void shouldMakeATopicWithTheQueuesTheClientWants() throws Exception {
    assertEquals(3, ensure("new", 3));
    assertEquals(4, ensure("large", 100));
    assertEquals(3, ensure("new", 1));
    assertEquals(1, ensure("%RETRY%g", 4));
    assertEquals(ErrorCode.NO_PERMISSION, failure(new EnsureTopic("rmq_sys_x", "TBW102", 4)));
    kit.stop();
    kit.options.setAutoCreateTopics(false);
    kit.start();
    assertEquals(ErrorCode.TOPIC_NOT_FOUND, failure(new EnsureTopic("other", "TBW102", 4)));
  }

  private int ensure(String topic, int queues) throws Exception {
    return kit.<AdminRequest.Topic>request(address(), new EnsureTopic(topic, "TBW102", queues))
        .await(10, SECONDS)
        .config()
        .queues();
  }

  private void sendTagged(String tag, String body) throws Exception {
    MessageBatch batch = kit.batch();
    BrokerKit.add(batch, "t", QueueSelector.queue(0), tag, body);
    kit.send(batch);
  }

  private void beat(String holder, String group, long version) throws Exception {
    ask(
        new Heartbeat(
            new Member("id-" + holder, holder, "10.0.0.1:1", "JAVA", 513),
            List.of(),
            List.of(
                new Membership(
                    group,
                    "CONSUME_PASSIVELY",
                    "CLUSTERING",
                    "CONSUME_FROM_LAST_OFFSET",
                    List.of(new Subscription("t", Filter.ALL, version))))));
  }

  private void commit(String group, int queueId, long offset) throws Exception {
    ask(new Commit(group, "t", queueId, offset));
  }

  /** Pulls, and says with it where the group stands. */
  private void pullAt(long position) throws Exception {
    pulled(new Pull("g", "t", 0, 0, 32, 1 << 18, 0, null, 1, true, position, "f:1"))
        .messages()
        .close();
  }

  /** Where the group stands in queue 0, as its lag says. */
  private long lag(String group) throws Exception {
    AdminRequest.Lag lag = kit.admin(new AdminRequest.GetLag(group));
    return lag.queues().stream()
        .filter(queue -> queue.topic().equals("t") && queue.queueId() == 0)
        .findFirst()
        .orElseThrow()
        .committedOffset();
  }

  private long logEnd() throws Exception {
    return kit.<AdminRequest.BrokerInfo>admin(new AdminRequest.GetBroker()).maxPhysicalOffset();
  }

  private long offset(String group, int queueId, boolean zeroIfWhole) throws Exception {
    return kit.<ClientKept.Offset>request(
            address(), new GetOffset(group, "t", queueId, zeroIfWhole))
        .await(10, SECONDS)
        .queueOffset();
  }

  private Pulled pull(String group, int queueId, long offset, long waitMs) throws Exception {
    return pulled(request(group, queueId, offset, waitMs, null, 1));
  }

  private Pulled pulled(Pull pull) throws Exception {
    return kit.<Pulled>request(address(), pull).await(10, SECONDS);
  }

  private static Pull request(
      String group, int queueId, long offset, long waitMs, Filter filter, long version) {
    return new Pull(
        group, "t", queueId, offset, 32, 1 << 18, waitMs, filter, version, true, -1, "f:1");
  }

  private void ask(ClientKept request) throws Exception {
    assertEquals(Done.DONE, kit.request(address(), request).await(10, SECONDS));
  }

  private ErrorCode failure(ClientKept request) {
    return failure(kit.request(address(), request));
  }

  private static ErrorCode failure(Future<? extends BusMessage> future) {
    Throwable failure = assertThrows(Throwable.class, () -> future.await(10, SECONDS));
    return SluiceException.of(failure).code();
  }

  private static String address() {
    return Addresses.clientKept(BrokerKit.BROKER);
  }
}
