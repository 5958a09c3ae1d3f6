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
import io.sluice.bus.AppendReply;
import io.sluice.bus.BusMessage;
import io.sluice.bus.ClientKept;
import io.sluice.bus.ClientKept.GetRetryTopic;
import io.sluice.bus.ClientKept.RetryTopic;
import io.sluice.bus.ClientKept.SendBack;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.GroupConfig;
import io.sluice.bus.SluiceException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A whole Broker and messages that clients which keep their queues give back. */
class SendBackTest {

  @TempDir Path directory;

  private BrokerKit kit;

  @BeforeEach
  void start() throws Exception {
    kit = new BrokerKit(directory).start();
    kit.admin(new AdminRequest.PutGroup(new GroupConfig("g", 2, List.of(200L), 1_000)));
  }

  @AfterEach
  void stop() throws Exception {
    kit.close();
  }

  @Test
  void shouldKeepARetryOverARestartAndDeliverItOnce() throws Exception {
    AppendReply sent = kit.sendInOrder("t", "a", "b");
    long startMs = System.currentTimeMillis();
    ask(new SendBack("g", sent.physicalOffset(1), ClientKept.DELAY_OF_GROUP, -1, null));
    kit.restart();
    List<Received> retried = kit.receive(receiveRequest("x", "%RETRY%g", 10, 10_000));
    assertTrue(System.currentTimeMillis() - startMs >= 200);
    assertEquals(List.of("b"), bodies(retried));
    assertEquals("t", retried.get(0).message().properties().get("RETRY_TOPIC"));
    assertEquals(32, retried.get(0).message().properties().get("ORIGIN_MESSAGE_ID").length());
    assertFalse(retried.get(0).message().properties().containsKey("REAL_TOPIC"));
    kit.restart();
    assertEquals(1, kit.receive(receiveRequest("y", "%RETRY%g", 10, 0)).size());
  }

  @Test
  void shouldBuryWhatIsNotToComeAgain() throws Exception {
    AppendReply sent = kit.sendInOrder("t", "never", "often");
    ask(new SendBack("g", sent.physicalOffset(0), ClientKept.NEVER_AGAIN, -1, null));
    ask(new SendBack("g", sent.physicalOffset(1), 1, 0, null));
    List<Received> dead = kit.receive("x", "%DLQ%g", 10);
    assertEquals(List.of("never", "often"), bodies(dead));
    assertEquals("t", dead.get(0).message().properties().get("DLQ_ORIGIN_TOPIC"));
    assertEquals("g", dead.get(0).message().properties().get("ORIGIN_GROUP"));
  }

  @Test
  void shouldLetNothingComeAgainInAGroupWithoutRetries() throws Exception {
    AppendReply sent = kit.sendInOrder("t", "a", "b");
    kit.admin(new AdminRequest.PutGroup(once(Map.of())));
    assertEquals(new RetryTopic("%RETRY%g", false), ask(new GetRetryTopic("g", 1, -1)));
    kit.admin(new AdminRequest.PutGroup(once(Map.of("retryMaxTimes", "0"))));
    assertEquals(new RetryTopic("%DLQ%g", true), ask(new GetRetryTopic("g", 1, -1)));
    ask(new SendBack("g", sent.physicalOffset(0), 1, -1, null));
    assertEquals(List.of("a"), bodies(kit.receive("x", "%DLQ%g", 10)));
  }

  private static GroupConfig once(Map<String, String> attributes) {
    return new GroupConfig("g", 1, List.of(1L), 1, attributes);
  }

  @Test
  void shouldRefuseWhatIsNoMessageAndNoGroup() throws Exception {
    AppendReply sent = kit.sendInOrder("t", "a");
    assertEquals(
        ErrorCode.INVALID_GROUP,
        failure(new SendBack("no name", sent.physicalOffset(0), 1, 1, null)));
    assertEquals(
        ErrorCode.MESSAGE_NOT_FOUND,
        failure(new SendBack("g", sent.physicalOffset(0) + 1, 1, 1, null)));
    // The log begins with a record of the Broker's own.
    assertEquals(ErrorCode.MESSAGE_NOT_FOUND, failure(new SendBack("g", 0, 1, 1, null)));
    assertEquals(ErrorCode.INVALID_GROUP, failure(new GetRetryTopic("no name", 1, 1)));
    assertEquals(new RetryTopic("%RETRY%new", false), ask(new GetRetryTopic("new", 1, 1)));
  }

  @Test
  void shouldSayWhereAClientsOwnRetryGoes() throws Exception {
    assertEquals(new RetryTopic("%RETRY%g", false), ask(new GetRetryTopic("g", 3, 3)));
    assertEquals(new RetryTopic("%DLQ%g", true), ask(new GetRetryTopic("g", 4, 3)));
    assertEquals(new RetryTopic("%DLQ%g", true), ask(new GetRetryTopic("g", 3, -1)));
    kit.sendInOrder("t", "a");
    ask(new ClientKept.Lock("g", "client", List.of(new ClientKept.Queue("t", 0))));
    assertEquals(new RetryTopic("%DLQ%g", true), ask(new GetRetryTopic("g", 1, 3)));
  }

  private ErrorCode failure(ClientKept request) {
    return SluiceException.of(assertThrows(Exception.class, () -> this.<BusMessage>ask(request)))
        .code();
  }

  private <T extends BusMessage> T ask(ClientKept request) throws Exception {
    return kit.<T>request(Addresses.clientKept(BrokerKit.BROKER), request).await(10, SECONDS);
  }
}
