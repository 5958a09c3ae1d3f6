package io.sluice.broker;

import static io.sluice.broker.BrokerKit.ackRequest;
import static io.sluice.broker.BrokerKit.add;
import static io.sluice.broker.BrokerKit.receiveRequest;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.sluice.broker.BrokerKit.Received;
import io.sluice.bus.AckLevel;
import io.sluice.bus.Addresses;
import io.sluice.bus.AdminRequest.BrokerInfo;
import io.sluice.bus.AdminRequest.GetBroker;
import io.sluice.bus.AdminRequest.GetLag;
import io.sluice.bus.AdminRequest.Lag;
import io.sluice.bus.AdminRequest.QueueLag;
import io.sluice.bus.AdminRequest.SetPosition;
import io.sluice.bus.AppendReply;
import io.sluice.bus.BusMessage;
import io.sluice.bus.ErrorCode;
import io.sluice.bus.Filter;
import io.sluice.bus.ReadRequest;
import io.sluice.bus.ReceiveReply;
import io.sluice.bus.SettleReply.Outcome;
import io.sluice.bus.SluiceException;
import io.sluice.bus.StartPosition;
import io.sluice.message.MessageBatch;
import io.sluice.message.QueueSelector;
import io.sluice.metrics.Metrics;
import io.sluice.testkit.Await;
import io.vertx.core.Future;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** A Broker whose disk is slow, full or broken, or whose process dies. */
@Timeout(60)
class BrokerTroubleTest {

  private static final String KILOBYTE = "x".repeat(1_024);

  @TempDir Path directory;
  @TempDir Path otherDirectory;
  private final TroubledFiles files = new TroubledFiles();
  private BrokerKit kit;

  @BeforeEach
  void start() {
    kit = new BrokerKit(directory);
    kit.files = files;
    kit.options.getStore().segmentBytes(64 << 10);
  }

  @AfterEach
  void stop() throws Exception {
    files.letGo();
    kit.close();
  }

  @Test
  void shouldParkSendsWhileTheStoreIsBusyAndKeepTheirOrder() throws Exception {
    kit.start();
    kit.sendInOrder("orders", "first");
    files.hold();
    List<Future<AppendReply>> sent = sendKilobytes(1_000);
    assertFalse(sent.get(999).isComplete());
    files.letGo();
    long offset = 0;
    for (Future<AppendReply> each : sent) {
      AppendReply reply = Await.result("a parked send", each);
      assertNull(reply.error(0));
      assertEquals(++offset, reply.queueOffset(0));
    }
  }

  @Test
  void shouldForceAndCloseTheStoreWhenAPartDoesNotStop() throws Exception {
    kit.metrics =
        new Metrics() {
          @Override
          public void removeGauge(String name, String... labels) {
            throw new IllegalStateException("this part does not stop");
          }
        };
    kit.start();
    MessageBatch batch = kit.batch();
    add(batch, "orders", QueueSelector.ANY, null, "a");
    assertNull(Await.result("a send", kit.append(batch, AckLevel.MEMORY, false)).error(0));

    kit.stop();

    // It is neither locked nor behind what was acked.
    kit.metrics = Metrics.NONE;
    kit.start();
    assertEquals(List.of("a"), BrokerKit.bodies(kit.receive("g", "orders", 9)));
  }

  @Test
  void shouldServeWhoWaitedWhileTheStateCouldNotBeWritten() throws Exception {
    kit.start();
    kit.sendInOrder("orders", "a");
    kit.receive("g", "orders", 1);
    files.hold();
    Await.until("the state to wait for the store", () -> !mayChangeTheState());
    Future<ReceiveReply> waits = kit.receiveLater(receiveRequest("g", "orders", 1, 60_000));
    kit.admin(new GetBroker());
    assertFalse(waits.isComplete());

    // From here on nobody asks for anything that would have the receive looked at again.
    files.letGo();

    assertEquals(List.of("a"), BrokerKit.bodies(BrokerKit.copy(Await.result("it", waits))));
  }

  /** Changes it a hundred times; false if one of them is refused because the store is busy. */
  private boolean mayChangeTheState() {
    List<Future<BusMessage>> changes = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      changes.add(
          kit.request(
              Addresses.admin(BrokerKit.BROKER),
              new SetPosition("g", "orders", StartPosition.EARLIEST, null, null)));
    }
    Await.until(
        "the Broker to take the changes",
        () -> {
          kit.admin(new GetBroker());
          return true;
        });
    return changes.stream().noneMatch(Future::failed);
  }

  @Test
  void shouldRefuseSendsBeyondTheParkedBytes() throws Exception {
    kit.options.setMaxParkedBytes(10 << 10);
    kit.start();
    kit.sendInOrder("orders", "first");
    files.hold();
    List<Future<AppendReply>> sent = sendKilobytes(1_000);
    SluiceException refused = Await.result("a refused send", sent.get(999)).error(0);
    assertEquals(ErrorCode.BUSY, refused.code());
    files.letGo();
    int stored = 0;
    for (Future<AppendReply> each : sent) {
      stored += Await.result("an answer", each).error(0) == null ? 1 : 0;
    }
    assertTrue(stored > 0);
    assertEquals(stored + 1, kit.<BrokerInfo>admin(new GetBroker()).messagesIn());
  }

  @Test
  void shouldSayThatTheDiskIsFullAndGoOnWhenItIsNot() throws Exception {
    kit.start();
    kit.sendInOrder("orders", "first");
    files.setFull(true);
    Await.until(
        "the disk to be full",
        () -> {
          AppendReply reply = Await.result("an answer", sendKilobytes(1).get(0));
          return reply.error(0) != null && reply.error(0).code() == ErrorCode.DISK_FULL;
        });
    List<Received> got = kit.receive("g", "orders", 1);
    assertEquals("first", got.get(0).body());
    assertEquals(List.of(Outcome.OK), kit.ack("g", got));
    assertFalse(kit.<BrokerInfo>admin(new GetBroker()).writable());

    files.setFull(false);
    Await.until(
        "room again", () -> Await.result("an answer", sendKilobytes(1).get(0)).error(0) == null);
  }

  @Test
  void shouldRefuseEverythingThatNeedsTheDiskAfterAFailedForce() throws Exception {
    kit.start();
    kit.sendInOrder("orders", "a", "b");
    List<Received> got = kit.receive("g", "orders", 1);
    files.failToForce();
    MessageBatch batch = kit.batch();
    add(batch, "orders", QueueSelector.ANY, null, "x");
    assertEquals(ErrorCode.STORE_FAILED, codeOf(kit.append(batch, AckLevel.DISK, false)));
    assertEquals(ErrorCode.STORE_FAILED, codeOf(kit.settleLater(ackRequest("g", got))));
    MessageBatch more = kit.batch();
    add(more, "orders", QueueSelector.ANY, null, "y");
    assertEquals(ErrorCode.STORE_FAILED, codeOf(kit.append(more, AckLevel.MEMORY, false)));
    assertEquals(
        ErrorCode.STORE_FAILED, codeOf(kit.receiveLater(receiveRequest("g", "orders", 1, 0))));
    assertFalse(kit.<BrokerInfo>admin(new GetBroker()).writable());
  }

  @Test
  void shouldSayThatAMessageIsDamagedAndNotThatThereIsNone() throws Exception {
    kit.start();
    kit.sendInOrder("orders", "damaged");
    kit.stop();
    Path segment = directory.resolve("commitlog/00000000000000000000");
    String log = Files.readString(segment, StandardCharsets.ISO_8859_1);
    byte[] bytes = log.getBytes(StandardCharsets.ISO_8859_1);
    bytes[log.indexOf("damaged")] ^= 1;
    Files.write(segment, bytes);
    kit.start();
    ReadRequest request =
        new ReadRequest(
            "orders", null, null, StartPosition.EARLIEST, 1, 1_000, 0, Filter.ALL, null);
    Throwable refused =
        Await.failure("a refusal", kit.request(Addresses.read(BrokerKit.BROKER), request));
    assertEquals(ErrorCode.STORE_FAILED, SluiceException.of(refused).code());
    assertTrue(refused.getMessage().contains("is damaged"), refused.getMessage());
  }

  @Test
  void shouldKeepWhatWasSettledAndWhatWasNotOverACrash() throws Exception {
    kit.start();
    Set<String> left = new TreeSet<>();
    List<Received> open = new ArrayList<>();
    for (int round = 0; round < 20; round++) {
      for (int i = 0; i < 10; i++) {
        String body = "m" + (round * 10 + i);
        kit.send("orders", body);
        left.add(body);
      }
      List<Received> got = kit.receive("g", "orders", 9);
      List<Received> settled = got.subList(0, got.size() - 2);
      kit.ack("g", settled);
      settled.forEach(message -> left.remove(message.body()));
      open.addAll(got.subList(got.size() - 2, got.size()));
    }
    copy(directory, otherDirectory);

    try (BrokerKit after = new BrokerKit(otherDirectory)) {
      after.options.getStore().segmentBytes(64 << 10);
      after.start();
      assertEquals(left.size(), waiting(after, "g"));
      for (Received message : open) {
        assertEquals(List.of(Outcome.OK), after.ack("g", List.of(message)));
        left.remove(message.body());
      }
      while (!left.isEmpty()) {
        List<Received> rest = after.receive(receiveRequest("g", "orders", 100, 5_000));
        assertFalse(rest.isEmpty(), "not handed out: " + left);
        for (Received message : rest) {
          assertTrue(left.remove(message.body()), "handed out again: " + message.body());
          assertEquals(1, message.attempt());
        }
        after.ack("g", rest);
      }
      assertEquals(0, waiting(after, "g"));
    }
  }

  @Test
  void shouldRefuseToStartWithADamagedSnapshot() throws Exception {
    kit.start();
    kit.send("orders", "a");
    kit.stop();
    Path snapshot = directory.resolve(SnapshotFile.NAME);
    byte[] bytes = Files.readAllBytes(snapshot);
    bytes[bytes.length / 2] ^= 1;
    Files.write(snapshot, bytes);
    try {
      kit.start();
      throw new AssertionError("started");
    } catch (IOException e) {
      assertTrue(e.getMessage().contains(SnapshotFile.NAME), e.getMessage());
    }
    Files.delete(snapshot);
    kit.start();
    assertEquals(1, kit.receive(receiveRequest("g", "orders", 1, 5_000)).size());
  }

  private List<Future<AppendReply>> sendKilobytes(int count) {
    List<Future<AppendReply>> sent = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      MessageBatch batch = kit.batch();
      add(batch, "orders", QueueSelector.queue(0), null, KILOBYTE);
      sent.add(kit.append(batch, AckLevel.MEMORY, false));
    }
    Await.until(
        "the sends to be taken",
        () -> {
          kit.admin(new GetBroker());
          return true;
        });
    return sent;
  }

  private static long waiting(BrokerKit kit, String group) throws Exception {
    Lag lag = kit.admin(new GetLag(group));
    return lag.queues().stream().mapToLong(QueueLag::waiting).sum();
  }

  /** The code of a failure, whether it is said of the request or of its first message. */
  private static ErrorCode codeOf(Future<?> future) {
    Future<?> refused =
        future.compose(
            value ->
                value instanceof AppendReply reply && reply.error(0) != null
                    ? Future.failedFuture(reply.error(0))
                    : Future.succeededFuture(value));
    return codeOfFailure(refused);
  }

  private static ErrorCode codeOfFailure(Future<?> future) {
    return SluiceException.of(Await.failure("a refusal", future)).code();
  }

  private static void copy(Path from, Path to) throws IOException {
    try (Stream<Path> files = Files.walk(from)) {
      for (Path each : files.toList()) {
        Path target = to.resolve(from.relativize(each).toString());
        if (Files.isDirectory(each)) {
          Files.createDirectories(target);
        } else {
          Files.copy(each, target);
        }
      }
    }
  }
}
